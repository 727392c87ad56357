"""Gating the gate: how often this very gate raises a false alarm, and how often it sees a planted
defect, on one's own model.

Data in: a session and a policy. Data out: one `BurnInRow` per defect and strength.

The model answers the cases as it is, once more in other batches, and once under every defect at
full strength. A history is a re-run of a release: draws sampled with replacement, of which a share
(the strength) is answered under the defect. So any number of histories at any strength costs no
further answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mimic_checks.checks.asks import asks_of_sweep
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.specs import CheckSpec
from mimic_checks.models.controls import blanked
from mimic_checks.verdicts import Outcome, Verdict
from mimic_checks.verdicts.gate import Pair, count, judge_together, worst_of
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.policy import Policy
from mimic_checks.verdicts.text import table

STRENGTHS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
UNCHANGED, AGAIN, FLIPPED = (
    "the same answers",
    "asked again in other batches",
    "right answers flipped to wrong",
)

Levels = dict[tuple[str, str], list[Outcome]]
"""Outcomes of every level of every check, in draw order."""


@dataclass(frozen=True, slots=True)
class BurnInRow:
    """What the gate said to `histories` re-runs with a defect of one strength; `drop` is the mean
    drop of the level that changes most (below zero: a gain)."""

    defect: str
    strength: float
    drop: float
    failed: int
    passed: int
    histories: int

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Exact interval of the share of histories that fail."""
        return lower(self.failed, self.histories, alpha / 2), upper(
            self.failed, self.histories, alpha / 2
        )


def burn_in(session: CheckSession, policy: Policy, histories: int) -> list[BurnInRow]:
    """The rates of the gate: without a defect (false alarms), then every defect from weak to strong
    (detection)."""
    specs = [
        spec for spec in session.specs if spec.sweep and policy.tier(spec.check_id) == "blocking"
    ]
    intact = _asked(session, specs, "intact")
    again = _asked(session, specs, "again", batch=session.batch // 2 or 2)
    rows = [
        _row(UNCHANGED, 0.0, intact, intact, policy, histories),
        _row(AGAIN, 1.0, intact, again, policy, histories),
    ]
    defects = {
        FLIPPED: {
            place: [_flipped(outcome) for outcome in found] for place, found in intact.items()
        }
    }
    for name, options in _defects(session).items():
        defects[name] = _asked(session, specs, name, **options)
    return rows + [
        _row(name, strength, intact, broken, policy, histories)
        for name, broken in defects.items()
        for strength in STRENGTHS
    ]


def lines(rows: Sequence[BurnInRow]) -> list[str]:
    """The rates as a table."""
    head = (
        "defect",
        "share of draws hit",
        "largest drop",
        "fails",
        "95 % interval",
        "passes",
        "inconclusive",
    )
    cells = [
        (
            row.defect,
            f"{row.strength:.0%}",
            f"{100 * row.drop:.1f} points",
            f"{row.failed / row.histories:.0%}",
            "[{:.0%}, {:.0%}]".format(*row.interval()),
            f"{row.passed / row.histories:.0%}",
            f"{1 - (row.failed + row.passed) / row.histories:.0%}",
        )
        for row in rows
    ]
    return [
        (
            f"{rows[0].histories} re-runs a row; a fail is a false alarm in the first two rows, a"
            " detection in all others"
        ),
        *table([head, *cells]),
    ]


def _defects(session: CheckSession) -> dict[str, dict[str, Any]]:
    """Ways to break a model that need its answers: what it is shown, and what it may look at."""
    found: dict[str, dict[str, Any]] = {
        "one image dropped": {
            "edit": lambda prompt: blanked(prompt, keep=range(1, len(prompt.images)))
        },
        "images in reverse order": {
            "edit": lambda prompt: replace(prompt, images=prompt.images[::-1])
        },
    }
    if (model := session.white_box()) is not None:
        from mimic_checks.attention import Knockout, LayerWindow, WindowedRule
        from mimic_checks.models.intervention import Intervention

        middle = model.depth // 2
        window = LayerWindow.parse(f"{middle}-{middle}")
        edit = Intervention(rules=(WindowedRule(Knockout("images", "text"), window),))
        found[f"text cannot see images in layer {middle}"] = {"model": model.intervened(edit)}
    return found


def _asked(session: CheckSession, specs: Sequence[CheckSpec], name: str, **options: Any) -> Levels:
    """The outcomes of all checks' draws; options as in `Ask`."""
    found: Levels = {}
    for spec in specs:
        draws = session.draws(spec)
        ask = replace(asks_of_sweep(f"{spec.check_id}.{name}", draws), **options)
        found |= {
            (spec.check_id, level): outcomes
            for level, outcomes in session.answer_draws(spec, draws, ask).items()
        }
    return found


def _flipped(outcome: Outcome) -> Outcome:
    return replace(outcome, kind="wrong", answer="flipped") if outcome.kind == "right" else outcome


def _row(
    defect: str, strength: float, intact: Levels, broken: Levels, policy: Policy, histories: int
) -> BurnInRow:
    generator = np.random.default_rng(int(1000 * strength) + len(defect))
    verdicts = [_history(generator, strength, intact, broken, policy) for _ in range(histories)]
    drops = [
        np.mean(
            [
                (a.kind == "right") - (b.kind == "right")
                for a, b in zip(intact[place], broken[place], strict=True)
            ]
        )
        for place in intact
    ]
    return BurnInRow(
        defect,
        strength,
        float(strength * max(drops, key=abs)),
        verdicts.count("fail"),
        verdicts.count("pass"),
        histories,
    )


def _history(
    generator: np.random.Generator, strength: float, intact: Levels, broken: Levels, policy: Policy
) -> Verdict:
    """The verdict of the whole gate on one re-run. Levels of a check are draws together, so a draw
    is hit at all of them or at none."""
    chosen: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    counted = {}
    for (check, level), before in intact.items():
        if check not in chosen:
            chosen[check] = (
                generator.integers(0, len(before), len(before)),
                generator.random(len(before)) < strength,
            )
        after = broken[check, level]
        rows, hit = chosen[check]
        pairs = [(before[k], after[k] if h else before[k]) for k, h in zip(rows, hit, strict=True)]
        counted[check, level] = count([Pair(a.kind, b.kind, a.answer, b.answer) for a, b in pairs])
    judged = judge_together(
        {place: (counts, policy.rule(place[0])) for place, counts in counted.items()}
    )
    return worst_of(level.verdict.verdict for level in judged.values())
