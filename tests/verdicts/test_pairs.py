"""The same draws under two conditions."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.verdicts.pairs import Pairs, paired, right


@dataclass
class Item:
    """What `paired` looks at of an outcome."""

    cluster: str
    kind: str


KINDS = ("right", "wrong", "unparseable", "error")


def items(kinds):
    return [Item(str(k), kind) for k, kind in enumerate(kinds)]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_counts(draws):
    pairs = Pairs(tuple(b for b, _ in draws), tuple(a for _, a in draws))
    assert pairs.n == len(draws)
    assert pairs.lost == draws.count((True, False))
    assert pairs.gained == draws.count((False, True))
    assert pairs.kept == draws.count((True, True))
    assert pairs.drops == tuple(int(b) - int(a) for b, a in draws)
    assert pairs.drop == pytest.approx(sum(pairs.drops) / pairs.n)


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)), min_size=1))
def test_doubt_is_the_extreme_of_all_that_doubtful_answers_may_be(kinds):
    before, after = items(b for b, _ in kinds), items(a for _, a in kinds)

    def may_be(kind):
        return (False, True) if kind in ("unparseable", "error") else (kind == "right",)

    each = [[b - a for b in may_be(x) for a in may_be(y)] for x, y in kinds]
    assert list(paired(before, after, doubt="drop").drops) == [max(drops) for drops in each]
    assert list(paired(before, after, doubt="gain").drops) == [min(drops) for drops in each]
    as_wrong = paired(before, after)
    assert as_wrong.before == tuple(kind == "right" for kind, _ in kinds)
    assert as_wrong.after == tuple(kind == "right" for _, kind in kinds)


def test_right_counts_what_is_doubtful_as_asked():
    assert right(KINDS) == (True, False, False, False)
    assert right(KINDS, doubtful=True) == (True, False, True, True)


@pytest.mark.parametrize("after", ["abd", "acb", "ab", "abcc", "aab"])
def test_other_draws_are_no_pairs(after):
    with pytest.raises(ValueError, match="the same draws in the same order"):
        paired([Item(k, "right") for k in "abc"], [Item(k, "right") for k in after])


def test_a_draw_twice_is_no_pair():
    twice = [Item("a", "right"), Item("a", "wrong")]
    with pytest.raises(ValueError, match="one case or group each"):
        paired(twice, twice)


def test_unequal_lengths():
    with pytest.raises(ValueError, match="2 draws before and 1 after"):
        Pairs((True, False), (True,))
