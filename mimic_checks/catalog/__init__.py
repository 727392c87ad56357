"""What the images show: COCO photos and rendered scenes, as one `Catalog`."""

from mimic_checks.catalog.catalog import Catalog
from mimic_checks.catalog.coco import coco
from mimic_checks.catalog.rendered import rendered, write_coco
from mimic_checks.catalog.spec import load_catalog

__all__ = ["Catalog", "coco", "load_catalog", "rendered", "write_coco"]
