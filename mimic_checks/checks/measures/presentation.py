"""Whether how a question is put changes how often it is answered right, where that was drawn at
random for every item: then any difference is the presentation's."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from scipy.stats import fisher_exact

from mimic_checks.cases import Level, Scored
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.result import Table
from mimic_checks.verdicts.text import interval_name


def presentation_panel(
    outcomes: Mapping[Level, Sequence[Scored]], factors: Mapping[str, str], alpha: float
) -> Table:
    """Rates by the value of each factor (of an item's first case), over all levels, and the exact
    two-sided p-value of no difference (Fisher 1935; corrected for the number of factors).
    `factors`: with what each is called."""
    rows = []
    for factor, name in factors.items():
        counts = _counts(outcomes, factor)
        stable = _p(counts) * len(factors) > alpha
        for value, (right, n) in sorted(counts.items()):
            rate = (
                f"{right / n:.3f}",
                f"[{lower(right, n, alpha / 2):.3f}, {upper(right, n, alpha / 2):.3f}]",
            )
            rows.append((name, value, f"{right}/{n}", *rate, "-"))
        verdict = "no difference is proven" if stable else "the verdicts depend on it"
        rows.append((name, "all", "", "", "", f"p = {_p(counts):.2g}: {verdict}"))
    return Table(
        title="Does the presentation matter?",
        note="Drawn for every pair, so that both values have the same pairs on average.",
        head=(
            "presentation",
            "value",
            "right",
            "rate",
            interval_name(alpha),
            "Fisher's exact test",
        ),
        rows=tuple(rows),
    )


def _counts(outcomes: Mapping[Level, Sequence[Scored]], factor: str) -> dict[str, tuple[int, int]]:
    found: dict[str, Counter[bool]] = defaultdict(Counter)
    for items in outcomes.values():
        for item in items:
            value = str(item.members[0].case.factors[factor])
            found[value][item.kind == "right"] += 1
    return {value: (count[True], count.total()) for value, count in found.items()}


def _p(counts: Mapping[str, tuple[int, int]]) -> float:
    """Of a table of two values; of one alone there is nothing to compare."""
    if len(counts) != 2:
        return 1.0
    return float(fisher_exact([[right, n - right] for right, n in counts.values()]).pvalue)
