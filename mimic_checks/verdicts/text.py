"""Results as plain text: the failure of one check, and the table of all; lines for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import groupby

from mimic_checks.cases import Case, GroupOutcome, Level, Outcome, Scored
from mimic_checks.characters import visible
from mimic_checks.verdicts.estimates import capacity, drop_words
from mimic_checks.verdicts.record import scored_by_level
from mimic_checks.verdicts.result import CheckResult, LevelResult
from mimic_checks.verdicts.trouble import alike

WIDTH = 100
BLIND_WIDTH = 36
"""Of the best blind answer, whose name may quote a true answer."""
HARNESS = "harness"
"""The line under which checks of the harness stand together."""
RULE_WORDS = {"all_right": "must all be right", "consistent": "must be answered alike"}
"""Group rules in words."""


def failure(result: CheckResult) -> str:
    """Why a check did not pass: the verdict, every level with its numbers, one failing case, where
    to read on."""
    head = f"{result.check}: {result.verdict}: {result.reason}"
    return _failure(result, head, result.levels, _first_failing(result))


def level_failure(result: CheckResult, judged: LevelResult) -> str:
    """The same of one level of a check."""
    head = f"{result.check}: {judged.level}: {judged.verdict}: {judged.reason}"
    return _failure(result, head, [judged], _first_failing(result, judged.level))


def summary(results: Sequence[CheckResult]) -> str:
    """The verdict table of a run: one line per check, what the best blind answer is right in (at
    any level), rates per level; then why a verdict is inconclusive."""
    rows = [("check", "verdict", "blind", "rate per level")]
    for result in in_short(results):
        best = best_blind(result)
        blind = f"{best.floor:.2f}" if best else "-"
        said = rates(result, "  ") or _short(result.reason)
        rows.append((result.check, result.status, blind, said))
    why = [
        f"{result.status}: {result.check}: {result.reason}"
        for result in results
        if result.verdict == "inconclusive"
    ]
    lines = [*table(rows), *why, *few_photos(results)]
    if beside := estimates(results, "  "):
        head = ("estimates", "retention proven", drop_name(results))
        lines += ["", *table([head, *beside])]
    return visible("\n".join(lines))


def few_photos(results: Sequence[CheckResult]) -> list[str]:
    """A line for each check whose rates say far less about new photos than about its cases, with
    the level of which that is most true."""
    lines = []
    for result in results:
        far = [judged for judged in result.levels if is_far(judged)]
        if far:
            worst = min(far, key=lambda judged: judged.effective or 0)
            others = f" (also: {', '.join(str(j.level) for j in far if j is not worst)})"
            more = others if len(far) > 1 else ""
            lines.append(f"few photos: {result.check}: {worst.level}: {reach(worst)}{more}")
    return lines


def is_far(judged: LevelResult) -> bool:
    """Whether a level says far less about new photos than about its own cases: an interval more
    than twice as wide, or none."""
    if judged.new_low is None or judged.new_high is None:
        return bool(judged.new_absent)
    return judged.new_high - judged.new_low > 2 * (judged.high - judged.low)


def reach(judged: LevelResult) -> str:
    """What a level's cases say about photos that are not among theirs, in words."""
    shown = f"these {judged.n} cases show {judged.photos} photos"
    if judged.new_low is None or judged.new_high is None:
        return f"{shown}, too few to say anything about new ones: {judged.new_absent}"
    between = f"between {judged.new_low:.2f} and {judged.new_high:.2f}"
    return f"{shown}: for new photos the rate is {between}"


def estimates(results: Sequence[CheckResult], between: str) -> list[tuple[str, str, str]]:
    """Per check with any: its id, up to where retention is proven, and the drop of every level
    against the reference, in points."""
    rows = []
    for result in results:
        shared = _shares_factor(result)
        drops = [
            f"{level_name(judged.level, shared=shared)}: {drop}"
            for judged in result.levels
            if not judged.is_reference and (drop := drop_words(judged))
        ]
        if drops:
            rows.append((result.check, capacity(result) or "-", between.join(drops)))
    return rows


def drop_name(results: Sequence[CheckResult]) -> str:
    """What the drops of these results are called: `drop in points [95 % interval]`."""
    names = dict.fromkeys(interval_name(result.alpha) for result in results)
    return f"drop in points [{', '.join(names)}]"


def in_short(results: Sequence[CheckResult]) -> list[CheckResult]:
    """The results to be listed: checks of the harness that passed and show no rate, if there are
    several, as one."""
    sound = [
        result
        for result in results
        if result.harness and result.verdict == "pass" and not result.levels
    ]
    if len(sound) < 2:
        return list(results)
    passed = {"check": HARNESS, "reason": f"{len(sound)} harness checks passed"}
    others = [result for result in results if result not in sound]
    return [sound[0].model_copy(update=passed), *others]


def rates(result: CheckResult, between: str) -> str:
    """`spread 1: 0.89  2: 0.87  3, 4: not answered: ...`; levels of a check that sweeps no single
    factor are named in full."""
    return _listed(result, result.levels, between)


def best_blind(result: CheckResult) -> LevelResult | None:
    """The level at which most is right without a look; None of a check without rates."""
    known = [judged for judged in result.levels if judged.floor is not None]
    return max(known, key=lambda judged: judged.floor or 0.0, default=None)


def troubles(result: CheckResult) -> str:
    """The levels of which most items have no prediction, with the reason; "" if there are none."""
    return _listed(result, [judged for judged in result.levels if judged.trouble], "; ")


def _listed(result: CheckResult, levels: Sequence[LevelResult], between: str) -> str:
    if not levels:
        return ""
    shared = _shares_factor(result)
    # Neighbours with one trouble are named together.
    runs = groupby(levels, lambda judged: alike(judged.trouble) or judged.level)
    listed = between.join(_rate(list(run), "," in between, shared=shared) for _, run in runs)
    return f"{result.factor} {listed}" if shared else listed


def _shares_factor(result: CheckResult) -> bool:
    return {judged.level.factor for judged in result.levels} == {result.factor}


def _rate(levels: Sequence[LevelResult], has_commas: bool, *, shared: bool) -> str:
    # Commas between levels tell nothing apart where they stand between rates as well.
    comma = " and " if has_commas else ", "
    names = comma.join(level_name(judged.level, shared=shared) for judged in levels)
    first = levels[0]
    return f"{names}: {_short(first.trouble, 80) or format(first.rate, '.2f')}"


def level_name(level: Level, *, shared: bool) -> str:
    """A level in a list: its own label if somebody gave it one; else its value, behind the factor
    unless the whole list shares it."""
    if level.label != f"{level.factor}={level.value}":
        return level.label
    return str(level.value) if shared else f"{level.factor} {level.value}"


def interval_name(alpha: float) -> str:
    """What a two-sided interval of this error rate is called: `95 % interval`."""
    return f"{100 * (1 - alpha):.6g} % interval"


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines, columns aligned."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def item_title(item: Scored, level: str) -> str:
    """Which case or group stands at a level, in words."""
    if isinstance(item, GroupOutcome):
        count, rule = len(item.members), RULE_WORDS[item.group.rule]
        return f"group {item.id} at {level}, {count} cases that {rule} ({item.kind}):"
    return _case_title(item.case, f" at {level}")


def member_name(item: Scored, number: int) -> str:
    """What a member is in its group: its role, else its number from 1."""
    roles = item.group.roles if isinstance(item, GroupOutcome) else ()
    return roles[number - 1] if roles else str(number)


def _failure(
    result: CheckResult,
    head: str,
    levels: Sequence[LevelResult],
    example: tuple[Level, Scored] | None,
) -> str:
    lines = textwrap.wrap(head, WIDTH, subsequent_indent="  ")
    if levels:
        columns = ("level", "right", "rate", interval_name(result.alpha), "verdict", "best blind")
        lines += ["", *table([columns, *map(_level_row, levels)])]
        for judged in filter(is_far, levels):
            words = f"{judged.level}: {reach(judged)}"
            lines += textwrap.wrap(words, WIDTH, subsequent_indent="  ")
    if example:
        lines += ["", *_example(*example)]
    if result.docs:
        lines += ["", f"What it means and what to do: {where_to_read(result)}"]
    return visible("\n".join(lines))


def where_to_read(result: CheckResult) -> str:
    """An address, or a command that prints the page: installed, it is nowhere to be found."""
    return result.docs if "://" in result.docs else f"mimic-checks describe {result.check}"


def _case_title(case: Case, where: str = "") -> str:
    return f"case {case.id}{where}, {len(case.images)} images: {case.question!r}"


def _first_failing(result: CheckResult, at: Level | None = None) -> tuple[Level, Scored] | None:
    """The first shown item that is not right, and its level; only of the level `at`, if given."""
    return next(
        (
            (level, item)
            for level, items in scored_by_level(result.shown).items()
            for item in items
            if item.kind != "right" and at in (None, level)
        ),
        None,
    )


def _example(level: Level, item: Scored) -> list[str]:
    lines = [f"e.g. {item_title(item, str(level))}"]
    for number, outcome in enumerate(item.members, start=1):
        if isinstance(item, GroupOutcome):
            lines.append(f"     {member_name(item, number)}: {_case_title(outcome.case)}")
        lines.append(f"     true answer {outcome.case.truth.text!r}, {_said(outcome)}")
    return lines


def _said(outcome: Outcome) -> str:
    if outcome.kind == "error":
        return f"no answer: {outcome.answer}"
    return f"model's answer {outcome.answer!r} ({outcome_name(outcome)})"


def outcome_name(outcome: Outcome) -> str:
    """An outcome in words: its kind, and why nothing was read."""
    return f"{outcome.kind}: {outcome.remark}" if outcome.remark else outcome.kind


def _level_row(judged: LevelResult) -> tuple[str, ...]:
    mark = " (reference)" if judged.is_reference else ""
    doubtful = f", {judged.unparseable} unparseable" if judged.unparseable else ""
    doubtful += f", {judged.error} errors" if judged.error else ""
    return (
        f"{judged.level}{mark}",
        f"{judged.right}/{judged.n}{doubtful}",
        f"{judged.rate:.3f}" if judged.is_answered else "-",
        f"[{judged.low:.3f}, {judged.high:.3f}]" if judged.is_answered else "not answered",
        judged.verdict,
        _short(judged.blind, BLIND_WIDTH),
    )


def _short(reason: str, letters: int = 60) -> str:
    return textwrap.shorten(reason, letters, placeholder="...")
