"""How MIRB's answers are scored elsewhere.

InternVL's script takes the official rule for what is generated, also for multiple choice, where the
official script compares first-token probabilities (but for GPT-4V); the rule of a letter that those
give is the same. lmms-eval's rule is MMMU's for open questions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mimic_checks.suites.item import SuiteItem
from mimic_checks.suites.lettered import letter_and_dot
from mimic_checks.suites.scoring import RIGHT, WRONG, Points

GROUPS = {
    "Knowledge": ("food", "sightseeing"),
    "Reasoning": ("codeu", "plot_code", "analogy", "3d_scene"),
    "Perception": ("image_jigsaw", "count", "attribute"),
    "Multi-Hop": ("visual_chain", "arxiv"),
}
_BY_NUMBER = ("count", "visual_chain", "3d_scene")
_BY_PART = ("sightseeing",)
_YES_NO = ("analogy", "attribute", *_BY_PART)
_CARDINALS = "zero one two three four five six seven eight nine ten".split()
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
_NUMBERS = {
    **{word: str(number) for number, word in enumerate(_CARDINALS)},
    **{word: str(number) for number, word in enumerate(_ORDINALS, start=1)},
}
_LEADS = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")
_FORMS_OF_NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),
    re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+"),
    re.compile(r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])"),
)


def internvl_rule(item: SuiteItem, answer: str) -> Points:
    """The first line, or else the first sentence, against the gold; "no" is right wherever "yes" is
    not said, also in an empty answer."""
    gold, said = item.raw["answer"].lower(), _cut(answer).lower()
    if item.category in _YES_NO and gold in ("yes", "no"):
        return _points(("yes" in said) == (gold == "yes"))
    if item.category in _BY_PART:
        return _points(gold in said)
    if item.category in _BY_NUMBER:
        digits = re.search(r"\d+", said)
        said = digits[0] if digits else _NUMBERS.get(said, "")
    return _points(said == gold)


def _cut(answer: str) -> str:
    said = answer.strip()
    for mark in ("\n", "."):
        if (place := said.find(mark)) > 0:
            return said[:place]
    return said


def mean_of_groups(items: Sequence[tuple[SuiteItem, float]]) -> float:
    """The mean over groups of the mean over their sub-sets of the mean over items; over those that
    are there."""
    by_subset: dict[str, list[float]] = {}
    for item, points in items:
        by_subset.setdefault(item.category, []).append(points)
    means = {subset: sum(own) / len(own) for subset, own in by_subset.items()}
    groups = [
        sum(means[subset] for subset in there) / len(there)
        for subsets in GROUPS.values()
        if (there := [subset for subset in subsets if subset in means])
    ]
    return sum(groups) / len(groups)


def lmms_eval_rule(item: SuiteItem, answer: str) -> Points:
    """A gold of one letter from A to E in whatever sub-set: the letter before a full stop, or the
    whole answer, must be it. Else one of the parts of the answer must hold the gold, or be the same
    number."""
    gold = item.raw["answer"]
    if gold in tuple("ABCDE"):
        return _points(letter_and_dot(answer) == gold)
    wanted = _normal(gold)
    said = [value for part in _parts(answer) for value in _normal(part)]
    for value in said:
        if isinstance(value, float):
            if value in wanted:
                return RIGHT
        elif any(isinstance(text, str) and text in value for text in wanted):
            return RIGHT
    return WRONG


def _parts(answer: str) -> Iterator[str]:
    """The end of every line after the last word that leads to an answer, and all numbers in those
    ends; the whole answer where no line has such a word."""
    text = answer.strip().strip(".").lower()
    lines = text.split("\n")  # its split at sentences waits for a capital, after lower()
    ends = []
    for number, line in enumerate(lines):
        leads = (*_LEADS, "=") if number == len(lines) - 1 else _LEADS
        end = ""
        for lead in leads:  # in this order: an empty end gives way to a longer one after it
            part = line.split(lead)[-1].strip()
            if lead in line and (not end or len(part) < len(end)):
                end = part
        if end and end not in tuple(":,.!?;'"):
            ends.append(end)
    ends = ends or [text]
    yield from ends
    for end in ends:
        for form in _FORMS_OF_NUMBERS:
            yield from form.findall(end)


def _normal(text: str) -> list[str | float]:
    """A number to two places, or words in small letters; a letter alone needs a space beside it."""
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        text = text.lower()
        return [f" {text}", f"{text} "] if len(text) == 1 else [text]


def _points(right: bool) -> Points:
    return RIGHT if right else WRONG
