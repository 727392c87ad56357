"""What labels settle, against an oracle that goes through every world that the labels allow."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mimic_checks.catalog import rendered
from mimic_checks.catalog.presence import presence
from mimic_checks.catalog.states import ABSENT, DOUBT, PRESENT, believed
from mimic_checks.tasks.common_object import common, common_wrong
from mimic_checks.tasks.counting import count
from mimic_checks.tasks.listing import listed
from mimic_checks.tasks.odd_one import in_most, is_odd, odd_one

OPEN = {PRESENT: (1, 2), DOUBT: (0, 1, 2), ABSENT: (0,)}


def worlds(shown):
    """Every table of instance numbers that the states allow."""
    cells = [OPEN.get(int(state), (int(state),)) for state in shown.ravel()]
    return [np.array(numbers).reshape(shown.shape) for numbers in product(*cells)]


@st.composite
def tables(draw, most_unknown=5):
    images, classes = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    shown = draw(
        st.lists(
            st.sampled_from([ABSENT, ABSENT, 1, 2, 1, PRESENT, DOUBT]),
            min_size=images * classes,
            max_size=images * classes,
        )
    )
    assume(sum(state in (PRESENT, DOUBT) for state in shown) <= most_unknown)
    return np.array(shown, dtype=np.int16).reshape(images, classes)


HARD = [
    [[DOUBT, 1], [1, ABSENT]],
    [[PRESENT, 1], [1, ABSENT]],
    [[1, DOUBT], [1, 1]],
    [[1, DOUBT], [ABSENT, ABSENT]],
    [[1, 1], [DOUBT, 1]],
    [[1, 1, 1], [ABSENT, 1, DOUBT], [ABSENT, 1, ABSENT]],
    [[1, 1], [ABSENT, 1], [ABSENT, ABSENT], [ABSENT, ABSENT]],
]
"""Tables that differ from a settled one in a single state; random ones seldom do."""


def for_all_tables(test):
    """Runs a property on random tables and on every hard one."""
    for table in HARD:
        test = example(np.array(table, dtype=np.int16))(test)
    return given(tables())(test)


def agreed(answers):
    """The one answer of all worlds, else None."""
    return answers[0] if all(answer == answers[0] for answer in answers) else None


@for_all_tables
def test_a_count_is_given_just_where_every_world_has_it(shown):
    for asked in ([0], [0, 1]):
        assert count(shown, asked) == agreed(
            [world[:, asked].sum(axis=0).tolist() for world in worlds(shown)]
        )


@for_all_tables
def test_a_list_is_given_just_where_every_world_has_it(shown):
    offered = list(range(shown.shape[1]))
    expected = agreed([[c for c in offered if world[:, c].any()] for world in worlds(shown)])
    assert listed(shown, offered) == expected


def _common(world):
    everywhere = np.flatnonzero(world.all(axis=0))
    return int(everywhere[0]) if len(everywhere) == 1 else None


def _odd(world):
    images = (world > 0).sum(axis=0)
    once, others = np.flatnonzero(images == 1), images[(images > 0) & (images != 1)]
    return int(once[0]) if len(once) == 1 and (others > len(world) / 2).all() else None


@for_all_tables
def test_common_is_given_just_where_every_world_has_the_same_one(shown):
    assert common(shown) == agreed([_common(world) for world in worlds(shown)])


@for_all_tables
def test_odd_one_is_given_just_where_every_world_has_the_same_one(shown):
    assert odd_one(shown) == agreed([_odd(world) for world in worlds(shown)])


@for_all_tables
def test_options_are_wrong_in_every_world(shown):
    for answer in range(shown.shape[1]):
        for wrong in np.flatnonzero(common_wrong(shown, answer)):
            assert wrong != answer
            assert not any(world[:, wrong].all() for world in worlds(shown))
        if is_odd(shown, answer):
            assert all((world[:, answer] > 0).sum() == 1 for world in worlds(shown))
    for most in np.flatnonzero(in_most(shown)):
        assert all((world[:, most] > 0).sum() > len(shown) / 2 for world in worlds(shown))


@for_all_tables
def test_what_is_believed_leaves_no_doubt_and_changes_nothing_else(shown):
    certain = believed(shown)
    assert not (certain == DOUBT).any()
    assert (certain[shown != DOUBT] == shown[shown != DOUBT]).all()


def test_states_of_a_catalog_are_those_of_its_sparse_view():
    catalog = rendered(seed=3, scenes=40)
    doubtful = catalog.uncountable.copy()
    doubtful[::3, 0] = doubtful[::5, 2] = True  # present or not
    object.__setattr__(catalog, "uncountable", doubtful)
    rows = [7, 0, 15, 3, 30]
    states = catalog.states(rows)
    assert (states == presence(catalog).of(rows)).all()
    assert states.dtype == np.int16
    for place, row in enumerate(rows):
        for index in range(len(catalog.class_names)):
            count = int(catalog.counts[row, index])
            expected = DOUBT if doubtful[row, index] else count or ABSENT
            assert states[place, index] == expected
