"""The catalog format `tiny:<folder>`: pictures, and a `tiny.json` that says what they show.

    {"classes": {"dog": "animal", "cup": "tableware"},
     "images": {"a.png": {"dog": 2}, "b.png": {"cup": 1, "dog": null}}}

A class that is left out is certainly not there; `null`: there may be some, nobody counted.
"""

import json
from pathlib import Path

import numpy as np

from mimic_checks.catalog import Catalog, CatalogFormat
from mimic_checks.catalog.images import FileImages
from mimic_checks.errors import CatalogError


def tiny(folder: str, *, most: int = 10) -> Catalog:
    """The catalog in a folder. `most`: of more instances in an image nobody is asked how many.

    Raises:
        CatalogError: it cannot be read.
    """
    home = Path(folder)
    try:
        described = json.loads((home / "tiny.json").read_text())
        classes, images = described["classes"], described["images"]
        names = list(classes)
        counts = np.zeros((len(images), len(names)), dtype=np.int16)
        uncountable = np.zeros(counts.shape, dtype=bool)
        for row, shown in enumerate(images.values()):
            for name, count in shown.items():
                counts[row, names.index(name)] = count or 0
                uncountable[row, names.index(name)] = count is None or count > most
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise CatalogError(f"catalog={folder!r} holds no tiny catalog ({error!r})") from error
    return Catalog(
        name=f"tiny:{home.name}?most={most}",
        class_names=tuple(names),
        supercategories=tuple(classes.values()),
        counts=counts,
        uncountable=uncountable,
        areas=(counts > 0).astype(np.float32),
        source=FileImages([home / name for name in images]),
    )


TINY = CatalogFormat(name="tiny", catalog=tiny)
