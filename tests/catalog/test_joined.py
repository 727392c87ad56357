"""Pictures of several catalogs behind one."""

from __future__ import annotations

import pytest

from mimic_checks.catalog import load_catalog, rendered
from mimic_checks.catalog.joined import ROWS, first_row, with_others
from mimic_checks.catalog.stored import stored, write_stored
from mimic_checks.errors import CatalogError

OTHER, THIRD = "rendered?seed=5&scenes=6&families=0", "rendered?seed=6&scenes=6&families=0"


@pytest.fixture
def joined():
    own = rendered(seed=4, scenes=8, families=0)
    return own, with_others(own, {OTHER: load_catalog(OTHER), THIRD: load_catalog(THIRD)})


def test_a_row_means_the_same_picture_whatever_stands_beside(joined):
    own, both = joined
    alone = with_others(rendered(seed=4, scenes=8, families=0), {OTHER: load_catalog(OTHER)})
    row = first_row(OTHER) + 3
    assert both.manifest.id(row) == alone.manifest.id(row) == load_catalog(OTHER).manifest.id(3)
    assert [both.manifest.id(k) for k in range(8)] == [own.manifest.id(k) for k in range(8)]
    assert both.manifest.row(both.manifest.id(row)) == row
    assert both.manifest.open(both.manifest.id(row)).size == (64, 64)
    assert both.source.describe(row) == "scene 3"
    assert len(both) == 8
    assert row < 2**53


def test_what_no_catalog_has_is_not_readable_and_not_opened(joined):
    _, both = joined
    for row in (-1, 8, first_row(OTHER) + 6, first_row(OTHER) + ROWS, first_row("else")):
        assert not both.manifest.readable(row)
        with pytest.raises(OSError, match="row"):
            both.manifest.id(row)
    with pytest.raises(KeyError):
        both.manifest.open("0" * 64)
    assert not both.manifest.knows("0" * 64)


def test_pictures_of_all_of_them_are_stored_and_only_their_own_catalogs_objects_are_known(
    joined, tmp_path
):
    _, both = joined
    rows = [2, first_row(OTHER) + 3, 5]
    ids = [both.manifest.id(row) for row in rows]
    write_stored(both, rows, tmp_path)
    again = stored(tmp_path)
    assert [again.manifest.id(row) for row in range(3)] == ids
    assert (again.counts[[0, 2]] == both.counts[[2, 5]]).all()
    assert again.uncountable[1].all()
    assert not again.counts[1].any()


def test_too_many_pictures_for_the_numbers_are_refused(joined, monkeypatch):
    own, _ = joined
    monkeypatch.setattr("mimic_checks.catalog.joined.ROWS", 5)
    with pytest.raises(CatalogError, match="8 images; allowed beside others: 5"):
        with_others(own, {OTHER: load_catalog(OTHER)})
