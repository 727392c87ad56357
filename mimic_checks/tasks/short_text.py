"""Short text: a few words, right in any of the accepted wordings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mimic_checks.tasks.answer import final_statements, unmarked
from mimic_checks.tasks.refusal import refuses
from mimic_checks.tasks.stem_task import StemTask
from mimic_checks.tasks.task import Score
from mimic_checks.tasks.truth import ShortText, Truth, of_type
from mimic_checks.tasks.unread import NO_ANSWER, REFUSED, Unread, agreed
from mimic_checks.tasks.vocabulary import Vocabulary
from mimic_checks.tasks.wording import Wording

_MARKS = r"[\s,;:!?*_`\"'()\[\]{}<>«»‹›„「」『』。、…¿¡"
# ".5" is not "5".
_EDGES = re.compile(rf"^(?:{_MARKS}]|\.(?!\d))+|{_MARKS}.]+$")
_LIST_MARK = re.compile(r"^(?:[-•]\s+|\d{1,2}[.)]\s+|a:\s+)(?=\S)")
_ONLY_MARKS = re.compile(r"^(?:[.*…_\s-]+|\?)$")
_SYMBOL = re.compile(r"(?<=\w)\s*[\u2600-\u27bf\U0001f300-\U0001faff\ufe0f]+$")
_FORMULA = re.compile(r"^\$+([^$]+)\$+$")
_ARTICLE = re.compile(r"^(?:(?:an?|the)\s+)+(?=\S)")
_REFUSAL = re.compile(
    r"^(?:i(?:'m| am) (?:sorry|unable|not )|i (?:cannot|can't|can not|do not|don't) |sorry\b"
    r"|as an ai\b|it is (?:not possible|impossible|unclear)|unable to )"
)
_MOST_WORDS = 40
"""A longer statement is prose (titles of papers, the longest short texts known, stay below)."""


class ShortTextTask(StemTask):
    """Compared without case, articles and final punctuation."""

    name = "short_text"
    truth_type = ShortText
    wording = Wording(
        plain="{stem} Answer with a few words.",
        instruct="{stem} Give only the answer, in a few words.",
        stem="{stem}",
    )

    def read(
        self, answer: str, truth: Truth, offered: Sequence[str], vocabulary: Vocabulary
    ) -> ShortText | Unread:
        """The whole answer, or what follows "the answer is"; prose of several lines and refusals
        are none."""
        said = _said(answer)
        return said if isinstance(said, Unread) else ShortText((said,))

    def score(self, prediction: Truth, truth: Truth) -> Score:
        said = _said(of_type(prediction, ShortText).text)
        accepted = {_said(wording) for wording in of_type(truth, ShortText).accepted}
        return Score(isinstance(said, str) and said in accepted)

    def blind_answers(
        self, truth: Truth, images: int, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Mapping[str, ShortText]:
        """Yes, no, none, the number of images; the text at each place, if texts are offered."""
        texts = {"yes": "yes", "no": "no", "none": "none", "number of images": str(images)}
        texts |= {f"text {place}": text for place, text in enumerate(offered, start=1) if text}
        return {name: ShortText((text,)) for name, text in texts.items()}


SHORT_TEXT = ShortTextTask()


def _said(answer: str) -> str | Unread:
    """What an answer says, in the form in which wordings are compared."""
    statements = final_statements(answer)
    if isinstance(statements, Unread):
        return statements
    return agreed(_compared(part) for part in statements)


def _compared(part: str) -> str | Unread:
    lines = [line for line in part.casefold().split("\n") if line.strip()]
    if len(lines) != 1:
        return Unread(NO_ANSWER)
    if _REFUSAL.match(unmarked(lines[0])) or refuses(lines[0]):
        return Unread(REFUSED)
    line = _LIST_MARK.sub("", lines[0].strip()) or lines[0].strip()
    if _ONLY_MARKS.match(line):
        return Unread(NO_ANSWER)
    line = _SYMBOL.sub("", line)
    bare = _EDGES.sub("", _FORMULA.sub(r"\1", _EDGES.sub("", line)))
    words = (_EDGES.sub("", _ARTICLE.sub("", bare)) or line).split()
    return " ".join(words) if len(words) <= _MOST_WORDS else Unread(NO_ANSWER)
