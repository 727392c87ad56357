"""Outcomes: what an answer, or the answers to a group, prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from mimic_checks.cases.case import Case
from mimic_checks.cases.group import Group, Item
from mimic_checks.tasks.task import TASKS, read_answer
from mimic_checks.tasks.truth import Truth
from mimic_checks.tasks.unread import Unread
from mimic_checks.tasks.vocabulary import Vocabulary

OutcomeKind = Literal["right", "wrong", "unparseable", "error"]
OUTCOME_KINDS: tuple[OutcomeKind, ...] = get_args(OutcomeKind)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case answered: `answer` is the raw text (or the error's message), `prediction` what was
    read from it, `partial` the task's partial score (a listing's F1), None if it has none;
    `remark`: why nothing was read."""

    case: Case
    answer: str
    kind: OutcomeKind
    partial: float | None = None
    prediction: Truth | None = None
    remark: str = ""

    @property
    def id(self) -> str:
        """The case's id."""
        return self.case.id

    @property
    def cluster(self) -> str:
        """The draw that it comes from."""
        return self.case.cluster

    @property
    def members(self) -> tuple[Outcome, ...]:
        """Itself: what a group has several of."""
        return (self,)


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """A group answered: the outcomes of its members in order, and one kind for all of them."""

    group: Group
    members: tuple[Outcome, ...]

    @property
    def id(self) -> str:
        """The group's id."""
        return self.group.id

    @property
    def cluster(self) -> str:
        """The draw that it comes from."""
        return self.group.cluster

    @property
    def answer(self) -> str:
        """The members' answers, one a line."""
        return "\n".join(outcome.answer for outcome in self.members)

    @property
    def partial(self) -> float | None:
        """The mean of the members' partial scores, if all have one."""
        scores = [outcome.partial for outcome in self.members]
        known = [score for score in scores if score is not None]
        return sum(known) / len(known) if len(known) == len(scores) else None

    @property
    def kind(self) -> OutcomeKind:
        """One wrong member decides against `all_right`, whatever the others are; an answer that
        was not read leaves open what nothing else decides."""
        kinds = {outcome.kind for outcome in self.members}
        if self.group.rule == "all_right" and "wrong" in kinds:
            return "wrong"
        claims = {o.prediction.value for o in self.members if o.prediction is not None}
        if self.group.rule == "consistent" and len(claims) > 1:
            return "wrong"
        if "error" in kinds:
            return "error"
        return "unparseable" if "unparseable" in kinds else "right"


Scored = Outcome | GroupOutcome
"""What one draw gives at one level."""


def judge(
    case: Case, answer: str | None, error: str | None, vocabulary: Vocabulary, *, remark: str = ""
) -> Outcome:
    """The outcome of a case: `error` when the model raised, else what its answer says against the
    truth. `remark`: why nothing is to be read from the answer (cut off, refused), if so.

    Raises:
        InvalidArgument: the case's task is not known here.
        ExtensionError: somebody's task does not read as it must.
    """
    task = TASKS.get(case.task)
    if answer is None:
        return Outcome(case, error or "", "error", task.no_prediction.partial)
    prediction = (
        Unread(remark)
        if remark
        else read_answer(task, answer, case.truth, case.offered, vocabulary)
    )
    if isinstance(prediction, Unread):
        partial = task.no_prediction.partial
        return Outcome(case, answer, "unparseable", partial, remark=prediction.reason)
    score = task.score(prediction, case.truth)
    return Outcome(case, answer, "right" if score.right else "wrong", score.partial, prediction)


def scored(items: Sequence[Item | None], outcomes: Mapping[str, Outcome]) -> list[Scored]:
    """The outcomes of items, in order, from those of their cases by case id; nothing in the place
    of None. A case that several draws share is asked once, and its outcome is of the case as each
    item has it: in the item's own cluster, with the item's own factors."""
    return [
        GroupOutcome(item, tuple(outcome_of(case, outcomes) for case in item.cases))
        if isinstance(item, Group)
        else outcome_of(item, outcomes)
        for item in items
        if item is not None
    ]


def outcome_of(case: Case, outcomes: Mapping[str, Outcome]) -> Outcome:
    """The outcome of a case by its id, as this draw has the case."""
    return replace(outcomes[case.id], case=case)
