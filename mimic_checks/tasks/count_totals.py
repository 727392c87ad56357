"""The number that the mentions of an answer come to: the stated total, else the sum over images
that are each named, else the only value. Nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence

from mimic_checks.tasks.count_mentions import Mention
from mimic_checks.tasks.count_tokens import GROUP
from mimic_checks.tasks.unread import (
    BOUND,
    DENIED,
    NO_ANSWER,
    OTHER_THINGS,
    PER_IMAGE,
    SEVERAL,
    Unread,
)


def total_of(mentions: Sequence[Mention], name: str, *, only_class: bool) -> int | Unread:
    """How many of a class the mentions say there are. `only_class`: no other was asked, so that a
    number without a name counts it."""
    # A total without a name, where other things are counted, may be that of all of them.
    bare = only_class and not any(m.other and m.value for m in mentions if not m.weak)
    own = [
        m
        for m in mentions
        if not m.other and (m.name == name or (only_class and not m.name and (bare or not m.total)))
    ]
    if not own:
        others = any(m.other for m in mentions)
        return Unread(OTHER_THINGS if others else NO_ANSWER)
    usable = [m for m in own if not m.denied]
    if not usable:
        return Unread(DENIED)
    stated = _stated_total(usable)
    return _from_parts(usable) if stated is None else stated


def _stated_total(own: Sequence[Mention]) -> int | Unread | None:
    totals = [m for m in own if m.total and not m.image]
    named = [m for m in totals if m.name]
    chosen = named or totals
    if chosen:
        return _one_value(chosen)
    last = own[-1]
    if last.concludes and not last.image and last.exact and not last.weak:
        others_concluded = {m.value for m in own if m.concludes and not m.image}
        return last.value if len(others_concluded) == 1 else Unread(SEVERAL)
    return None


def _one_value(mentions: Sequence[Mention]) -> int | Unread:
    if not all(m.exact for m in mentions):
        return Unread(BOUND)
    values = {m.value for m in mentions}
    return values.pop() if len(values) == 1 else Unread(SEVERAL)


def _from_parts(own: Sequence[Mention]) -> int | Unread:
    whole = [m for m in own if not m.image and not (m.total and m.weak)]
    parts = _sum_of_images([m for m in own if m.image])
    if not whole:
        return parts
    value = _whole_value(whole, parts)
    if isinstance(value, Unread) or isinstance(parts, Unread):
        return value
    adds = any(m.more and m.weak and m.image for m in own)  # "also another dog in image 3"
    return value if parts == value or (parts < value and not adds) else Unread(SEVERAL)


def _whole_value(whole: Sequence[Mention], parts: int | Unread) -> int | Unread:
    """What the mentions without an image say."""
    firm = [m for m in whole if not m.weak] or list(whole)
    firm = [m for m in firm if not m.detail] or firm
    whole = [m for m in whole if not m.detail] or whole
    if any(not m.exact for m in firm):
        return Unread(BOUND)
    named = [m for m in firm if m.name]
    values = [m.value for m in firm]
    if len(set(values)) == 1:
        distinct = {m.by for m in named}
        coordinated = len(named) == len(firm) == len(whole) and _coordinated(named)
        return sum(values) if len(distinct) > 1 and coordinated else values[0]
    before = sum(values[:-1])
    if values[-1] == before or (
        not isinstance(parts, Unread) and values[-1] == parts + sum(m.value for m in firm if m.more)
    ):
        return values[-1]
    if values[0] == sum(values[1:]) and values[0]:
        return values[0]
    if len(named) == len(firm) == len(whole) and _coordinated(named) and all(values):
        return sum(values)
    return Unread(SEVERAL)


def _coordinated(mentions: Sequence[Mention]) -> bool:
    """Whether the mentions count different kinds of one class in one sentence: "2 brown dogs and 1
    white dog"."""
    kinds = [m.by for m in mentions]
    same_sentence = len({m.sentence for m in mentions}) == 1
    shortest = min(kinds, key=len, default="")
    return (
        same_sentence
        and len(mentions) > 1
        and len(set(kinds)) == len(kinds)
        and all(kinds)
        and not any(kind != shortest and kind.endswith(f" {shortest}") for kind in kinds)
    )


def _sum_of_images(parts: Sequence[Mention]) -> int | Unread:
    """The sum over the images that are named, each with one value."""
    by_image: dict[str, int] = {}
    firm_images = {m.image for m in parts if not m.weak}
    for part in parts:
        if not part.exact:
            return Unread(BOUND)
        if part.weak and part.image in firm_images:
            continue
        if part.image in ("each", "both"):
            times = part.images if part.image == "each" or part.value <= 1 else None
            if times is None:
                return Unread(PER_IMAGE)
            value = part.value * times
        elif part.value and (part.image == "rest" or part.image.startswith(GROUP)):
            return Unread(PER_IMAGE)
        else:
            value = part.value
        if by_image.setdefault(part.image, value) != value:
            return Unread(SEVERAL)
    return sum(by_image.values()) if by_image else Unread(NO_ANSWER)
