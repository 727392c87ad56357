"""Small training data that the training tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimic_checks.catalog import rendered
from mimic_checks.catalog.presence import presence
from remedies.dataset import write_training_data
from remedies.mixture import Mixture, OwnData, Part


@pytest.fixture(scope="session")
def training_data(tmp_path_factory) -> Path:
    """A hundred conversations about two or three scenes."""
    mixture = Mixture(
        parts=(Part(name="counting", family="counting", samples=100, images=(2, 3), turns=(1, 2)),)
    )
    folder = tmp_path_factory.mktemp("training") / "data"
    return write_training_data(
        presence(rendered(seed=31, scenes=300, families=0)), mixture, folder, processes=1
    )


@pytest.fixture(scope="session")
def one_sample_often(tmp_path_factory) -> Path:
    """The same sample 33 times: every batch is the same, in any order, for any processes."""
    folder = tmp_path_factory.mktemp("same")
    mixture = Mixture(parts=(Part(name="c", family="counting", samples=1, images=(2, 2)),))
    labels = presence(rendered(seed=31, scenes=300, families=0))
    first = write_training_data(labels, mixture, folder / "one", processes=1)
    own = OwnData(path=first / "llava.json", image_root=first, weight=0.97)
    return write_training_data(
        labels, mixture.model_copy(update={"own": (own,)}), folder / "often", processes=1
    )
