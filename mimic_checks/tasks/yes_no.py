"""Yes or no."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mimic_checks.tasks.answer import (
    RETRACTION,
    final_statements,
    first_sentence,
    last_line,
    last_word,
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

_OPENING = (
    r"^\W*(?:(?:i think|i believe|i would say|i'd say|i guess|so|well|thus|therefore|probably"
    r"|most likely|likely|no doubt|without (?:a )?doubt|okay|ok)\b\W*)?"
)
# "No doubt there is one", "No dogs can be seen" and "No. 3" do not answer with their first word.
_LEAD = re.compile(
    _OPENING + r"(?:(?P<yes>yes|yeah|yep|yup|true)|(?P<no>no|nope|false))\b"
    r"(?!\.?\s*(?:\d|of\b)|-\w)(?='?\s*(?:[.,;:!\n()\]}…–—-]|$)"
    r"|\s+(?:there|it|they|he|she|we|i|the|this|that|these|those|because|since|as|not)\b)"
)
_LAST = re.compile(
    r"(?:[.,:;!\n–—-]\s*|\b(?:so|therefore|thus|hence|likely|probably|definitely|is|but)\s+)"
    r"(?:(?P<yes>yes)|(?P<no>no))\W*$"
)
"""An answer at the end of a text that leads to it."""
_SHORT_FORM = re.compile(
    r"^\W*(?:it|they|there|he|she|this|that|these|those)\s*"
    r"(?:(?:is|are|was|were|does|do|did|has|have|can)(?P<no>\s+not|n't)?"
    r"|'s(?P<s_no>\s+not)?)(?P<any>\s+(?:any|one|so))?\W*$"
)
_ABOUT_IT = re.compile(
    r"^\W*(?:(?:the|this|that) (?:statement|claim|sentence|description|answer) is|(?:that|it|this)"
    r"(?:'s| is))\s+(?P<not>not\s+)?(?:(?P<yes>true|correct|right|accurate)"
    r"|(?P<no>false|incorrect|wrong|untrue|inaccurate))\W*$"
)
_PHRASES: Mapping[str, bool] = {
    **dict.fromkeys(
        (
            "y, correct, of course, certainly, definitely, absolutely, sure, indeed, i think so,"
            " i believe so, it seems so, it appears so, seems so, exactly,"
            " affirmative, yse, ✅, ✔, 👍"
        ).split(", "),
        True,
    ),
    **dict.fromkeys(
        (
            "n, incorrect, of course not, certainly not, definitely not, absolutely not,"
            " not at all, i don't think so, i do not think so, i don't believe so, not really,"
            " probably not,"
            " most likely not, it does not seem so, it doesn't seem so,"
            " it does not appear so,"
            " negative, ❌, ✗, 👎"
        ).split(", "),
        False,
    ),
}
_FOREIGN: Mapping[str, str] = {
    **dict.fromkeys(
        "ja oui sí si sì sim да evet tak はい 네 예 是 是的 对 有 हाँ نعم".split(), "yes"
    ),
    **dict.fromkeys(
        "nein non não nao нет hayır nie nee いいえ 아니요 아니오 不 不是 没有 没 否 नहीं لا".split(),
        "no",
    ),
}
_FIRST_WORD = re.compile(r"^\W*(?P<word>[^\W\d_]+)")
_LETTERED = re.compile(r"^\W*[(\[][a-z][)\]]\s*(?=\w)|^[a-z][.)]\s+(?=\w)")
_ASKED = re.compile(r"^[^?]{0,300}\?\s*(?=\w)")
"""A question that an answer says again before it answers."""
_SYMBOLS = re.compile(r"[^\w\s.,;:!?'\"()\[\]{}…–—/-]+")
_DRAWN_OUT = re.compile(r"^(?:y+e+s+|(?P<no>n+o+))$")
_SAME = re.compile(r"^(\w+)(?:[\s,.!]+\1)+$")
_BOTH = re.compile(r"\b(?:yes\W{0,3}(?:and|or|/|,)\W{0,3}no|no\W{0,3}(?:and|or|/|,)\W{0,3}yes)\b")
_LEAVES_OPEN = re.compile(
    r"^\W*(?:if|unless|only if|maybe|perhaps)\b"
    r"|\b(?:unable to|(?:cannot|can't|can not|do not|don't) (?:answer|help|assist|tell|say|know"
    r"|determine|decide))\b"
)
"""After the first word: the answer depends on something, or there is none."""
_OPENS_OTHERWISE: Mapping[bool, re.Pattern[str]] = {
    True: re.compile(r"(?:^|[.!?\n,;]\s*|\bis )(?:no|nope|false)\b\s*(?:[.,;:!]|$)"),
    False: re.compile(r"(?:^|[.!?\n,;]\s*|\bis )(?:yes|yeah|yep|yup|true)\b\s*(?:[.,;:!]|$)"),
}
"""A later part that answers the other way, by whether the first one says yes."""
_ONE_DENIAL = re.compile(r"^\W*(?:nothing|none|not|neither)\W*$")


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
        whole = "" if isinstance(rest, Unread) else unmarked(last_word(rest)).lower()
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
    phrase = " ".join(re.findall(r"[\w']+|[✅✔👍❌✗👎]", part))
    if phrase in _PHRASES:
        return _PHRASES[phrase]
    part = _plain(part)
    if drawn_out := _DRAWN_OUT.match(part.strip(" .!")):
        return drawn_out["no"] is None
    if short := _SHORT_FORM.match(part):
        return short["no"] is None and short["s_no"] is None
    if about := _ABOUT_IT.match(part):
        return (about["yes"] is not None) != (about["not"] is not None)
    if _BOTH.search(part):
        return Unread(HEDGED)
    lead = _LEAD.match(part)
    if not lead:
        last = _LAST.search(part[-100:])
        return last["yes"] is not None if last else Unread(NO_ANSWER)
    rest = part[lead.end() :]
    yes = lead["yes"] is not None
    sentence = first_sentence(rest.lstrip(" .,;:!"))[0]
    against = (
        RETRACTION.search(rest)
        or _ONE_DENIAL.match(rest)
        or _LEAVES_OPEN.search(sentence)
        or _OPENS_OTHERWISE[yes].search(rest)
    )
    return Unread(HEDGED) if against else yes


def _plain(part: str) -> str:
    """A statement in English words, without a question that it says again, an option's letter and
    symbols."""
    text = _SYMBOLS.sub(" ", _ASKED.sub("", part)).strip()
    text = _LETTERED.sub("", text)
    first = _FIRST_WORD.match(text)
    if first and (word := _FOREIGN.get(first["word"])):
        text = word + text[first.end() :]
    return _SAME.sub(r"\1", text)
