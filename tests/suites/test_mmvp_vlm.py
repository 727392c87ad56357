"""MMVP-VLM: pairs of statements and pictures for encoders, the same as a question for a VLM."""

from __future__ import annotations

import csv

import pytest

from mimic_checks.errors import SuiteError
from mimic_checks.suites.item import Refused
from mimic_checks.suites.mmvp_vlm import MMVP_VLM, StatementPair, read_pairs
from tests.suites.scenes import write_scene

HEADER = ("Question ID", "Type", "Statement")
ROWS = [
    (1, "Orientation", "a dog to the left"),
    (2, "Orientation", "a dog to the right"),
    (3, "Orientation", "a cat, seated"),
    (4, "Orientation", "a cat, standing"),
    (31, "Presence", "a cup with milk"),
    (32, "Presence", "a cup without milk"),
]


def write(
    folder, rows=ROWS, *, home="MMVP_VLM_Images", header=("Question ID", "Type", "Statement")
):
    folder.mkdir(exist_ok=True)
    with (folder / "Questions.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    for place, (number, pattern, *_) in enumerate(rows):
        write_scene(folder / home / pattern / f"{number}.jpg", place)
    return folder


@pytest.mark.parametrize("home", ["MMVP_VLM_Images", "MLLM_VLM Images"])
@pytest.mark.parametrize("header", [HEADER, ("a", "b", "c")])
def test_pairs_are_read_by_place(tmp_path, home, header):
    """Whatever the columns are called, and by the name of either the readme or the script."""
    folder = write(tmp_path / "vlm", home=home, header=header)
    pairs = list(read_pairs(folder))
    for pair, first, second in zip(pairs, ROWS[::2], ROWS[1::2], strict=True):
        assert (pair.number, pair.pattern) == first[:2]
        assert pair.statements == (first[2], second[2])
        for picture, (number, pattern, _) in zip(pair.pictures, (first, second), strict=True):
            assert picture.read() == (folder / home / pattern / f"{number}.jpg").read_bytes()


def test_as_a_suite_both_statements_choose_between_the_two_pictures(tmp_path):
    folder = write(tmp_path / "vlm")
    items = list(MMVP_VLM.read(folder))
    assert [item.id for item in items] == ["1", "2", "3", "4", "31", "32"]
    assert [item.truth.index for item in items] == [0, 1] * 3
    assert [item.group for item in items] == ["1/2"] * 2 + ["3/4"] * 2 + ["31/32"] * 2
    assert all(items[n].images == items[n + 1].images for n in (0, 2, 4))
    assert MMVP_VLM.categories(folder) == ["Orientation", "Presence"]
    assert MMVP_VLM.templates["ours"](items[3]) == (
        'Which image fits "a photo of a cat, standing"?\nA. ',
        0,
        "\nB. ",
        1,
        "\nAnswer with the option's letter.",
    )


def test_a_missing_picture_refuses_its_pair(tmp_path):
    folder = write(tmp_path / "vlm")
    (folder / "MMVP_VLM_Images" / "Orientation" / "4.jpg").unlink()
    (refused,) = (pair for pair in read_pairs(folder) if isinstance(pair, Refused))
    assert (refused.id, refused.reason) == ("3/4", "its picture Orientation/4.jpg is missing")
    names = {item.id for item in MMVP_VLM.read(folder) if isinstance(item, Refused)}
    assert names == {"3", "4"}
    assert sum(isinstance(pair, StatementPair) for pair in read_pairs(folder)) == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (ROWS[1:], "line 2: rows '2' and '3' are no pair; allowed: an odd number"),
        ([ROWS[0], ROWS[2]], "rows '1' and '3' are no pair"),
        ([("x", "Orientation", "a"), ROWS[1]], "rows 'x' and '2' are no pair"),
        ([ROWS[0], (2, "Presence", "a")], "the patterns 'Orientation' and 'Presence'"),
        ([(1, "../x", "a"), (2, "../x", "b")], "allowed: one pattern, the name of a folder"),
        ([ROWS[0]], "line 2: row '1' has no second row"),
        ([(1, "Orientation")], "line 2: 2 cells, need 3"),
    ],
)
def test_rows_that_are_no_pair_are_refused_at_load(tmp_path, rows, said):
    folder = write(tmp_path / "vlm", rows)
    with pytest.raises(SuiteError, match=said):
        list(read_pairs(folder))
