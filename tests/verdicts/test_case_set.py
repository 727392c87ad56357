"""Case sets: complete in themselves, groups and all, and compared with their images."""

from __future__ import annotations

import json

import pytest

from mimic_checks.cases import Group, Level, draw, images_first, make_case
from mimic_checks.cases.counting import counting_sweep
from mimic_checks.catalog import load_catalog
from mimic_checks.errors import RunFolderError
from mimic_checks.tasks import YesNo
from mimic_checks.verdicts.case_set import read_case_set, write_case_set
from mimic_checks.verdicts.record import refuse_other_images

NAMED = [Level("position", "middle"), Level("position", "end", "at the end")]


def yes_no(catalog, row, yes, words="Is it a scene?"):
    return make_case(
        task="yes_no",
        template="plain",
        content=images_first([catalog.manifest.id(row)], words),
        truth=YesNo(yes),
        factors={"position": "middle"},
    )


@pytest.fixture
def written(scenes, tmp_path):
    """Two checks: a sweep as it is drawn, and groups at named levels."""
    spread = [Level("spread", 1), Level("spread", 2)]
    draws = draw(counting_sweep(scenes, factor="spread", levels=(1, 2)), 3, 7)
    groups = [
        tuple(
            Group((yes_no(scenes, 2 * k + j, True), yes_no(scenes, 2 * k + j, False, "No?")))
            for j in range(2)
        )
        for k in range(3)
    ]
    items = [("spread", spread[k], d[k]) for d in draws for k in range(2)]
    items += [("twins", NAMED[k], d[k]) for d in groups for k in range(2)]
    folder = tmp_path / "set"
    write_case_set(folder, items, scenes)
    return folder, spread, draws, groups


def test_draws_come_back_as_they_were_written(written):
    folder, spread, draws, groups = written
    found = read_case_set(folder, load_catalog(f"cases:{folder}"))
    assert found.draws("spread", spread) == [tuple(d) for d in draws]
    assert found.draws("twins", NAMED) == groups
    assert json.loads((folder / "cases.jsonl").read_text().split("\n")[0])["schema"] == 2


def test_other_levels_are_named_by_their_labels(written):
    folder, *_ = written
    found = read_case_set(folder, load_catalog(f"cases:{folder}"))
    with pytest.raises(
        RunFolderError, match=r"has for check 'twins' the levels: at the end, position=middle;"
    ):
        found.draws("twins", NAMED[:1])
    with pytest.raises(RunFolderError, match="the levels: none; needed: position=middle"):
        found.draws("nothing", NAMED)


def test_a_set_of_0_1_or_of_nothing_is_refused(written, scenes):
    folder, *_ = written
    catalog, path = load_catalog(f"cases:{folder}"), folder / "cases.jsonl"
    with pytest.raises(RunFolderError, match="already holds cases.jsonl"):
        write_case_set(folder, [], scenes)
    old = '{"check": "x", "level": "spread=1", "case": {"id": "a", "question": "?"}}\n'
    for text in (old, "", "[1]\n", "{}\n"):
        path.write_text(text)
        with pytest.raises(
            RunFolderError, match=r"is not of format 2.*write it again with: mimic-checks cases"
        ):
            read_case_set(folder, catalog)
    path.unlink()
    with pytest.raises(RunFolderError, match="has no cases.jsonl; write one with"):
        read_case_set(folder, catalog)


def test_a_changed_picture_is_refused(written):
    folder, *_ = written
    files = sorted((folder / "images").iterdir())
    files[0].write_bytes(files[1].read_bytes())
    with pytest.raises(RunFolderError, match=r"shows image [0-9a-f]{12}, which is not row"):
        read_case_set(folder, load_catalog(f"cases:{folder}"))


def test_a_picture_that_cannot_be_opened_is_refused(written):
    folder, *_ = written
    next((folder / "images").iterdir()).write_bytes(b"no picture")
    with pytest.raises(RunFolderError, match=r"shows image [0-9a-f]{12}, which is not row"):
        read_case_set(folder, load_catalog(f"cases:{folder}"))


def test_a_row_outside_the_catalog_is_refused(scenes):
    last = yes_no(scenes, len(scenes) - 1, True)
    refuse_other_images(last, [len(scenes) - 1], scenes, "x")
    for row in (-1, len(scenes)):
        with pytest.raises(RunFolderError, match=f"which is not row {row} of catalog="):
            refuse_other_images(last, [row], scenes, "x")


def test_a_level_that_lacks_a_draw_is_refused(written):
    folder, spread, *_ = written
    path = folder / "cases.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join([lines[0], *lines[2:]]), encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"has for check 'spread' the levels"):
        read_case_set(folder, load_catalog(f"cases:{folder}")).draws("spread", spread)
