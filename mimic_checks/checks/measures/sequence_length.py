"""More images or more tokens? The same cases under conditions that move one without the other:
one needle among distractors, nested from level to level.

    condition at n images   images   image tokens   content
    images                  n        n              needle and distractors
    blanks                  n        n              needle, distractors blank
    degraded                n        n              all, with 1/n of the pixels' information
    stitched                1        1              all, in one grid
    pooled (white boxes)    n        1              all, tokens averaged by n
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mimic_checks.cases import Case, Level, Outcome
from mimic_checks.checks.check import Measurement
from mimic_checks.checks.evaluation import Evaluation
from mimic_checks.checks.measures.paired_level import judge_change
from mimic_checks.checks.measures.panels import gain_cells, is_answered, rates
from mimic_checks.checks.session import CheckSession
from mimic_checks.models.controls import Blanked, Control, Degraded, Stitched
from mimic_checks.models.intervention import Intervention
from mimic_checks.runs import Condition
from mimic_checks.verdicts import tally
from mimic_checks.verdicts.floors import blind_of
from mimic_checks.verdicts.intervals import empirical_bernstein
from mimic_checks.verdicts.levels import combine, judge_reference
from mimic_checks.verdicts.pairs import paired
from mimic_checks.verdicts.result import Curves, Table

Arms = Mapping[tuple[str, int], list[Outcome]]
"""Outcomes by (condition, images)."""


def measure(session: CheckSession, check: Measurement) -> Evaluation:
    """Asks every condition. Judged: blank images in place of the distractors must not cost more
    than the margin against the needle alone. The rest is reported."""
    arms = {key: session.answer(condition) for key, condition in conditions(session, check).items()}
    sizes = [n for name, n in arms if name == "images"]
    thresholds, family = session.thresholds.of(check.check_id), session.plan.family
    alone = arms["images", 1]
    reference = judge_reference(
        Level("images", 1),
        tally(alone, thresholds.alpha, blind_of(alone, session.vocabulary)),
        thresholds,
        family,
    )
    levels = [reference]
    for n in sizes[1:]:
        level = judge_change(
            Level("blanks", n),
            shown=arms["blanks", n],
            before=alone,
            after=arms["blanks", n],
            thresholds=thresholds,
            family=family,
            words=f"{n - 1} blank images cost",
            vocabulary=session.vocabulary,
        )
        if reference.verdict == "fail":
            reason = "the needle alone failed: the model cannot do the task at all"
            level = replace(level, verdict="inconclusive", reason=reason)
        levels.append(level)
    explained = explains_more(arms, sizes[-1], thresholds.alpha)
    return Evaluation(
        combine(levels, f"blank images cost at most the margin; {explained}"),
        {Level(name, n): outcomes for (name, n), outcomes in arms.items()},
        [_curves(arms, sizes, thresholds.alpha), _table(arms, sizes, thresholds.alpha, explained)],
    )


def conditions(session: CheckSession, check: Measurement) -> dict[tuple[str, int], Condition]:
    """The draws under every (condition, images); pooled ones of models that can be looked into."""
    by_size: dict[int, list[Case]] = {}
    for items in session.plan.draws(check):
        for case in items:
            assert isinstance(case, Case)
            by_size.setdefault(len(case.images), []).append(case)
    by_arm = {
        ("images", n): Condition(f"{check.check_id}.images{n}", cases)
        for n, cases in by_size.items()
    }
    # The first size is the needle alone, which leaves a control nothing to change.
    for n, cases in list(by_size.items())[1:]:
        by_arm |= _controls(session, check.check_id, cases, n)
    return by_arm


def _controls(
    session: CheckSession, name: str, cases: Sequence[Case], n: int
) -> dict[tuple[str, int], Condition]:
    # A side is shortened by the root of n, so that 1/n of the pixels' information is left.
    transforms: dict[str, Control] = {
        "blanks": Blanked({case.id: case.needles for case in cases}),
        "degraded": Degraded(math.sqrt(n)),
        "stitched": Stitched(),
    }
    by_arm = {
        (control, n): Condition(f"{name}.{control}{n}", cases, transform=transform)
        for control, transform in transforms.items()
    }
    if session.white_box() is not None:
        pooling = Intervention(pooling=n)
        by_arm["pooled", n] = Condition(f"{name}.pooled{n}", cases, intervention=pooling)
    return by_arm


def explains_more(arms: Arms, n: int, alpha: float) -> str:
    """Whether images or image tokens cost more at n images: with both against one image, the drop
    splits into what remains at the tokens of one image (images), and what pooling wins back
    (tokens); per case, 2 pooled - one - all in [-2, 2]. Pooling also loses detail, which counts
    against images."""
    if ("pooled", n) not in arms:
        return "the model cannot be looked into, so images and tokens cannot be told apart"
    single, everything, short = (arms[key] for key in (("images", 1), ("images", n), ("pooled", n)))
    if not all(map(is_answered, (single, everything, short))):
        return "most cases raised an error, so images and tokens cannot be told apart"
    right = [[float(o.kind == "right") for o in arm] for arm in (single, everything, short)]
    # From [-2, 2] to [0, 1], for which the bound is made, and back.
    scores = [(2 * p - a - b + 2) / 4 for a, b, p in zip(*right, strict=True)]
    low, high = (4 * bound - 2 for bound in empirical_bernstein(scores, alpha))
    by_images = sum(a - p for a, _, p in zip(*right, strict=True)) / len(single)
    by_tokens = sum(p - b for _, b, p in zip(*right, strict=True)) / len(single)
    more = (
        "image tokens explain more"
        if low > 0
        else "images explain more"
        if high < 0
        else "which explains more is not settled"
    )
    return (
        f"at {n} images, more images at equal tokens cost {by_images:+.2f}, more tokens at equal"
        f" images {by_tokens:+.2f}: {more} (difference {by_tokens - by_images:+.2f},"
        f" {1 - alpha:.0%} interval {low:+.2f} to {high:+.2f})"
    )


def _curves(arms: Arms, sizes: list[int], alpha: float) -> Curves:
    names = {
        "images": "images and tokens grow",
        "pooled": "images grow, tokens of one image",
        "blanks": "blank images: tokens grow, content of one",
        "degraded": "images and tokens grow, pixels degraded",
        "stitched": "one image: all in a grid",
    }
    series = []
    for key, name in names.items():
        lines = [arms.get((key, n)) if n > 1 else arms["images", 1] for n in sizes]
        if any(line for line in lines[1:]):
            right = [
                (sum(o.kind == "right" for o in line), len(line))
                if line and is_answered(line)
                else None
                for line in lines
            ]
            series.append(rates(name, right, alpha))
    return Curves(
        title="Accuracy against images, and against image tokens",
        x_label="times the images, or the image tokens, of one image",
        note=(
            "One axis for both: 'images grow, tokens of one image' against 'blank images: tokens"
            " grow, content of one'."
        ),
        x=tuple(map(str, sizes)),
        series=tuple(series),
    )


def _table(arms: Arms, sizes: list[int], alpha: float, explained: str) -> Table:
    contrasts = [
        ("more tokens, same content", ("images", 1), "blanks"),
        ("distractors in place of blanks", "blanks", "images"),
        ("more images, tokens of one image", ("images", 1), "pooled"),
        ("same images, fewer tokens", "images", "pooled"),
        ("same tokens, less information", "images", "degraded"),
        ("all images in one grid", "images", "stitched"),
    ]
    rows = []
    for n in sizes[1:]:
        for what, before, after in contrasts:
            first = before if isinstance(before, tuple) else (before, n)
            if first in arms and (after, n) in arms:
                rows.append((str(n), what, *_change(arms[first], arms[after, n], alpha)))
    return Table(
        title="Paired differences, case by case",
        note=explained[0].upper() + explained[1:] + ".",
        head=(
            "images",
            "change",
            "difference of the rate",
            f"{1 - alpha:.0%} interval",
            f"of {len(arms['images', 1])}",
        ),
        rows=tuple(rows),
    )


def _change(before: list[Outcome], after: list[Outcome], alpha: float) -> tuple[str, ...]:
    """What a change does to the rate, its interval, and how many cases flipped, as read."""
    if not (is_answered(before) and is_answered(after)):
        return "not answered", "-", "-"
    change = paired(before, after)
    return *gain_cells(change, alpha), f"{change.lost} lost, {change.gained} gained"
