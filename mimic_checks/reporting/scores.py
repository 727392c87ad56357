"""Scores of suites as lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from mimic_checks.suites.lens import Lens, Number, lenses, random_letters, strict
from mimic_checks.suites.scoring import macro
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.pairs import Pairs
from mimic_checks.verdicts.suite_answers import SuiteAnswers
from mimic_checks.verdicts.text import interval_name, table

ALPHA = 0.05
_HARNESSES = ("official", "lmms-eval", "VLMEvalKit")


def score_lines(answers: SuiteAnswers) -> list[str]:
    """The strict score of a suite, and what each harness would have printed: what its reading of
    the answers changes, and what its aggregate does."""
    suite, answered = answers.suite, answers.answered
    plain = strict(answered)
    found = lenses(suite.format, answered)
    rows: list[tuple[str, ...]] = [
        ("harness", "number", "aggregate", "its reading changes", "its aggregate changes")
    ]
    if answers.unit != "items":
        rows.append(("strict", _percent(fmean(answers.units.values())), answers.unit, "", ""))
    rows.append(("strict", _percent(plain), "micro", "", ""))
    rows.append(("strict", _percent(strict(answered, macro)), "mean of categories", "", ""))
    rows += [_row(lens, plain) for lens in found]
    named = {lens.harness.split(" ")[0] for lens in found}
    rows += [(name, "-", "it has no such task", "", "") for name in _HARNESSES if name not in named]
    lines = [
        f"{answers.check}: {suite.format.title}, {len(answered)} items, wording"
        f" {suite.template!r}, key {suite.key!r}, data {suite.data_hash[:12]}",
        *table(rows),
    ]
    lines += [f"{lens.harness}: not computable: {lens.why_not}" for lens in found if lens.why_not]
    if chance := random_letters(answered):
        lines.append(f"letters drawn at random: {_text(chance)}")
    if answers.unit == "items in every rotation":
        lines.append("all but the first line: of the options in the order of the files alone")
    if answers.errors:
        lines.append(f"{answers.errors} errors are counted as empty answers")
    lines.append(
        "another label key: not separated (the files hold one key; read the other one in a run of"
        " its own)"
    )
    return lines


def change_lines(
    before: Mapping[str, SuiteAnswers], after: Mapping[str, SuiteAnswers]
) -> list[str]:
    """What another run changes, suite by suite, by whatever the verdicts count: its wording, or its
    model, where nothing else differs."""
    lines = []
    for check in dict.fromkeys([*before, *after]):
        if check not in before or check not in after:
            lines.append(f"{check}: not separated: only one of the runs has answers to it")
        else:
            lines.append(_change(before[check], after[check]))
    return lines


def _change(before: SuiteAnswers, after: SuiteAnswers) -> str:
    differs = _differences(before, after)
    if len(differs) != 1 or differs[0] not in ("wording", "model"):
        said = ", ".join(differs) if differs else "nothing"
        return f"{before.check}: not separated: what differs: {said}"
    (what,) = differs
    pairs = Pairs(tuple(before.units.values()), tuple(after.units[items] for items in before.units))
    low, high = FIXED_NUMBER.drop_bounds(pairs, ALPHA / 2)
    return (
        f"{before.check}: the {what} changes the strict score by {-100 * pairs.drop:+.1f} points,"
        f" {interval_name(ALPHA)} [{-100 * high:+.1f}, {-100 * low:+.1f}] ({pairs.gained} of"
        f" {pairs.n} {before.unit} gained, {pairs.lost} lost)"
    )


def _differences(before: SuiteAnswers, after: SuiteAnswers) -> list[str]:
    found = []
    if before.suite.data_hash != after.suite.data_hash:
        found.append("data")
    if before.suite.key != after.suite.key:
        found.append("answer key")
    if {one.item.id for one in before.answered} != {one.item.id for one in after.answered}:
        found.append("items asked")
    elif set(before.units) != set(after.units):
        found.append("groups or rotations")
    if before.suite.template != after.suite.template:
        found.append("wording")
    if before.identity != after.identity:
        found.append("model")
    return found


def _row(lens: Lens, plain: float) -> tuple[str, ...]:
    if lens.number is None or lens.parsed is None:
        return (lens.harness, "not computable", lens.aggregate, "", "")
    return (
        lens.harness,
        _text(lens.number),
        lens.aggregate,
        _difference(plain, lens.parsed),
        _between(lens.parsed, lens.number),
    )


def _text(number: Number) -> str:
    if number.expected is None:
        return f"{_percent(number.least)} to {_percent(number.most)} (a judge decides)"
    if number.spread:
        return (
            f"{_percent(number.expected)} on average, sd {100 * number.spread:.1f} (draws letters)"
        )
    return _percent(number.expected)


def _difference(plain: float, parsed: Number) -> str:
    if parsed.expected is None:
        return f"{_points(parsed.least - plain)} to {_points(parsed.most - plain)}"
    return _points(parsed.expected - plain)


def _between(parsed: Number, number: Number) -> str:
    if parsed.expected is None or number.expected is None:
        return "-"
    return _points(number.expected - parsed.expected)


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
