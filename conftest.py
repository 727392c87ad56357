"""Set-up of this repository's own tests; nothing a user of the plugin needs lives here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["pytester"]

os.environ.setdefault("HF_HUB_OFFLINE", "1")
settings.register_profile(
    "repository",
    deadline=None,
    database=None,
    max_examples=60,
    derandomize=bool(os.environ.get("CI")),
    print_blob=False,
)
settings.load_profile("repository")

PHOTOS = Path(__file__).parent.parent / "shared" / "data" / "coco_open_licence"


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of real COCO photos, where it is at hand."""
    if not PHOTOS.is_dir():
        pytest.skip("the photos of coco_open_licence are not at hand")
    return PHOTOS


@pytest.fixture(scope="session")
def scenes():
    """A rendered catalog that no test changes."""
    from mimic_checks.catalog import rendered

    return rendered(seed=7, scenes=1200, families=12)
