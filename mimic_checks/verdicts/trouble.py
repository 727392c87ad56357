"""Why the cases of a level have no prediction: what most of the errors say, and most of the remarks
on answers that nothing was read from."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mimic_checks.cases import Scored
from mimic_checks.tasks.unread import CUT_OFF, ONLY_REASONING, REFUSED

_SHOWN = 160
"""Characters of a message that are shown."""
_CURES = {
    CUT_OFF: "raise --vlm-max-new-tokens",
    ONLY_REASONING: (
        "raise --vlm-max-new-tokens, or switch thinking off, as with --vlm-chat-template-args"
        " enable_thinking=false"
    ),
    REFUSED: "look at the answers, and at the filters of model and server",
}


@dataclass(frozen=True, slots=True)
class Frequent:
    """The reason that most share, and how many do."""

    what: str = ""
    count: int = 0

    def most_of(self, total: int) -> str:
        """The reason, to be put after a statement about `total` cases; "" if there is none."""
        if not self.what:
            return ""
        return f": {self.what}" if self.count == total else f", {self.count} of them: {self.what}"


NOTHING = Frequent()
"""No reason is known."""


def frequent(reasons: Iterable[str]) -> Frequent:
    """The most frequent of some reasons, as it stands first; those that differ in numbers alone
    (of tokens, of a request) are one."""
    counts, first = Counter[str](), dict[str, str]()
    for reason in filter(None, reasons):
        key = alike(reason)
        counts[key] += 1
        first.setdefault(key, reason)
    if not counts:
        return NOTHING
    (key, count), *_ = counts.most_common(1)
    return Frequent(textwrap.shorten(first[key], _SHOWN, placeholder="..."), count)


def alike(reason: str) -> str:
    """What reasons that differ in numbers alone have in common."""
    return re.sub(r"\w*\d\w*", "#", reason)


def cure(reason: Frequent) -> str:
    """What helps against answers that cannot be read, to be put after the reason; "" if nothing is
    known to."""
    known = _CURES.get(reason.what, "")
    return f"; {known}" if known else ""


def raised_by(items: Sequence[Scored]) -> list[str]:
    """The first error of every item that is one."""
    return [
        next(outcome.answer for outcome in item.members if outcome.kind == "error")
        for item in items
        if item.kind == "error"
    ]


def unread_by(items: Sequence[Scored]) -> list[str]:
    """The first remark on every item that was not read."""
    return [
        next(outcome.remark for outcome in item.members if outcome.kind == "unparseable")
        for item in items
        if item.kind == "unparseable"
    ]
