"""Levels: numbers or names, each a word of its own in a pytest node id."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.cases import VERDICT, Level, refuse_alike
from mimic_checks.errors import InvalidArgument


def test_a_level_is_read_by_its_label_and_known_by_its_value():
    level = Level("spread", 2)
    assert str(level) == level.label == "spread=2"
    assert Level("spread", 2, "two images") == level
    assert len({level, Level("spread", 2, "two images"), Level("spread", 2.0)}) == 1
    assert str(Level("spread", 2, "two images")) == "two images"
    assert Level("spread", "2") != level != Level("images", 2)


@pytest.mark.parametrize(
    ("value", "node_id"),
    [
        (3, "share3"),
        (3.0, "share3"),
        (0.25, "share0_25"),
        ("Visual Search", "shareVisual_Search"),
        ("a/b (c)", "sharea_b_c"),
    ],
)
def test_a_node_id_is_one_word(value, node_id):
    assert Level("share", value).node_id == node_id


@given(st.text(min_size=1), st.one_of(st.integers(), st.floats(allow_nan=False), st.text()))
def test_every_level_has_a_word_for_k_or_is_refused(factor, value):
    try:
        level = Level(factor, value)
    except InvalidArgument:
        assert not all(re.search(r"[^\W_]", str(word)) for word in (factor, value))
    else:
        assert re.fullmatch(r"\w+", level.node_id)


@pytest.mark.parametrize("value", [True, None, float("nan"), (1, 2)])
def test_what_is_no_number_and_no_name_is_refused(value):
    with pytest.raises(InvalidArgument, match="level=.*a number or a name"):
        Level("spread", value)


@pytest.mark.parametrize(
    ("factor", "value"), [("", 1), ("_", 1), ("a", ""), ("a", "-"), ("a", "b\ud800")]
)
def test_what_leaves_no_word_is_refused(factor, value):
    with pytest.raises(InvalidArgument, match="a name with a letter or digit in it"):
        Level(factor, value)


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ((), "none"),
        ((1, 1.0), "level1, level1"),
        (("a-b", "a b"), "levela_b, levela_b"),
        ((1, "1"), "level1, level1"),
    ],
)
def test_levels_that_nobody_could_tell_apart_are_refused(values, ids):
    with pytest.raises(InvalidArgument, match=rf"my check: levels=.*here: {ids}"):
        refuse_alike([Level("level", value) for value in values], "my check")


def test_no_level_takes_the_place_of_the_verdict():
    with pytest.raises(InvalidArgument, match="verdict"):
        refuse_alike([Level("ver", "dict"), Level("spread", 1)], "my check")
    assert VERDICT == "verdict"
    refuse_alike([Level("spread", 1), Level("spread", 2)], "my check")


def test_collecting_checks_stays_light():
    """Checks import levels when pytest collects them; what is heavy waits for a run."""
    code = (
        "import sys, mimic_checks.cases.level;"
        "print([name for name in ('numpy', 'hypothesis', 'PIL', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
