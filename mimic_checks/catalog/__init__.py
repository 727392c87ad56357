"""What the images show: COCO photos and rendered scenes as one `Catalog`; these and OpenImages
labels as a `Presence`.
"""

from mimic_checks.catalog.catalog import Catalog
from mimic_checks.catalog.coco import coco
from mimic_checks.catalog.format import CATALOGS, CatalogFormat
from mimic_checks.catalog.presence import Presence, presence
from mimic_checks.catalog.rendered import rendered, write_coco
from mimic_checks.catalog.spec import load_catalog, load_presence

__all__ = [
    "CATALOGS",
    "Catalog",
    "CatalogFormat",
    "Presence",
    "coco",
    "load_catalog",
    "load_presence",
    "presence",
    "rendered",
    "write_coco",
]
