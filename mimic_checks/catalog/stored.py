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
from mimic_checks.catalog.images import (
    FileImages,
    ImageSource,
    SceneImages,
    open_image,
    pixel_bytes,
)
from mimic_checks.catalog.joined import JoinedSource
from mimic_checks.errors import CatalogError


class StoredImages(FileImages):
    """Pictures in files, some of them (`pixels`) rendered scenes in lossless files: their ids hash
    the pixels, as they do for a scene."""

    def __init__(self, paths: Sequence[Path], pixels: Sequence[bool]) -> None:
        super().__init__(paths)
        self.pixels = pixels

    def load(self, row: int) -> tuple[Image.Image, bytes]:
        if not self.pixels[row]:
            return super().load(row)
        picture = open_image(self.paths[row])
        return picture, pixel_bytes(picture)

    def hashed(self, row: int) -> bytes:
        if not self.pixels[row]:
            return super().hashed(row)
        return pixel_bytes(open_image(self.paths[row]))


def write_stored(catalog: Catalog, rows: Sequence[int], folder: Path) -> None:
    """Writes the images of `rows` with everything the catalog knows about them; row i of the new
    catalog is `rows[i]`."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    files = [_write_picture(catalog, row, folder / "images") for row in rows]
    # Of pictures of other catalogs beside it, the catalog itself knows nothing.
    own = np.array([row < len(catalog) for row in rows], dtype=bool)
    at = [row if row < len(catalog) else 0 for row in rows]
    data = {
        "from": catalog.name,
        "ids": ["pixels" if _by_pixels(catalog.source, row) else "bytes" for row in rows],
        "files": files,
        "class_names": catalog.class_names,
        "supercategories": catalog.supercategories,
        "counts": np.where(own[:, None], catalog.counts[at], 0).tolist(),
        "uncountable": np.where(own[:, None], catalog.uncountable[at], 1).astype(int).tolist(),
        "areas": np.where(own[:, None], catalog.areas[at].round(5), 0.0).tolist(),
    }
    # Last: without it, a folder whose writing was cut off is no case set.
    (folder / "catalog.json").write_text(json.dumps(data))


def _write_picture(catalog: Catalog, row: int, folder: Path) -> str:
    """Writes the picture of a row as it is, or as PNG; the name of its file."""
    path = catalog.source.file(row)
    if path:
        name = f"{catalog.manifest.id(row)[:32]}{path.suffix}"
        shutil.copyfile(path, folder / name)
    elif _by_pixels(catalog.source, row):
        name = f"{catalog.manifest.id(row)[:32]}.png"
        catalog.source.load(row)[0].save(folder / name)
    else:
        # Bytes that stand in a larger file; whatever their format, they are opened by content.
        name = f"{catalog.manifest.id(row)[:32]}.img"
        (folder / name).write_bytes(catalog.source.hashed(row))
    return name


def _by_pixels(source: ImageSource, row: int) -> bool:
    """Whether a picture's id hashes its pixels: rendered scenes have no file; stored once, they
    have one."""
    if isinstance(source, JoinedSource):
        return _by_pixels(*source.part(row))
    return isinstance(source, SceneImages) or (
        isinstance(source, StoredImages) and source.pixels[row]
    )


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
            source=StoredImages(paths, _pixels(data["ids"], len(paths))),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise CatalogError(
            f"catalog={str(folder)!r} holds no case set ({error!r}); write one with: mimic-checks"
            " cases"
        ) from error


def _pixels(ids: object, number: int) -> list[bool]:
    """By picture, whether its id hashes pixels; a set of before says it once for all."""
    each = ids if isinstance(ids, list) else [ids] * number
    if len(each) != number or not set(each) <= {"pixels", "bytes"}:
        raise ValueError(f"ids={ids!r:.80}; allowed: 'pixels' or 'bytes' for each of {number}")
    return [one == "pixels" for one in each]


STORED = CatalogFormat(name="cases", catalog=stored)
