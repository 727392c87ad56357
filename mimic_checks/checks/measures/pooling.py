"""The same cases with fewer tokens per image: does the model get better when it has less to read?

Data in: a session, the check's draws (one level of several images). Data out: outcomes per pooling factor, paired changes.
"""

from __future__ import annotations

from mimic_checks.checks.measures.measured import CLOSED, Measured, combine
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.specs import POOLINGS, CheckSpec
from mimic_checks.verdicts import Outcome, tally
from mimic_checks.verdicts.levels import LevelVerdict, Verdict, level_verdict
from mimic_checks.verdicts.paired import paired
from mimic_checks.verdicts.result import Curves, Series
from mimic_checks.verdicts.thresholds import Thresholds


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
        levels.append(_judge(name, plain[1], found, thresholds, session.judged_levels))
    best = max(levels, key=lambda level: level.tally.rate)
    return Measured(
        combine(levels, f"no pooling wins more than {thresholds.paired_margin:.2f}; best: {best.level} with {best.tally.rate:.2f}"),
        outcomes,
        [_curve(levels)],
    )


def _judge(name: str, plain: list[Outcome], found: list[Outcome], thresholds: Thresholds, judged_levels: int) -> LevelVerdict:
    margin, change = thresholds.paired_margin, paired(plain, found)
    least = -paired(plain, found, doubt="loss").loss_at_most(thresholds.alpha / judged_levels)
    most = -paired(plain, found, doubt="gain").loss_at_least(thresholds.alpha)
    verdict: Verdict = "fail" if least > margin else "pass" if most <= margin else "inconclusive"
    said = {
        "fail": f"wins at least {least:.3f} of all cases: the model loses to its own sequence length",
        "pass": f"wins at most {most:.3f} of all cases",
        "inconclusive": f"wins between {least:.3f} and {most:.3f} of all cases",
    }[verdict]
    reason = f"{said} (margin {margin:.2f}; lost {change.lost}, gained {change.gained} of {change.n})"
    return level_verdict(name, tally(found, thresholds.alpha), verdict, reason, margin, thresholds.alpha)


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
