"""What a judge says of free answers, against the deterministic reader: never a verdict.

Every word of the judge is on the disk before the next batch is asked, so that a run which is taken
up again asks none twice; requests that failed are tried again then.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mimic_checks.cases import Level, Outcome, Scored
from mimic_checks.checks.check import Check
from mimic_checks.checks.session import CheckSession
from mimic_checks.errors import AnswerError, ModelLoadError
from mimic_checks.models.judge import Judge, judge_options, judged, ruling
from mimic_checks.models.reply import reply_text
from mimic_checks.runs.kept_lines import kept_lines
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.result import Table
from mimic_checks.verdicts.text import interval_name

BATCH = 16
"""Answers that are judged together."""
_TITLE = "What the judge says of the answers"


def judge_panels(
    session: CheckSession, check: Check, outcomes: Mapping[Level, Sequence[Scored]]
) -> list[Table]:
    """The judge against the reader; nothing unless the run names one (`--vlm-judge`), or where no
    answer is free text. Tests of the harness itself are not judged."""
    settings = session.settings
    members = [o for items in outcomes.values() for item in items for o in item.members]
    free = list({outcome.id: outcome for outcome in members if judged(outcome.case)}.values())
    if not settings.judge or check.harness or not free:
        return []
    answered = [outcome for outcome in free if outcome.kind != "error"]
    path = session.folder.path / "judge" / f"{check.check_id}.jsonl"
    try:
        judge = Judge(settings.judge, judge_options(settings.judge_base_url, settings.model))
        said = _said(judge, answered, path)
    except ModelLoadError as error:
        # Beside the verdicts: whatever becomes of the judge, they stand.
        return [Table(title=_TITLE, note=f"Not judged: {error}.", head=("answers",), rows=())]
    alpha = session.thresholds.of(check.check_id).alpha
    return [_table(answered, said, len(free) - len(answered), alpha)]


def _said(judge: Judge, outcomes: Sequence[Outcome], path: Path) -> dict[str, str]:
    """The judge's words by case, of all that it answered."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = dict(kept_lines(path, _entry))
    keys = {outcome.id: judge.key(outcome.case, outcome.answer) for outcome in outcomes}
    # Equal questions with equal answers, over whatever images, are one to a judge without eyes.
    unasked = {keys[o.id]: o for o in outcomes if keys[o.id] not in kept}
    left = list(unasked.values())
    with path.open("a", encoding="utf-8") as file:
        for start in range(0, len(left), BATCH):
            batch = left[start : start + BATCH]
            replies = judge.ask([(outcome.case, outcome.answer) for outcome in batch])
            for outcome, reply in zip(batch, replies, strict=True):
                if isinstance(reply, AnswerError):
                    continue
                key, said = keys[outcome.id], reply_text(reply)
                kept[key] = said
                entry = {"key": key, "case": outcome.id, "said": said}
                file.write(json.dumps(entry) + "\n")
            file.flush()
    return {case: kept[key] for case, key in keys.items() if key in kept}


def _entry(line: dict[str, Any]) -> tuple[str, str]:
    return str(line["key"]), str(line["said"])


def _table(
    outcomes: Sequence[Outcome], said: Mapping[str, str], unanswered: int, alpha: float
) -> Table:
    count: Counter[str] = Counter()
    scores: list[tuple[float, float]] = []
    for outcome in outcomes:
        if outcome.id not in said:
            count["error"] += 1
            continue
        found = ruling(outcome.case, said[outcome.id])
        if found is None:
            count["unreadable"] += 1
            continue
        right = outcome.kind == "right"
        count["agree" if found.right == right else "judge" if found.right else "reader"] += 1
        if found.f1 is not None:
            scores.append((found.f1, outcome.partial or 0.0))
    n = count["agree"] + count["judge"] + count["reader"]
    agree = count["agree"]
    interval = f"[{lower(agree, n, alpha / 2):.3f}, {upper(agree, n, alpha / 2):.3f}]" if n else "-"
    rows = [
        ("judged and read", str(n)),
        ("agree", str(agree)),
        ("agreement", f"{agree / n:.3f}" if n else "-"),
        (f"agreement, {interval_name(alpha)}", interval),
        ("right for the judge only", str(count["judge"])),
        ("right for the reader only", str(count["reader"])),
        ("judge unreadable", str(count["unreadable"])),
        ("judge failed", str(count["error"])),
        ("not asked: no answer", str(unanswered)),
    ]
    if scores:
        for place, who in enumerate(("judge", "reader")):
            mean = sum(pair[place] for pair in scores) / len(scores)
            rows.append((f"mean F1 of objects, {who}", f"{mean:.3f}"))
    note = "The judge beside the reader that decides, never instead of it: no verdict looks here."
    return Table(title=_TITLE, note=note, head=("answers", "number"), rows=tuple(rows))
