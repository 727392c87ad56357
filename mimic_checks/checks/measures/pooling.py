"""The same cases with fewer tokens per image: does the model get better when it has less to read?

Data in: a session, the check's draws (one level of several images). Data out: outcomes per pooling
factor, paired changes.
"""

from __future__ import annotations

from mimic_checks.checks.asks import Ask
from mimic_checks.checks.measures.measured import CLOSED, Measured, judge_change
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.specs import POOLINGS, CheckSpec
from mimic_checks.verdicts import Outcome, tally
from mimic_checks.verdicts.levels import LevelVerdict, combine, level_verdict
from mimic_checks.verdicts.result import Curves, Series


def measure(session: CheckSession, spec: CheckSpec) -> Measured | str:
    """Answers every case at every pooling factor. A level fails when pooling by it is proven to win
    more than the margin: the model loses to its own sequence length, and a remedy without training
    is at hand."""
    if session.white_box() is None:
        return CLOSED
    outcomes: dict[str, list[Outcome]] = {
        name: session.answer(ask) for name, ask in asks(session, spec).items()
    }
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
        levels.append(
            judge_change(
                name, found, found, plain[1], thresholds, session.judged_levels, "fewer tokens win"
            )
        )
    best = max(levels, key=lambda level: level.tally.rate)
    return Measured(
        combine(
            levels,
            f"no pooling wins more than {thresholds.paired_margin:.2f}; best: {best.level} with"
            f" {best.tally.rate:.2f}",
        ),
        outcomes,
        [_curve(levels)],
    )


def asks(session: CheckSession, spec: CheckSpec) -> dict[str, Ask]:
    """The draws at every pooling factor, by level; nothing of a model that cannot be opened."""
    model = session.white_box()
    if model is None:
        return {}
    from mimic_checks.models.intervention import Intervention

    cases = [group[0] for group in session.draws(spec)]
    return {
        f"pooling={factor}": Ask(
            f"{spec.check_id}.x{factor}",
            cases,
            model=model.intervened(Intervention(pooling=factor)),
        )
        for factor in POOLINGS
    }


def _curve(levels: list[LevelVerdict]) -> Curves:
    return Curves(
        title="Accuracy against pooling",
        note=(
            "The same cases at every point; 95 % intervals of each rate alone (the verdicts are"
            " paired)."
        ),
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
