"""Cases, groups and outcomes for tests of what comes after them."""

from __future__ import annotations

from dataclasses import replace

from mimic_checks.cases import Case, Group, GroupOutcome, Level, Outcome, images_first, make_case
from mimic_checks.tasks import Counts, Vocabulary
from mimic_checks.verdicts.levels import Tally
from mimic_checks.verdicts.record import records_of

LEVEL = Level("spread", 2)
NAMES = Vocabulary(("cat",))
QUESTION = "How many cats are there in these images?"


def case(number: int, images: int = 2, count: int = 3, content=None) -> Case:
    """A counting case with an id that tells its number."""
    made = make_case(
        task="counting",
        template="plain",
        content=content or images_first([f"img{k}" for k in range(images)], QUESTION),
        truth=Counts((("cat", count),)),
        needles=(0, 1),
        factors={"images": images},
    )
    return replace(made, id=f"{number:024x}", cluster=f"cluster {number}")


def outcome(number: int, kind: str, answer: str | None = None, **more) -> Outcome:
    """A case that came out so."""
    text = answer if answer is not None else "3" if kind == "right" else "2"
    asked = case(number, **more)
    prediction = Counts((("cat", int(text)),)) if text.isdecimal() else None
    return Outcome(asked, text, kind, None, prediction)


def group(number: int, kinds, *, rule="all_right", roles=(), **more) -> GroupOutcome:
    """A group of cases that came out so."""
    members = tuple(
        outcome(1000 * number + k, kind, count=3 + k, **more) for k, kind in enumerate(kinds)
    )
    members = tuple(replace(m, case=replace(m.case, cluster=f"cluster {number}")) for m in members)
    return GroupOutcome(Group(tuple(m.case for m in members), rule, tuple(roles)), members)


def records(items, level=LEVEL, check="spread.balanced"):
    """The records of a level's items; image `img3` is row 3."""
    return records_of(check, level, items, lambda image: int(image.removeprefix("img")))


def counted(right, n=100, unparseable=0, error=0, floors=()):
    """A tally of so many outcomes: the right ones come first, then those in doubt."""
    wrong = n - right - unparseable - error
    kinds = {"right": right, "unparseable": unparseable, "error": error, "wrong": wrong}
    return Tally(tuple(kind for kind, times in kinds.items() for _ in range(times)), floors)
