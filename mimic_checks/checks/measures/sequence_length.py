"""More images or more tokens? The same cases under conditions that move one without the other.

Data in: a session, draws whose levels are images (one needle among distractors, nested). Data out:
outcomes per condition, paired differences, and which of images and tokens explains more of what is
lost.

    condition at n images   images   image tokens   content
    images                  n        n              needle and distractors
    blanks                  n        n              needle, distractors blank
    degraded                n        n              all, with 1/n of the pixels' information
    stitched                1        1              all, in one grid
    pooled (open models)    n        1              all, tokens averaged by n
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from mimic_checks.cases import Case
from mimic_checks.checks.asks import Ask
from mimic_checks.checks.measures.drawn import gain_cells, rates
from mimic_checks.checks.measures.measured import Measured, judge_change, needles
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.specs import CheckSpec
from mimic_checks.models import Prompt
from mimic_checks.models.controls import blanked, degraded, stitched
from mimic_checks.verdicts import Outcome, tally
from mimic_checks.verdicts.intervals import empirical_bernstein
from mimic_checks.verdicts.levels import combine, judge_reference
from mimic_checks.verdicts.paired import paired
from mimic_checks.verdicts.result import Curves, Table

Found = Mapping[tuple[str, int], list[Outcome]]


def measure(session: CheckSession, spec: CheckSpec) -> Measured | str:
    """Asks every condition. Judged: blank images in place of the distractors must not cost more
    than the margin against the needle alone. The rest is reported."""
    sizes = [len(case.images) for case in session.draws(spec)[0]]
    found = {condition: session.answer(ask) for condition, ask in asks(session, spec).items()}
    thresholds = session.thresholds.of(spec.check_id)
    base = found["images", 1]
    levels = [
        judge_reference(
            "images=1",
            tally(base, thresholds.alpha),
            thresholds,
            thresholds.alpha / session.judged_levels,
        )
    ]
    for n in sizes[1:]:
        level = judge_change(
            f"blanks={n}",
            found["blanks", n],
            base,
            found["blanks", n],
            thresholds,
            session.judged_levels,
            f"{n - 1} blank images cost",
        )
        if levels[0].verdict == "fail":
            reason = "the needle alone failed: the model cannot do the task at all"
            level = replace(level, verdict="inconclusive", reason=reason)
        levels.append(level)
    outcomes = {f"{name}={n}": lines for (name, n), lines in found.items()}
    said = explains_more(found, sizes[-1], thresholds.alpha)
    return Measured(
        combine(levels, f"blank images cost at most the margin; {said}"),
        outcomes,
        [_curves(found, sizes, thresholds.alpha), _table(found, sizes, thresholds.alpha, said)],
    )


def asks(session: CheckSession, spec: CheckSpec) -> dict[tuple[str, int], Ask]:
    """The draws under every (condition, images); pooled ones of models that can be opened."""
    draws = session.draws(spec)
    by_size = {len(draws[0][k].images): [group[k] for group in draws] for k in range(len(draws[0]))}
    found = {
        ("images", n): Ask(f"{spec.check_id}.images{n}", cases) for n, cases in by_size.items()
    }
    for n, cases in list(by_size.items())[1:]:
        found |= _controls(session, spec, cases, n)
    return found


def _controls(
    session: CheckSession, spec: CheckSpec, cases: list[Case], n: int
) -> dict[tuple[str, int], Ask]:
    kept = {case.id: needles(session, case) for case in cases}
    edits: dict[str, Callable[[Prompt], Prompt]] = {
        "blanks": lambda prompt: blanked(prompt, keep=kept[prompt.case_id]),
        "degraded": lambda prompt: degraded(prompt, math.sqrt(n)),
        "stitched": stitched,
    }
    found = {
        (name, n): Ask(f"{spec.check_id}.{name}{n}", cases, edit=edit)
        for name, edit in edits.items()
    }
    if (model := session.white_box()) is not None:
        from mimic_checks.models.intervention import Intervention

        found["pooled", n] = Ask(
            f"{spec.check_id}.pooled{n}", cases, model=model.intervened(Intervention(pooling=n))
        )
    return found


def explains_more(found: Found, n: int, alpha: float) -> str:
    """Whether images or image tokens cost more at n images: with both against one image, the drop
    splits into what remains at the tokens of one image (images), and what pooling wins back
    (tokens); per case, 2 pooled - one - all in [-2, 2]. Pooling also loses detail, which counts
    against images."""
    if ("pooled", n) not in found:
        return "the model cannot be opened, so images and tokens cannot be told apart"
    one, everything, short = (found[key] for key in (("images", 1), ("images", n), ("pooled", n)))
    right = [[float(o.kind == "right") for o in lines] for lines in (one, everything, short)]
    scores = [(2 * p - a - b + 2) / 4 for a, b, p in zip(*right, strict=True)]
    low, high = (4 * bound - 2 for bound in empirical_bernstein(scores, alpha))
    by_images = sum(a - p for a, _, p in zip(*right, strict=True)) / len(one)
    by_tokens = sum(p - b for _, b, p in zip(*right, strict=True)) / len(one)
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


def _curves(found: Found, sizes: list[int], alpha: float) -> Curves:
    names = {
        "images": "images and tokens grow",
        "pooled": "images grow, tokens of one image",
        "blanks": "blank images: tokens grow, content of one",
        "degraded": "images and tokens grow, pixels degraded",
        "stitched": "one image: all in a grid",
    }
    series = []
    for key, name in names.items():
        lines = [found.get((key, n)) if n > 1 else found["images", 1] for n in sizes]
        if any(line for line in lines[1:]):
            right = [
                (sum(o.kind == "right" for o in line), len(line)) if line else None
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


def _table(found: Found, sizes: list[int], alpha: float, said: str) -> Table:
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
            if first in found and (after, n) in found:
                change = paired(found[first], found[after, n])
                rows.append(
                    (
                        str(n),
                        what,
                        *gain_cells(change, alpha),
                        f"{change.lost} lost, {change.gained} gained",
                    )
                )
    return Table(
        title="Paired differences, case by case",
        note=said[0].upper() + said[1:] + ".",
        head=(
            "images",
            "change",
            "difference of the rate",
            f"{1 - alpha:.0%} interval",
            f"of {len(found['images', 1])}",
        ),
        rows=tuple(rows),
    )
