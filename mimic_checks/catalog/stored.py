"""A part of a catalog on disk: just the images that a case set shows, with what they show.

`images/` holds files byte by byte, and rendered scenes as lossless PNG; `catalog.json` what they
show. Image ids are recomputed from the files, so a changed picture is a different image.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mimic_checks.catalog.catalog import Catalog
from mimic_checks.catalog.format import CatalogFormat
from mimic_checks.catalog.images import FileImages, open_image, pixel_bytes
from mimic_checks.errors import CatalogError


class PixelFiles(FileImages):
    """Rendered scenes in lossless files: their ids hash the pixels, as they do for a scene."""

    def load(self, row: int) -> tuple[Image.Image, bytes]:
        picture = open_image(self.paths[row])
        return picture, pixel_bytes(picture)

    def hashed(self, row: int) -> bytes:
        return pixel_bytes(open_image(self.paths[row]))


def write_stored(catalog: Catalog, rows: Sequence[int], folder: Path) -> None:
    """Writes the images of `rows` with everything the catalog knows about them; row i of the new
    catalog is `rows[i]`."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    files = []
    for row in rows:
        path = catalog.source.file(row)
        name = f"{catalog.manifest.id(row)[:32]}{path.suffix if path else '.png'}"
        if path:
            shutil.copyfile(path, folder / "images" / name)
        else:
            catalog.source.load(row)[0].save(folder / "images" / name)
        files.append(name)
    data = {
        "from": catalog.name,
        # Rendered scenes have no file; stored once, they have one, and are still hashed by pixels.
        "ids": (
            "pixels"
            if (rows and catalog.source.file(rows[0]) is None)
            or isinstance(catalog.source, PixelFiles)
            else "bytes"
        ),
        "files": files,
        "class_names": catalog.class_names,
        "supercategories": catalog.supercategories,
        "counts": catalog.counts[list(rows)].tolist(),
        "uncountable": catalog.uncountable[list(rows)].astype(int).tolist(),
        "areas": catalog.areas[list(rows)].round(5).tolist(),
    }
    # Last: without it, a folder whose writing was cut off is no case set.
    (folder / "catalog.json").write_text(json.dumps(data))


def stored(folder: Path | str) -> Catalog:
    """The catalog that `write_stored` wrote.

    Raises:
        CatalogError: it is not there, broken, or a file is missing.
    """
    folder = Path(folder)
    try:
        data = json.loads((folder / "catalog.json").read_bytes())
        # By name alone: a set that somebody sent shows no other files of this machine.
        paths = [folder / "images" / Path(name).name for name in data["files"]]
        missing = [path.name for path in paths if not path.is_file()]
        if missing:
            raise CatalogError(
                f"catalog={str(folder)!r}: {len(missing)} images are missing, first {missing[0]!r};"
                " write the set again"
            )
        shape = (len(paths), len(data["class_names"]))
        return Catalog(
            name=f"cases:{folder}",
            class_names=tuple(data["class_names"]),
            supercategories=tuple(data["supercategories"]),
            counts=np.array(data["counts"], dtype=np.int16).reshape(shape),
            uncountable=np.array(data["uncountable"], dtype=bool).reshape(shape),
            areas=np.array(data["areas"], dtype=np.float32).reshape(shape),
            source=PixelFiles(paths) if data["ids"] == "pixels" else FileImages(paths),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise CatalogError(
            f"catalog={str(folder)!r} holds no case set ({error!r}); write one with: mimic-checks"
            " cases"
        ) from error


STORED = CatalogFormat(name="cases", catalog=stored)
