"""Every item of every reader becomes a question in every wording: with all its images once, its own
answer read back, and its options under every letter where the wording has letters of its own."""

from __future__ import annotations

import pytest

from mimic_checks.cases.group import Group, cases_of
from mimic_checks.errors import InvalidArgument
from mimic_checks.suites.blink import BLINK
from mimic_checks.suites.jsonl import JSONL
from mimic_checks.suites.mantis_eval import MANTIS_EVAL
from mimic_checks.suites.mirb import MIRB
from mimic_checks.suites.mmiu import MMIU
from mimic_checks.suites.mmt import MMT, MMT_STITCHED
from mimic_checks.suites.mmvp import MMVP
from mimic_checks.suites.mmvp_vlm import MMVP_VLM
from mimic_checks.suites.muirbench import MUIRBENCH
from mimic_checks.suites.mvi_bench import MVI_BENCH
from mimic_checks.suites.nlvr2 import NLVR2
from mimic_checks.suites.reading import Reading
from tests.suites import test_blink as blink
from tests.suites import test_jsonl as jsonl
from tests.suites import test_mantis_eval as mantis_eval
from tests.suites import test_mirb as mirb
from tests.suites import test_mmiu as mmiu
from tests.suites import test_mmt as mmt
from tests.suites import test_mmvp as mmvp
from tests.suites import test_mmvp_vlm as mmvp_vlm
from tests.suites import test_muirbench as muirbench
from tests.suites import test_mvi_bench as mvi_bench
from tests.suites import test_nlvr2 as nlvr2


def _mmvp(folder):
    rows = [("Is it open?", mmvp.OPTIONS, "(a)"), ("Is it open?", mmvp.OPTIONS, "(b)")]
    return mmvp.write(folder, rows)


def _in(folder, write, rows):
    write(folder, rows)
    return folder


MADE = {
    "mmvp": (MMVP, _mmvp),
    "mmvp_vlm": (MMVP_VLM, mmvp_vlm.write),
    "mvi_bench": (MVI_BENCH, lambda folder: mvi_bench.write(folder, mvi_bench.twins(3))),
    "mmt": (MMT, lambda folder: mmt.write(folder, [mmt.row("1", 1, 2, 3), mmt.row("2", 4)])),
    "mmt_stitched": (
        MMT_STITCHED,
        lambda folder: mmt.write(folder, [mmt.row("1", 1)], name="MMT-Bench_VAL.tsv"),
    ),
    "nlvr2": (NLVR2, lambda folder: nlvr2.write(folder, nlvr2.LINES)),
    "nlvr2, letters": (
        NLVR2,
        lambda folder: nlvr2.write_parquet(folder, nlvr2.parquet_row("test1-0-0-0", "True")),
    ),
    "mantis_eval": (
        MANTIS_EVAL,
        lambda folder: mantis_eval.write(
            folder, mantis_eval.row("1", 1, 2), mantis_eval.short("2", 3, 4)
        ),
    ),
    "muirbench": (MUIRBENCH, lambda folder: _in(folder, muirbench.mini, muirbench.ROWS)),
    "blink": (BLINK, lambda folder: _in(folder, blink.mini, [*blink.ROWS[:3], blink.ROWS[5]])),
    "mmiu": (MMIU, lambda folder: _in(folder, mmiu.mini, mmiu.ROWS[:3])),
    "mirb": (MIRB, mirb.hub),
    "jsonl": (JSONL, jsonl.write_page),
}
WORDINGS = [(name, template) for name, (suite, _) in MADE.items() for template in suite.templates]
AS_IN_THE_FILE = {
    ("mantis_eval", "lmms-eval"),
    ("mantis_eval", "InternVL"),
    ("nlvr2, letters", "MIMIC"),
    *(("blink", name) for name in ("official", "official-images-first", "lmms-eval")),
    *(("mmiu", name) for name in ("official", "MIMIC", "InternVL")),
}
"""Wordings that show the options as the file has them, or not at all."""


def reading_of(name, template, folder, *, rotate=False):
    suite, write = MADE[name]
    folder.mkdir(exist_ok=True)
    reading = Reading(suite, template, rotate=rotate)
    items = list(suite.read(write(folder)))
    for item in items:
        reading.take(item)
    return reading, items


@pytest.mark.parametrize(("name", "template"), WORDINGS)
def test_every_item_is_asked_with_its_images(name, template, tmp_path):
    reading, items = reading_of(name, template, tmp_path / "suite")
    assert reading.refused == []
    by_category = reading.asked(grouped=False, most=0)
    cases = cases_of(unit for units in by_category.values() for unit in units)
    assert len(cases) == len(items)
    for case in cases:
        item = reading.items[case.id]
        shown = [reading.pictures[image].read() for image in case.images]
        assert sorted(shown) == sorted(picture.read() for picture in item.images)
        assert "<image>" not in case.question


@pytest.mark.parametrize(("name", "template"), WORDINGS)
def test_options_rotate_in_every_wording_of_ours(name, template, tmp_path):
    if (name, template) in AS_IN_THE_FILE:
        with pytest.raises(InvalidArgument, match="as the file has it"):
            reading_of(name, template, tmp_path / "suite", rotate=True)
        return
    reading, items = reading_of(name, template, tmp_path / "suite", rotate=True)
    assert reading.refused == []
    cases = list(reading.items)
    assert len(cases) == sum(max(1, len(item.options)) for item in items)


ROLES = {"mvi_bench": ("normal", "misleading"), "muirbench": ("answerable", "unanswerable")}


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("mmvp", [2]),
        ("mmvp_vlm", [2, 2, 2]),
        ("mvi_bench", [2, 2, 2]),
        ("muirbench", [2, 1, 2]),
        ("nlvr2", [2, 1, 1]),
        ("jsonl", [2, 1, 1, 1, 1, 1]),
    ],
)
def test_groups_are_what_the_design_has(name, sizes, tmp_path):
    reading, _ = reading_of(name, next(iter(MADE[name][0].templates)), tmp_path / "suite")
    units = [unit for found in reading.asked(grouped=True, most=0).values() for unit in found]
    assert [len(unit.cases) if isinstance(unit, Group) else 1 for unit in units] == sizes
    roles = {unit.roles for unit in units if isinstance(unit, Group)}
    assert roles == {ROLES.get(name, ())}


@pytest.mark.parametrize("name", list(MADE))
def test_categories_are_those_of_the_items(name, tmp_path):
    """What is read for collecting agrees with what is read for asking."""
    _, items = reading_of(name, next(iter(MADE[name][0].templates)), tmp_path / "suite")
    found = list(MADE[name][0].categories(tmp_path / "suite"))
    assert sorted(found) == sorted({item.category for item in items})
