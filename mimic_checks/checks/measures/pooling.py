"""The same cases with fewer tokens per image: is the model better when it has less to read?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mimic_checks.cases import Level, Scored, cases_of, scored
from mimic_checks.checks.check import Measurement
from mimic_checks.checks.evaluation import Evaluation
from mimic_checks.checks.measures.paired_level import judge_change
from mimic_checks.checks.measures.white_box import white_box_model
from mimic_checks.checks.session import CheckSession
from mimic_checks.models.intervention import Intervention
from mimic_checks.runs import Condition
from mimic_checks.verdicts import tally
from mimic_checks.verdicts.floors import blind_of
from mimic_checks.verdicts.levels import LevelVerdict, combine, level_verdict
from mimic_checks.verdicts.result import Curves, Series


def measure(session: CheckSession, check: Measurement) -> Evaluation:
    """Answers every case at every pooling factor. A level fails when pooling by it is proven to win
    more than the margin: the model loses to its own sequence length, and a remedy without training
    is at hand."""
    white_box_model(session)
    items = [items[0] for items in session.plan.draws(check)]
    outcomes: dict[Level, list[Scored]] = {
        level: scored(items, session.engine.outcomes(condition))
        for level, condition in conditions(session, check).items()
    }
    plain, *pooled = outcomes
    thresholds = session.thresholds.of(check.check_id)
    levels = [
        level_verdict(
            plain,
            tally(outcomes[plain], thresholds.alpha, blind_of(outcomes[plain], session.vocabulary)),
            "pass",
            "what the pooled levels are compared with",
            0.0,
            thresholds.alpha,
            is_reference=True,
        )
    ]
    for level in pooled:
        # The wrong way round on purpose: judged is what the model loses by reading every token. A
        # model may well be blind when it is given fewer; as it is, it must look.
        judged = judge_change(
            level,
            shown=outcomes[level],
            before=outcomes[level],
            after=outcomes[plain],
            thresholds=thresholds,
            family=session.plan.family,
            words="fewer tokens win",
            vocabulary=session.vocabulary,
            must_look=False,
        )
        if judged.verdict == "pass" and levels[0].verdict != "pass":
            judged = replace(judged, verdict="inconclusive", reason=levels[0].reason)
        levels.append(judged)
    best = max(levels, key=lambda level: level.tally.rate)
    reason = (
        f"no pooling wins more than {thresholds.paired_margin:.2f}; best: {best.level} with"
        f" {best.tally.rate:.2f}"
    )
    return Evaluation(combine(levels, reason), outcomes, [_curve(levels, thresholds.alpha)])


def conditions(session: CheckSession, check: Measurement) -> dict[Level, Condition]:
    """The draws at every pooling factor, by level; nothing of a model that cannot be looked
    into."""
    if session.white_box() is None:
        return {}
    cases = cases_of(items[0] for items in session.plan.draws(check))
    return {
        level: Condition(
            f"{check.check_id}.x{level.value}",
            cases,
            intervention=Intervention(pooling=int(level.value)),
        )
        for level in check.node_levels(session.settings.profile)
    }


def _curve(levels: Sequence[LevelVerdict], alpha: float) -> Curves:
    tallies = [level.tally for level in levels]
    return Curves(
        title="Accuracy against pooling",
        note=(
            f"The same cases at every point; {100 * (1 - alpha):g} % intervals of each rate alone"
            " (the verdicts are paired)."
        ),
        x_label="image tokens averaged into one",
        x=tuple(str(level.level.value) for level in levels),
        series=(
            Series(
                name="right",
                values=tuple(t.rate if t.is_answered else None for t in tallies),
                low=tuple(v.interval[0] if v.tally.is_answered else None for v in levels),
                high=tuple(v.interval[1] if v.tally.is_answered else None for v in levels),
            ),
        ),
    )
