"""Published numbers: what is shipped, against cells copied by hand; what stands in the report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mimic_checks.cases import Level, Outcome, cases_of
from mimic_checks.checks.measures.published import published_panels
from mimic_checks.suites import SUITES, Published
from mimic_checks.suites.published import published, read_published
from mimic_checks.suites.suite import open_suite
from tests.suites import toy

CELLS = {
    ("blink", "InternVL3-8B"): [55.5],
    ("blink", "LLaVA-OneVision-7B"): [48.20, 48.20, 50.4],
    ("blink", "human"): [95.7],
    ("mantis_eval", "InternVL2.5-78B"): [77.0],
    ("mmiu", "LLaVA-OneVision-7B"): [44.46, 40.32, 45.0],
    ("mmiu", "InternVL3-78B"): [60.4],
    ("muirbench", "LLaVA-OneVision-72B"): [54.8],
    ("muirbench", "Qwen2.5-VL-7B"): [59.6],
    ("muirbench", "LLaVA-OneVision-0.5B + masked LoRA"): [32.5],
    ("mmt_stitched", "Qwen2-VL-72B"): [71.8],
    ("mmt", "LLaVA-OneVision-7B + masked LoRA"): [55.3],
    ("mirb", "GPT-4V"): [53.1],
    ("mirb", "Qwen2-VL-7B"): [58.67],
    ("nlvr2", "LLaVA-OneVision-7B"): [89.40, 84.2],
    ("mmvp", "random"): [25.0],
    ("mvi_bench", "GPT-4o"): [53.37],
}
NUMBERS = {"blink": 30, "mantis_eval": 19, "mmiu": 23, "muirbench": 30, "mirb": 18}
"""How many there are of a suite, counted on the sources' tables."""


@pytest.mark.parametrize(("suite", "model"), CELLS)
def test_shipped_numbers_are_those_of_their_sources(suite, model):
    found = [one.percent for one in published(suite) if one.model == model]
    assert sorted(found) == sorted(CELLS[suite, model])


def test_every_cell_of_the_sources_is_there_once():
    assert {suite: len(published(suite)) for suite in NUMBERS} == NUMBERS
    for suite in SUITES.names():
        keys = [(one.model, one.source) for one in published(suite)]
        assert len(set(keys)) == len(keys)
        assert all(one.source for one in published(suite))


def test_numbers_of_blink_say_whose_labels_they_are_of():
    assert all("2025-09" in one.labels for one in published("blink"))


def test_formats_hand_on_what_is_shipped_and_no_other_suite_is_named():
    for suite in SUITES.names():
        assert SUITES.get(suite).published == published(suite)
    from mimic_checks.suites import published as module

    text = module._SHIPPED.read_text()
    named = {suite for suite in SUITES.names() if f'"{suite}"' in text}
    assert named == {suite for suite in SUITES.names() if published(suite)}


TABLE = {"source": "S", "suites": ["a", "b"], "models": {"M": [50.0, "-"]}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"models": {"M": [50.0]}}, "shorter"),
        ({"models": {"M": ["50", "-"]}}, "is no percent"),
        ({"models": {"M": [101.0, "-"]}}, "is no percent"),
        ({"labels": {"c": "old"}}, r"labels of \['c'\]"),
        ({"key": "x"}, "may have"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(change, said):
    assert read_published({"table": [TABLE]})["a"] == (Published("M", 50.0, "S"),)
    with pytest.raises(ValueError, match=said):
        read_published({"table": [TABLE | change]})


def test_data_are_the_same_others_or_not_known():
    one = Published("M", 50.0, "S")
    assert one.data_is("abc") == "not known"
    assert replace(one, data="abc").data_is("abc") == "the same"
    assert replace(one, data="abd").data_is("abc") == "other data"


def outcome(case, *, right):
    return Outcome(case, "x", "right" if right else "wrong")


@pytest.fixture
def suite(tmp_path):
    SUITES.add("toy", toy.TOY)
    opened = open_suite(f"toy:{toy.write(tmp_path / 'toy')}")
    same = Published("us", 61.25, "our log", "mean of categories", "ours", opened.data_hash)
    other = replace(same, model="them", data="0" * 64)
    return replace(opened, format=replace(toy.TOY, published=(same, other)))


def test_the_report_has_this_run_and_what_others_published(suite):
    by_level = {
        Level("category", name): [
            outcome(case, right=number < 5 * (k + 1))
            for number, case in enumerate(cases_of(items))
            if number < 10 * (k + 1)
        ]
        for k, (name, items) in enumerate(suite.asked.items())
    }
    # 5 of 10, 10 of 20
    by_level[Level("category", "which one")][19] = outcome(
        by_level[Level("category", "which one")][19].case, right=True
    )
    (panel,) = published_panels(by_level, suite)
    own = [row[:4] for row in panel.rows[:2]]
    assert own == [
        ("this run", "53.3", "mean over all", "strict reading, 30 of its 40 cases asked"),
        ("this run", "52.5", "mean of categories", "strict reading, 30 of its 40 cases asked"),
    ]
    assert panel.rows[2] == ("us", "61.2", "mean of categories", "our log", "ours", "the same")
    assert panel.rows[3][0::5] == ("them", "other data")
    assert suite.data_hash[:12] in panel.note


def test_nothing_stands_there_where_nothing_is_published(suite):
    assert published_panels({}, replace(suite, format=toy.TOY)) == ()
