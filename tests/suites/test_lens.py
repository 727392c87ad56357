"""What other harnesses would have said, by hand."""

from __future__ import annotations

import pytest

from mimic_checks.suites import JUDGED, RIGHT, WRONG, HarnessScore, SuiteFormat, SuiteItem, drawn
from mimic_checks.suites.item import choice_of
from mimic_checks.suites.lens import Answered, lenses, random_letters, strict
from mimic_checks.suites.scoring import macro, micro


def item(number, category="a", options=4):
    texts = tuple((f"option {k}",) for k in range(options))
    return SuiteItem(str(number), category, ("?",), choice_of(0, texts), (), texts)


def first_letter(item, answer):
    """A, else drawn; "judge" goes to a judge."""
    if answer == "judge":
        return JUDGED
    if answer[:1].isalpha():
        return RIGHT if answer[0] == "A" else WRONG
    return drawn(len(item.options))


def made(**scores):
    return SuiteFormat(
        name="made",
        title="Made",
        read=lambda folder: iter(()),
        categories=lambda folder: (),
        key=lambda folder: "",
        templates={},
        scores={name: HarnessScore(*score) for name, score in scores.items()},
    )


ANSWERED = [
    Answered(item(1), "A", True),
    Answered(item(2), "A because", False),
    Answered(item(3), "B", False),
    Answered(item(4, "b"), "?", False),
]


def test_reading_and_aggregate_are_told_apart():
    (lens,) = lenses(made(official=(first_letter, macro, "mean of sub-tasks")), ANSWERED)
    # read: right, right, wrong, one of four letters
    assert lens.parsed.expected == pytest.approx(2.25 / 4)
    assert (lens.parsed.least, lens.parsed.most) == (0.5, 0.75)
    # by category: (2 of 3 + 1/4) / 2
    assert lens.number.expected == pytest.approx((2 / 3 + 0.25) / 2)
    # one letter of half the weight: sd = sqrt(1/4 * 3/4) / 2
    assert lens.number.spread == pytest.approx(0.1875**0.5 / 2)
    assert lens.parsed.spread == pytest.approx(0.1875**0.5 / 4)
    assert strict(ANSWERED) == 0.25
    assert strict(ANSWERED, macro) == pytest.approx(1 / 6)


def test_what_goes_to_a_judge_has_bounds_only():
    judged = [*ANSWERED, Answered(item(5), "judge", False)]
    (lens,) = lenses(made(official=(first_letter, micro, "micro")), judged)
    assert lens.number.expected is None
    assert (lens.number.least, lens.number.most) == (0.4, 0.8)


def test_what_answers_do_not_tell_is_not_computed():
    (lens,) = lenses(made(official=(None, None, "mean", "it needs option scores")), ANSWERED)
    assert (lens.number, lens.why_not) == (None, "it needs option scores")


def test_letters_drawn_at_random():
    chance = random_letters([*ANSWERED, Answered(item(6, options=2), "A", True)])
    assert chance.expected == pytest.approx((4 * 0.25 + 0.5) / 5)
    assert chance.spread == pytest.approx((4 * 0.1875 + 0.25) ** 0.5 / 5)


def test_open_questions_have_no_letters_to_draw():
    from mimic_checks.tasks import YesNo

    open_item = SuiteItem("o", "a", ("?",), YesNo(True), ())
    assert random_letters([Answered(open_item, "yes", True)]) is None
