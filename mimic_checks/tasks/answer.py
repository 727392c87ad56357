"""The first layer of every reader: where in an answer the final answer stands.

Reasoning in tags is dropped, what is boxed or tagged as the answer is taken, JSON becomes text,
"the answer is ..." ends the reasoning before it. What the rest says is each task's own business.
"""

from __future__ import annotations

import re

from mimic_checks.tasks.json_text import json_text
from mimic_checks.tasks.plain_text import plain_characters
from mimic_checks.tasks.unread import CUT_OFF, NO_ANSWER, ONLY_REASONING, Unread

NEGATION = re.compile(r"\b(?:no|not|without|neither|nor|never|cannot)\b|n't\b")
RETRACTION = re.compile(r"\b(?:wait|oops|i mean|scratch that|on second thoughts?)\b", re.IGNORECASE)
"""Words of an answer that takes back what it said, and says nothing else."""

_THOUGHTS = "(?:think|thinking|thoughts?|reason|reasoning|analysis|reflection|scratchpad)"
_OPENS = re.compile(
    rf"<{_THOUGHTS}>|[◁<]\|?think▷|\[think\]|<\|begin_of_thought\|>"
    r"|<\|channel\|>\s*(?:analysis|commentary)",
    re.IGNORECASE,
)
_CLOSES = re.compile(
    rf"</{_THOUGHTS}>|◁/think▷|\[/think\]|<\|end_of_thought\|>|<\|channel\|>\s*final"
    r"(?:\s*<\|message\|>)?",
    re.IGNORECASE,
)
_TURN = re.compile(
    r"^\s*(?:<s>\s*(?=\S)|<\|(?:im_start|start_header_id)\|>)?\s*"
    r"(?:(?:assistant|model|ai|bot)\s*(?:<\|end_header_id\|>|:|\n)\s*)?",
    re.IGNORECASE,
)
"""How a chat format opens an answer."""
_TAKEN_BACK = re.compile(
    r"(?:^|[.,;:!?…\n–—-]\s*|\bno,?\s+)(?:(?:oh|hmm?|but|oops|no)[,.]?\s+)*"
    r"(?:wait|actually|correction|oops|sorry|i mean|scratch that|on second thoughts?)\b"
    r"(?:[\s,:;.!…–—-]*(?:no|actually|sorry|i mean|i misread (?:the|your) question|that's wrong)"
    r"\b(?=[\s,:;.!…–—-]*\w))*[\s,:;.!…–—-]*(?=\w|\W?[\\<(\[])"
    r"|(?<=\w)[.…,;–—-]+\s*no,\s+(?=\d|[A-Z]\b)",
    re.IGNORECASE,
)
"""Where an answer takes back what it said: what follows replaces it."""
_TAGGED = re.compile(
    r"<(answer|final_answer|final|solution|output)>(?P<tagged>.{0,2000}?)</\1>"
    r"|<\|begin_of_box\|>(?P<box>.{0,2000}?)<\|end_of_box\|>"
    r"|<\|begin_of_solution\|>(?P<solution>.{0,2000}?)<\|end_of_solution\|>",
    re.IGNORECASE | re.DOTALL,
)
_ONLY_FENCE = re.compile(r"^\s*```\w*\n(.{0,5000}?)\n?```\s*$", re.DOTALL)
_BOX = re.compile(r"\\[fm]?box(?:ed)?\s*\{")
_BRACE = re.compile(r"[{}]")
_STRUCK_OUT = re.compile(r"~~.{1,300}?~~|<(del|strike)>.{0,300}?</\1>", re.DOTALL)
_FRAME = re.compile(
    r"\\(?:[fm]?box(?:ed)?|text[a-z]*|math[a-z]+|emph|bf)\b|\\(?=[()\[\]%$])"
    r"|</?(?:answer|em|strong|code|eos)>|</[a-zA-Z]+>|<\|\w+\|>"
)
_EMPHASIS = re.compile(r"</?[a-zA-Z]{2,}>|[*_`\"#$]")
_EXPLAINS = re.compile(
    r"\n\s*[*_#]*(?:explanation|reasoning|rationale|justification|notes?)[*_]*\s*:"
    r"|\n\s*#+\s*(?:explanation|reasoning|rationale|justification)\b",
    re.IGNORECASE,
)
_SAYS = r"(?:(?:is|was|would be|should be|must be)(?![\w'])|[:=])"
_STATES = re.compile(
    r"(?:\b(?:the|my)\s+)?(?P<final>\bfinal\s+)?"
    r"\b(?:answer|(?:correct|right|best) (?:option|choice|letter))"
    rf"(?:\s+to (?:the|this|your) question)?[*_]*\s*(?:{_SAYS}|[*_#]*\n)\s*:?[*_]*\s*"
    r"|答案\s*(?:是|为|[:=])\s*|(?:答え|正解)\s*(?:は|[:=])\s*|정답\s*(?:은|[:=])\s*"
    r"|\b(?:la\s+)?respuesta(?: final| correcta)?(?:\s+es(?:\s+la)?\b|\s*[:=])\s*"
    r"|\b(?:la\s+)?réponse(?: finale)?(?:\s+est\b|\s*[:=])\s*"
    r"|\b(?:die\s+)?antwort(?:\s+(?:ist|lautet)\b|\s*[:=])[ :]*"
    r"|\b(?:a\s+)?resposta(?: final)?(?:\s+é\b|\s*[:=])\s*"
    r"|\b(?:la\s+)?risposta(?:\s+è\b|\s*[:=])\s*|\bответ\s*[:=—-]\s*",
    re.IGNORECASE,
)
_DOUBTS = re.compile(
    r"\b(?:if|whether|wrong|incorrect|unlikely|unsure|unclear|not sure|cannot say|can't say"
    r"|(?:do not|don't) (?:think|believe|know)|(?<!no )doubt that)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?]\s|\n")
_CONCLUDES = re.compile(r"[,;.]\s*(?:so|therefore|thus|hence)\b|,\s*(?=i would|i'd)", re.IGNORECASE)
_LIST_ITEM = re.compile(r"^\s*(?:[-*•|]|\d+[.)]\s)")
_MOST_BEFORE = 300
_MOST_LAST_WORDS = 4


def final_statements(answer: str) -> list[str] | Unread:
    """What an answer says, without its reasoning: one text for each place that states an answer.
    Emphasis, brackets and case are kept."""
    text = without_thoughts(plain_characters(answer))
    if isinstance(text, Unread):
        return text
    text = last_word(_TURN.sub("", text, count=1))
    if (value := json_text(text)) is not None:
        return [value] if value else Unread(NO_ANSWER)
    if fenced := _ONLY_FENCE.match(text):
        text = fenced[1]
    framed = [_frameless(part).strip() for part in _framed(text)]
    if framed and not any(framed) and not _BOX.sub("", text).strip(" {}$.\n"):
        return Unread(NO_ANSWER)
    if any(framed):
        return [part for part in framed if part]
    return stated(_before_explanation(_frameless(text)).strip())


def last_word(text: str) -> str:
    """What follows the last correction of a text ("wait", "actually", "sorry"); the whole text
    where it has none."""
    end = 0
    for match in _TAKEN_BACK.finditer(text):
        # "Sorry, ..." at the beginning takes nothing back.
        end = match.end() if match.start() else 0
    return text[end:] or text


def unmarked(text: str) -> str:
    """A text without emphasis and tags; brackets and case are kept, for they tell "(A)" from
    "a"."""
    return _EMPHASIS.sub(" ", _frameless(text.replace("\\n", "\n"))).strip()


def stated(text: str) -> list[str]:
    """What follows each "the answer is", "final answer:" and the like, up to the next; the whole
    text where it has none. Reasoning before the first is left out, and what comes before a *final*
    answer. Nothing where the text doubts its own answer."""
    marks = list(_STATES.finditer(text))
    if not marks:
        return [text] if text else []
    if any(_DOUBTS.search(_clause_before(text, mark.start())) for mark in marks):
        return []
    final = [mark for mark in marks if mark["final"]]
    marks = marks[marks.index(final[0]) :] if final else marks
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    parts = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    return [part for part in parts if part]


def last_line(text: str) -> str | None:
    """The last line of a text, if it is a few words below prose: where an answer stands that was
    thought out loud. None where it is one of several such lines, or of a list."""
    lines = [line for line in text[-2000:].split("\n") if line.strip()]
    if len(lines) < 2 or any(_LIST_ITEM.match(line) for line in lines[-2:]):
        return None
    is_prose = len(lines[-2].split()) > _MOST_LAST_WORDS
    return lines[-1] if is_prose and len(lines[-1].split()) <= _MOST_LAST_WORDS else None


def conclusion(text: str) -> str | None:
    """What follows the last "so", "therefore" of a text, if it has one."""
    parts = _CONCLUDES.split(text[-2000:])
    return parts[-1] if len(parts) > 1 and parts[-1].strip() else None


def first_sentence(text: str) -> tuple[str, str]:
    """A text's first sentence, and what comes after it."""
    end = _SENTENCE_END.search(text)
    return (text[: end.end()], text[end.end() :]) if end else (text, "")


def without_thoughts(text: str) -> str | Unread:
    """What follows the last thought, in whichever tags; an opening tag without its end is a thought
    that was cut off."""
    closes = 0
    for match in _CLOSES.finditer(text):
        closes = match.end()
    rest = text[closes:]
    if _OPENS.search(rest):
        return Unread(CUT_OFF)
    return Unread(ONLY_REASONING) if closes and not rest.strip() else rest


def _framed(text: str) -> list[str]:
    """The contents of every box and answer tag; of the tags, if there are both."""
    tagged = [
        next(filter(None, match.group("tagged", "box", "solution")), "")
        for match in _TAGGED.finditer(text)
    ]
    return tagged if any(tagged) else _boxed(text)


def _boxed(text: str) -> list[str]:
    r"""The contents of every `\boxed{...}`, with braces inside."""
    contents, end = [], 0
    for match in _BOX.finditer(text):
        if match.start() < end:
            continue
        depth = 1
        for brace in _BRACE.finditer(text, match.end()):
            depth += 1 if brace.group() == "{" else -1
            if not depth:
                contents.append(text[match.end() : brace.start()])
                end = brace.end()
                break
        else:
            return contents
    return contents


def _frameless(text: str) -> str:
    """Without LaTeX frames, words struck out, and a model's own tokens."""
    return _FRAME.sub(" ", _STRUCK_OUT.sub(" ", text))


def _before_explanation(text: str) -> str:
    explains = _EXPLAINS.search(text)
    before = text[: explains.start()] if explains else text
    return before if before.strip() else text


def _clause_before(text: str, start: int) -> str:
    """The words of the sentence that an answer is stated in, or the last of them."""
    near = text[max(0, start - _MOST_BEFORE) : start]
    return _CONCLUDES.split(_SENTENCE_END.split(near)[-1])[-1]
