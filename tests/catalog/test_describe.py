"""`mimic-checks catalog describe`: what it says of a folder is what the folder holds."""

from __future__ import annotations

import json

import pytest
from hypothesis import strategies as st

from mimic_checks.catalog import coco, rendered
from mimic_checks.checks.catalog_description import describe_catalog, description_lines
from mimic_checks.checks.check import Sweep
from mimic_checks.cli import main
from mimic_checks.errors import EmptyPool, InvalidArgument
from tests.catalog.coco_folder import CocoFolder

GOOD = [[10, 10, 40, 10, 40, 40, 10, 40]]


@pytest.fixture
def folder(tmp_path):
    """Pictures with cats: one, two, too small a one, one without a place; a broken file, and one
    that is missing."""
    made = CocoFolder(tmp_path)
    for name in ("a.png", "b.png", "c.png", "d.png"):
        made.image(name)
    made.image("broken.png", content=b"no picture")
    made.image("gone.png")
    (tmp_path / "images" / "gone.png").unlink()
    made.box(1, [10, 10, 30, 30], segmentation=GOOD)
    made.box(2, [10, 10, 30, 30], segmentation=GOOD)
    made.box(2, [50, 50, 30, 30], segmentation=[[50, 50, 80, 50, 80, 80]])
    made.box(3, [10, 10, 3, 3], segmentation=GOOD)
    made.box(4, [10, 10, 30, 30], segmentation=[[]])
    made.box(5, [10, 10, 30, 30], segmentation=GOOD)
    made.save()
    return made


def describe(capsys, *arguments) -> tuple[int, str, str]:
    code = main(["catalog", "describe", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_folder_in_json(folder, capsys):
    spec = f"coco:{folder.path}?missing=skip"
    code, out, progress = describe(capsys, spec, "--json", "--check", "spread.unbalanced")
    assert code == 0
    assert "pictures opened: 5 of 5" in progress
    found = json.loads(out)
    assert found["images"] == 5
    assert found["left_out"] == ["1 of 6 image files are missing: 'gone.png'"]
    (unreadable,) = found["unreadable"]
    assert unreadable.startswith("broken.png: no picture of a format that is opened")
    cat, dog = found["classes"]
    assert cat == {
        "name": "cat",
        "supercategory": "animal",
        "exactly": {"1": 2, "2": 1},
        "absent": 0,
        "uncountable": 1,
        "unlocalizable": 1,
    }
    assert (dog["exactly"], dog["absent"]) == ({}, 4)
    assert [(d["kind"], d["reason"], d["pairs"], d["first"]) for d in found["doubts"]] == [
        ("uncountable", "an instance under min_share=0.01", 1, ["c.png: cat"]),
        ("unlocalizable", "a polygon of fewer than three points", 1, ["d.png: cat"]),
    ]
    (check,) = found["checks"]
    assert check["check"] == "spread.unbalanced"
    assert check["steps"][0]["levels"] == ["1", "2", "3", "4"]
    assert check["steps"][0]["lacking"]


def test_a_folder_for_people(folder, capsys):
    code, out, _ = describe(
        capsys, f"coco:{folder.path}?missing=skip", "--check", "spread.unbalanced"
    )
    assert code == 0
    assert "5 images (4 readable), 2 classes in 1 super-categories" in out
    assert "left out: 1 of 6 image files are missing: 'gone.png'" in out
    assert "unreadable: broken.png: no picture of" in out
    assert "uncountable (pairs of image and class):\n       1  an instance under" in out
    assert "unlocalizable (pairs of image and class):\n       1  a polygon of fewer" in out
    row = next(line.split() for line in out.splitlines() if line.startswith("  cat "))
    assert row == ["cat", "2", "1", "0", "0", "0", "0", "1", "1"]
    assert "in no image: dog" in out


def test_a_folder_that_is_refused_says_why_and_ends_with_4(folder, capsys):
    folder.categories[1]["name"] = "Cats"
    folder.save()
    code, out, said = describe(capsys, f"coco:{folder.path}")
    assert (code, out) == (4, "")
    assert "1 of 6 image files are missing" in said
    assert "two categories of one name" in said


def test_wrong_arguments_end_with_4(folder, capsys):
    assert describe(capsys, f"coco:{folder.path}?missing=skip", "--check", "sprad")[0] == 4
    assert describe(capsys, "rendered", "--vlm-cases", "0")[0] == 4
    with pytest.raises(SystemExit, match="4"):
        main(["catalog"])


def test_rendered_scenes_have_no_files_to_open(capsys):
    code, out, progress = describe(
        capsys, "rendered?scenes=200&families=2", "--check", "spread.unbalanced", "--vlm-cases", "9"
    )
    assert (code, progress) == (0, "")
    assert "spread.unbalanced               9 or more at spread 1, 2, 3, 4" in out


def sweep(answers):
    """A check whose cases can be had in numbers by how many levels are asked for."""

    def cases(catalog, *, levels, template):
        answer = answers[len(levels)]
        if isinstance(answer, Exception):
            raise answer
        return st.nothing()

    return Sweep(
        check_id="mine", title="t", factor="images", moves="m", levels=(1, 2, 4), cases=cases
    )


def described(answers, monkeypatch):
    monkeypatch.setattr("mimic_checks.checks.catalog_description.draw", lambda *a: [])
    catalog = rendered(scenes=3, families=0)
    found = describe_catalog(
        catalog,
        [sweep(answers)],
        cases=50,
        seed=0,
        profile="standard",
        progress=lambda done, total: None,
    )
    lines = list(description_lines(found, 50))
    return [(step.levels, step.cases) for step in found.checks[0].steps], lines


def test_fewer_levels_are_tried_until_there_are_enough_cases(monkeypatch):
    steps, lines = described(
        {3: EmptyPool("no four images", possible=0), 2: EmptyPool("only 37", possible=37), 1: None},
        monkeypatch,
    )
    assert steps == [(("1", "2", "4"), 0), (("1", "2"), 37), (("1",), 50)]
    assert "no four images" in "".join(lines)
    assert lines[-1].strip() == "50 or more at images 1"


def test_a_check_that_takes_no_fewer_levels_is_left_at_that(monkeypatch):
    steps, _ = described(
        {3: EmptyPool("no four images"), 2: InvalidArgument("levels", 2, allowed="three")},
        monkeypatch,
    )
    assert steps == [(("1", "2", "4"), 0)]


def test_doubts_name_the_photos_that_they_are_about(photos):
    catalog = coco(photos)
    for doubt in catalog.doubts():
        assert doubt.kind == "uncountable"
        for row, column in doubt.where:
            assert catalog.uncountable[row, column]
    pairs = {pair for doubt in catalog.doubts() for pair in doubt.where}
    assert len(pairs) == catalog.uncountable.sum()
