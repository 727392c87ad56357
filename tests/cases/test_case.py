"""A case's id is all that is shown and what counts as right, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.cases import Truth, case, make_case

IMAGES = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True).map(tuple)
QUESTIONS = st.text(max_size=5)
TRUTHS = st.one_of(
    st.builds(lambda n: Truth(counts=(("cat", n),)), st.integers(0, 3)),
    st.builds(lambda n: Truth(names=(n,)), st.sampled_from(["cat", "dog"])),
)
SHOWN = st.tuples(IMAGES, QUESTIONS, TRUTHS)


def made(shown, template="plain", factors=()):
    images, question, truth = shown
    return make_case(
        task="counting",
        template=template,
        images=images,
        question=question,
        truth=truth,
        factors=dict(factors),
    )


@given(SHOWN, SHOWN, st.sampled_from([0, 1, 2]))
def test_every_single_thing_shown_changes_the_id(one, other, which):
    changed = (*one[:which], other[which], *one[which + 1 :])
    assert (made(one).id == made(changed).id) == (one == changed)


@given(SHOWN.filter(lambda shown: len(shown[0]) > 1))
def test_the_order_of_the_images_changes_the_id(shown):
    images, *rest = shown
    assert made(shown).id != made((images[::-1], *rest)).id


@given(SHOWN)
def test_what_nobody_sees_does_not_change_the_id(shown):
    assert made(shown).id == made(shown, "mimic", {"spread": 2}).id


def test_a_new_rule_version_changes_every_id(monkeypatch):
    shown = (("a",), "?", Truth(names=("cat",)))
    before = made(shown).id
    monkeypatch.setattr(case, "RULE_VERSION", case.RULE_VERSION + 1)
    assert made(shown).id != before
