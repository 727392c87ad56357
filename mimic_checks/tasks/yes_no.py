"""Yes or no."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mimic_checks.tasks.answer import (
    NEGATION,
    RETRACTION,
    final_statements,
    first_sentence,
    last_line,
    unmarked,
    without_thoughts,
)
from mimic_checks.tasks.plain_text import plain_characters
from mimic_checks.tasks.refusal import refuses
from mimic_checks.tasks.stem_task import StemTask
from mimic_checks.tasks.truth import Truth, YesNo
from mimic_checks.tasks.unread import HEDGED, NO_ANSWER, REFUSED, Unread, agreed
from mimic_checks.tasks.vocabulary import Vocabulary
from mimic_checks.tasks.wording import Wording

_OPENING = r"^\W*(?:(?:i think|i believe|i would say|i'd say|so|well|thus|therefore)\b\W*)?"
# "No doubt there is one", "No dogs can be seen" and "No. 3" do not answer with their first word.
_LEAD = re.compile(
    _OPENING + r"(?:(?P<yes>yes|yeah|yep|yup|true)|(?P<no>no|nope|false))\b"
    r"(?!\.?\s*(?:\d|of\b)|-\w)(?='?\s*(?:[.,;:!\n()\]}–—-]|$)"
    r"|\s+(?:there|it|they|he|she|we|i|the|this|that|these|those|because|since|as|not)\b)"
)
_SHORT_FORM = re.compile(
    r"^\W*(?:it|they|there|he|she|this|that|these|those)\s+(?:is|are|was|were|does|do|did|has|have"
    r"|can)(?P<no>\s+not|n't)?\W*$"
)
_PHRASES: Mapping[str, bool] = {
    "correct": True,
    "that is correct": True,
    "of course": True,
    "certainly": True,
    "definitely": True,
    "absolutely": True,
    "incorrect": False,
    "that is incorrect": False,
    "of course not": False,
    "certainly not": False,
    "definitely not": False,
    "absolutely not": False,
    "not at all": False,
}
_DENIES = re.compile(rf"{NEGATION.pattern}|\b(?:none|nothing|nobody|nope|false)\b")
_AFFIRMS = re.compile(r"\b(?:yes|yeah|yep|yup|true)\b")
_LEAVES_OPEN = re.compile(
    r"^\W*(?:if|unless|only if|maybe|perhaps)\b"
    r"|\b(?:unable to|(?:cannot|can't|can not|do not|don't) (?:answer|help|assist|tell|say|know"
    r"|determine|decide))\b"
)
"""After the first word: the answer depends on something, or there is none."""
_OPENS_OTHERWISE: Mapping[bool, re.Pattern[str]] = {
    True: re.compile(r"(?:^|[.!?\n]\s*)(?:no|nope|false)\b\s*(?:[.,;:!]|$)"),
    False: re.compile(r"(?:^|[.!?\n]\s*)(?:yes|yeah|yep|yup|true)\b\s*(?:[.,;:!]|$)"),
}
"""A later sentence that answers the other way, by whether the first one says yes."""


class YesNoTask(StemTask):
    """A question that yes or no answers; "true" and "false" say the same."""

    name = "yes_no"
    truth_type = YesNo
    wording = Wording(
        plain="{stem} Answer with yes or no.", instruct="{stem} Give only yes or no.", stem="{stem}"
    )

    def read(
        self, answer: str, truth: Truth, offered: Sequence[str], vocabulary: Vocabulary
    ) -> YesNo | Unread:
        """Yes or no where the answer opens with it, or is a short form of it ("It is not.").
        Whether "there is no dog" means no depends on the question: no prediction."""
        statements = final_statements(answer)
        if isinstance(statements, Unread):
            return statements
        parts = [unmarked(part).lower() for part in statements]
        rest = without_thoughts(plain_characters(answer))
        whole = "" if isinstance(rest, Unread) else unmarked(rest).lower()
        if _LEAD.match(whole) and whole not in parts:
            parts.append(whole)
        yes = agreed(_of_statement(part) for part in parts)
        return yes if isinstance(yes, Unread) else YesNo(yes)

    def blind_answers(
        self, truth: Truth, images: int, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Mapping[str, YesNo]:
        """Yes, and no."""
        return {"yes": YesNo(True), "no": YesNo(False)}


YES_NO = YesNoTask()


def _of_statement(part: str) -> bool | Unread:
    """Yes or no of one statement, or of the line that ends its prose."""
    said = _read(part)
    if not isinstance(said, Unread):
        return said
    if refuses(part):
        return Unread(REFUSED)
    line = last_line(part)
    last = Unread(NO_ANSWER) if line is None else _read(line)
    return said if isinstance(last, Unread) else last


def _read(part: str) -> bool | Unread:
    """What one statement says."""
    phrase = " ".join(re.findall(r"[\w']+", part))
    if phrase in _PHRASES:
        return _PHRASES[phrase]
    if short := _SHORT_FORM.match(part):
        return short["no"] is None
    lead = _LEAD.match(part)
    if not lead or RETRACTION.search(part):
        return Unread(HEDGED if lead else NO_ANSWER)
    rest = part[lead.end() :]
    yes = lead["yes"] is not None
    sentence, later = first_sentence(rest.lstrip(" .,;:!"))
    # "Yes, there is no dog" may agree or deny; after "no", denying is explaining.
    against = (
        (_DENIES if yes else _AFFIRMS).search(sentence)
        or _LEAVES_OPEN.search(sentence)
        or _OPENS_OTHERWISE[yes].search(later)
    )
    return Unread(HEDGED) if against else yes
