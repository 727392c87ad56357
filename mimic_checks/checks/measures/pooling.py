"""The same cases with fewer tokens per image: does the model get better when it has less to read?

Data in: a session, the check's draws (one level of several images). Data out: outcomes per pooling factor, paired changes.
"""

from __future__ import annotations

from mimic_checks.checks.measures.measured import CLOSED, Measured, judge_change
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.specs import POOLINGS, CheckSpec
from mimic_checks.verdicts import Outcome, tally
from mimic_checks.verdicts.levels import LevelVerdict, combine, level_verdict
from mimic_checks.verdicts.result import Curves, Series


def measure(session: CheckSession, spec: CheckSpec) -> Measured | str:
    """Answers every case at every pooling factor. A level fails when pooling by it is proven to win more than the margin:
    the model loses to its own sequence length, and a remedy without training is at hand."""
    model = session.opened()
    if model is None:
        return CLOSED
    from mimic_checks.models.edited import ModelEdit

    cases = [group[0] for group in session.draws(spec)]
    outcomes: dict[str, list[Outcome]] = {}
    for factor in POOLINGS:
        edited = model.edited(ModelEdit(pooling=factor))
        outcomes[f"pooling={factor}"] = session.answer(f"{spec.check_id}.x{factor}", cases, model=edited)
    plain, *others = outcomes.items()
    thresholds = session.thresholds.of(spec.check_id)
    levels = [
        level_verdict(
            plain[0],
            tally(plain[1], thresholds.alpha),
            "pass",
            "what the pooled levels are compared with",
            0.0,
            thresholds.alpha,
            is_reference=True,
        )
    ]
    for name, found in others:
        levels.append(judge_change(name, found, found, plain[1], thresholds, session.judged_levels, "fewer tokens win"))
    best = max(levels, key=lambda level: level.tally.rate)
    return Measured(
        combine(levels, f"no pooling wins more than {thresholds.paired_margin:.2f}; best: {best.level} with {best.tally.rate:.2f}"),
        outcomes,
        [_curve(levels)],
    )


def _curve(levels: list[LevelVerdict]) -> Curves:
    return Curves(
        title="Accuracy against pooling",
        note="The same cases at every point; 95 % intervals of each rate alone (the verdicts are paired).",
        x_label="image tokens averaged into one",
        x=tuple(level.level.removeprefix("pooling=") for level in levels),
        series=(
            Series(
                name="right",
                values=tuple(level.tally.rate for level in levels),
                low=tuple(level.interval[0] for level in levels),
                high=tuple(level.interval[1] for level in levels),
            ),
        ),
    )
