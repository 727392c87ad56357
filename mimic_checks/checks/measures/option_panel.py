"""How likely the model finds the options, beside what it says: never a verdict.

Every score is on the disk before the next batch is asked, so that a run which is taken up again
asks none twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mimic_checks.cases import Case, Level, Outcome, Scored
from mimic_checks.checks.check import Check
from mimic_checks.checks.session import CheckSession
from mimic_checks.errors import UsageError, as_answer_errors
from mimic_checks.models.vlm import scores_options, why_not
from mimic_checks.runs.kept_lines import kept_lines
from mimic_checks.tasks import Choice
from mimic_checks.tasks.truth import LETTERS
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.result import Table
from mimic_checks.verdicts.text import interval_name

VARIANTS = ("letter", "text", "text per token", "text per character")
"""What is scored: the letter, or the option's words; whole, or by length."""
BATCH = 16
"""Questions that are scored together."""
Scores = Mapping[str, Mapping[str, Sequence[tuple[float, int]]]]
"""Case id -> "letter" and "text" -> log-probability and tokens of every option."""


def option_panels(
    session: CheckSession, check: Check, outcomes: Mapping[Level, Sequence[Scored]]
) -> list[Table]:
    """The likeliest options against what was said and what is right; nothing unless the run asks
    for it (`--vlm-score-options`) or where no case has options in words."""
    answered = [o for items in outcomes.values() for item in items for o in item.members]
    scored = [outcome for outcome in answered if _has_words(outcome.case)]
    if not session.settings.score_options or not scored:
        return []
    if scores_options(session.model) is None:
        reason = why_not(session.model, "option_scores")
        return [Table(title=_TITLE, note=f"Not scored: {reason}.", head=("variant",), rows=())]
    path = session.folder.path / "option_scores" / f"{check.check_id}.jsonl"
    known = _scored(session, list({o.id: o.case for o in scored}.values()), path)
    alpha = session.thresholds.of(check.check_id).alpha
    return [_table(scored, known, alpha)]


_TITLE = "How likely the model finds the options"


def likeliest(scores: Mapping[str, Sequence[tuple[float, int]]], case: Case) -> dict[str, int]:
    """The likeliest option by variant; of equal ones the first."""
    options = _options(case)
    totals = {
        "letter": [total for total, _ in scores["letter"]],
        "text": [total for total, _ in scores["text"]],
        "text per token": [total / max(1, tokens) for total, tokens in scores["text"]],
        "text per character": [
            total / len(text) for (total, _), text in zip(scores["text"], options, strict=True)
        ],
    }
    return {name: values.index(max(values)) for name, values in totals.items()}


def _has_words(case: Case) -> bool:
    return isinstance(case.truth, Choice) and all(_options(case))


def _options(case: Case) -> tuple[str, ...]:
    assert isinstance(case.truth, Choice)
    return case.truth.options[: len(LETTERS)]


def _scored(session: CheckSession, cases: Sequence[Case], path: Path) -> Scores:
    known = dict(kept_lines(path, _entry))
    path.parent.mkdir(parents=True, exist_ok=True)
    left = [case for case in cases if case.id not in known]
    with path.open("a", encoding="utf-8") as file:
        for start in range(0, len(left), BATCH):
            for case_id, scores in _asked(session, left[start : start + BATCH]):
                known[case_id] = scores
                file.write(json.dumps({"case": case_id, **scores}) + "\n")
            file.flush()
    return known


def _asked(
    session: CheckSession, cases: Sequence[Case]
) -> Iterator[tuple[str, dict[str, list[tuple[float, int]]]]]:
    """Scores of a batch; nothing of one that the model raises on, which the panel counts."""
    model = scores_options(session.model)
    assert model is not None
    prompts = [session.prompt(case) for case in cases]
    texts = [_options(case) for case in cases]
    try:
        with as_answer_errors():
            by_letter = model.option_scores(prompts, [LETTERS[: len(own)] for own in texts])
            by_text = model.option_scores(prompts, texts)
    except UsageError:
        raise
    except Exception:  # whatever a model raises; those without a score are counted
        return
    for case, letters, words in zip(cases, by_letter, by_text, strict=True):
        yield (
            case.id,
            {
                "letter": [(score.log_probability, score.tokens) for score in letters],
                "text": [(score.log_probability, score.tokens) for score in words],
            },
        )


def _entry(line: dict[str, Any]) -> tuple[str, dict[str, list[tuple[float, int]]]]:
    scores = {name: [(float(t), int(n)) for t, n in line[name]] for name in ("letter", "text")}
    return str(line["case"]), scores


def _table(outcomes: Sequence[Outcome], known: Scores, alpha: float) -> Table:
    rows = []
    scored = [outcome for outcome in outcomes if outcome.id in known]
    best = [likeliest(known[outcome.id], outcome.case) for outcome in scored]
    for variant in VARIANTS:
        right = said = differs = unread = 0
        for outcome, places in zip(scored, best, strict=True):
            truth, prediction = outcome.case.truth, outcome.prediction
            assert isinstance(truth, Choice)
            right += places[variant] == truth.index
            if isinstance(prediction, Choice):
                said += places[variant] == prediction.index
                differs += places[variant] != prediction.index
            else:
                unread += 1
        n = len(scored)
        rows.append(
            (
                variant,
                f"{right / n:.3f}" if n else "-",
                _interval(right, n, alpha) if n else "-",
                str(said),
                str(differs),
                str(unread),
                str(len(outcomes) - n),
            )
        )
    head = (
        "variant",
        "likeliest right",
        interval_name(alpha),
        "as said",
        "other",
        "unread",
        "errors",
    )
    note = (
        "Of every question whose options are words. Beside what the model says, never instead of"
        " it: no verdict looks here."
    )
    return Table(title=_TITLE, note=note, head=head, rows=tuple(rows))


def _interval(right: int, n: int, alpha: float) -> str:
    return f"[{lower(right, n, alpha / 2):.3f}, {upper(right, n, alpha / 2):.3f}]"
