"""Cases and groups in full: everything shown, in order, what is true and what was answered."""

from __future__ import annotations

import shlex
from itertools import groupby

from mimic_checks.cases import Case, GroupOutcome, ImagePart, Outcome, Scored, TextPart
from mimic_checks.reporting.document import pictures_of
from mimic_checks.reporting.escape import text
from mimic_checks.verdicts.text import RULE_WORDS, member_name

_ANSWER_IN_SUMMARY = 120
"""Characters of an answer that its closed card shows."""


def item_card(item: Scored, folder: str, vlm: str) -> str:
    """A case, or a group with all its members, that opens to all of it. `folder`: where the run is
    and `vlm`: the model, both for the replay command."""
    body = "".join(
        _member_head(item, number, outcome) + _answered(outcome, folder, vlm)
        for number, outcome in enumerate(item.members, start=1)
    )
    return card(item.kind, "pass" if item.kind == "right" else "fail", _summary(item), body)


def card(kind: str, colour: str, summary: str, body: str) -> str:
    """A closed card: `kind` is what can be filtered by, `colour` a verdict, the rest HTML."""
    return (
        f'<details class="case" data-outcome="{kind}"><summary>'
        f'<span class="verdict {colour}">{kind}</span> {summary}</summary>{body}</details>'
    )


def question_summary(item: Scored) -> str:
    """What an item asks, in a line; of a group also how many cases it has."""
    question = text(item.members[0].case.question)
    if not isinstance(item, GroupOutcome):
        return question
    return f"{len(item.members)} cases that {RULE_WORDS[item.group.rule]}: {question}"


def truths(item: Scored) -> str:
    """The true answers of an item's members."""
    return text(" / ".join(outcome.case.truth.text for outcome in item.members))


def shown(item: Scored) -> str:
    """Everything that an item shows, member by member, without answers."""
    return "".join(
        _member_head(item, number, None) + "".join(content_of(outcome.case))
        for number, outcome in enumerate(item.members, start=1)
    )


def content_of(case: Case) -> tuple[str, str]:
    """A case's content in order: the images before the first words, and all from there on."""
    images, pieces = case.images, []
    number = 1
    for kind, run in groupby(case.content, type):
        parts = list(run)
        if kind is ImagePart:
            pieces.append(pictures_of(images, number, len(parts)))
            number += len(parts)
        else:
            words = "".join(part.text for part in parts if isinstance(part, TextPart))
            pieces.append(f"<pre>{text(words)}</pre>")
    # Runs of images and of words take turns, so at most one piece stands before the first words.
    leading = 1 if case.content and isinstance(case.content[0], ImagePart) else 0
    return "".join(pieces[:leading]), "".join(pieces[leading:])


def _summary(item: Scored) -> str:
    answer = " / ".join(outcome.answer for outcome in item.members)[:_ANSWER_IN_SUMMARY]
    source = "error" if item.kind == "error" else "model"
    return (
        f'{question_summary(item)} <span class="soft">true: {truths(item)}; {source}:'
        f" {text(answer)}</span>"
    )


def _member_head(item: Scored, number: int, outcome: Outcome | None) -> str:
    if not isinstance(item, GroupOutcome):
        return ""
    kind = f' <span class="soft">{outcome.kind}</span>' if outcome else ""
    return f"<h4>{text(member_name(item, number))}{kind}</h4>"


def _answered(outcome: Outcome, folder: str, vlm: str) -> str:
    case = outcome.case
    pictures, question = content_of(case)
    facts: dict[str, object] = dict(case.factors)
    if case.needles:
        facts["needles"] = ",".join(str(number + 1) for number in case.needles)
    factors = ", ".join(f"{key} {value}" for key, value in facts.items())
    command = f"mimic-checks replay {shlex.quote(folder)} {case.id} --vlm {shlex.quote(vlm)}"
    return (
        f'{pictures}<p class="soft">{text(factors)}</p>'
        f"<p>Question</p>{question}<p>True answer</p><pre>{text(case.truth.text)}</pre>"
        f'<p>{_heading(outcome)}</p><pre class="answer">{text(outcome.answer)}</pre>'
        f"<p>Replay</p><pre>{text(command)}</pre>"
    )


def _heading(outcome: Outcome) -> str:
    if outcome.kind == "error":
        return "No answer, but an error"
    remark = f' <span class="soft">{text(outcome.remark)}</span>' if outcome.remark else ""
    return f"Model{remark}"
