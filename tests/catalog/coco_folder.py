"""Small COCO data sets for tests, made where they are wanted."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image


@dataclass
class CocoFolder:
    """`images/` and `annotations/instances.json`, made of lists that a test may change before
    `save`."""

    path: Path
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    categories: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"id": 7, "name": "cat", "supercategory": "animal"},
            {"id": 9, "name": "dog", "supercategory": "animal"},
        ]
    )

    def image(self, name: str, size=(100, 100), *, content: bytes | None = None) -> int:
        """A picture of its own colour, or of some bytes; returns its id."""
        number = len(self.images) + 1
        self.images.append({"id": number, "file_name": name, "width": size[0], "height": size[1]})
        file = self.path / "images" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            stream = io.BytesIO()
            Image.new("RGB", size, (number * 5 % 256, 99, 7)).save(stream, "PNG")
            content = stream.getvalue()
        file.write_bytes(content)
        return number

    def box(self, image: int, box: list[float], category: int = 7, **more: Any) -> int:
        """An annotation; returns its id."""
        number = len(self.annotations) + 1
        self.annotations.append(
            {"id": number, "image_id": image, "category_id": category, "bbox": box, **more}
        )
        return number

    def save(self) -> Path:
        """Writes the labels; returns the folder."""
        (self.path / "annotations").mkdir(parents=True, exist_ok=True)
        data = {
            "images": self.images,
            "annotations": self.annotations,
            "categories": self.categories,
        }
        (self.path / "annotations" / "instances.json").write_text(json.dumps(data))
        return self.path
