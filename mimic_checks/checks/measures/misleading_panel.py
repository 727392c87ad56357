"""MVI-Sensitivity and how often a suggested answer was taken, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mimic_checks.cases import Level, Outcome
from mimic_checks.tasks import Choice
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.pairs import Pairs
from mimic_checks.verdicts.result import Table
from mimic_checks.verdicts.text import interval_name

Halves = tuple[Sequence[Outcome], Sequence[Outcome]]
"""Outcomes of normal and of misleading pictures, pair by pair."""
LURE = "lure"
"""The factor of a misleading case that names the answer which its picture suggests."""


def misleading_panel(by_level: Mapping[Level, Halves], alpha: float) -> Table:
    """Accuracies, the drop with its exact interval, sensitivity (the drop as a share of the
    accuracy on normal pictures, signed, and absolute as in MVI-Bench, equation 1), and the
    cue-taken rate: of misleading pictures, how many got the suggested answer. The last lines are
    over all pairs (micro), and the mean over categories (macro)."""
    rows = [_row(str(level.value), halves, alpha) for level, halves in by_level.items()]
    every = (
        [outcome for normal, _ in by_level.values() for outcome in normal],
        [outcome for _, misleading in by_level.values() for outcome in misleading],
    )
    rows += [_row("all pairs (micro)", every, alpha), _macro(by_level)]
    head = (
        "category",
        "normal",
        "misleading",
        "drop",
        interval_name(alpha),
        "sensitivity",
        "absolute",
        "lost / gained",
        "cue taken",
        interval_name(alpha),
    )
    note = (
        "Low sensitivity with low accuracy is no robustness: whoever does not look has a"
        " sensitivity of zero. Drops are paired, their intervals exact."
    )
    return Table(title="Sensitivity to misleading pictures", note=note, head=head, rows=tuple(rows))


def sensitivity(normal: float, misleading: float) -> float | None:
    """The drop as a share of the accuracy on normal pictures; None where none was right."""
    return (normal - misleading) / normal if normal else None


def cue_taken(misleading: Sequence[Outcome]) -> tuple[int, int]:
    """How many misleading pictures got the answer that they suggest, of those that suggest a known
    one."""
    known = [outcome for outcome in misleading if LURE in outcome.case.factors]
    return sum(_said(outcome) == outcome.case.factors[LURE] for outcome in known), len(known)


def _said(outcome: Outcome) -> str | None:
    said = outcome.prediction
    return said.options[said.index] if isinstance(said, Choice) else None


def _row(name: str, halves: Halves, alpha: float) -> tuple[str, ...]:
    normal, misleading = halves
    pairs = Pairs(
        tuple(outcome.kind == "right" for outcome in normal),
        tuple(outcome.kind == "right" for outcome in misleading),
    )
    low, high = FIXED_NUMBER.drop_bounds(pairs, alpha / 2)
    taken, n = cue_taken(misleading)
    before, after = _rates(halves)
    return (
        name,
        f"{before:.3f}",
        f"{after:.3f}",
        f"{pairs.drop:+.3f}",
        f"[{low:+.3f}, {high:+.3f}]",
        *_both(sensitivity(before, after)),
        f"{pairs.lost} / {pairs.gained}",
        f"{taken / n:.3f}" if n else "-",
        f"[{lower(taken, n, alpha / 2):.3f}, {upper(taken, n, alpha / 2):.3f}]" if n else "-",
    )


def _macro(by_level: Mapping[Level, Halves]) -> tuple[str, ...]:
    rates = [_rates(halves) for halves in by_level.values()]
    means = [sum(column) / len(rates) for column in zip(*rates, strict=True)]
    shares = [sensitivity(*pair) for pair in rates]
    known = [share for share in shares if share is not None]
    mean = sum(known) / len(known) if len(known) == len(shares) else None
    absolute = sum(map(abs, known)) / len(known) if len(known) == len(shares) else None
    return (
        "mean of categories (macro)",
        f"{means[0]:.3f}",
        f"{means[1]:.3f}",
        f"{means[0] - means[1]:+.3f}",
        "-",
        "not computable" if mean is None else f"{mean:+.3f}",
        "not computable" if absolute is None else f"{absolute:.3f}",
        "-",
        "-",
        "-",
    )


def _rates(halves: Halves) -> tuple[float, float]:
    normal, misleading = (
        sum(outcome.kind == "right" for outcome in half) / len(half) for half in halves
    )
    return normal, misleading


def _both(share: float | None) -> tuple[str, str]:
    if share is None:
        return "not computable", "not computable"
    return f"{share:+.3f}", f"{abs(share):.3f}"
