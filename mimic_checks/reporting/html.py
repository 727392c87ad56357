"""The report: one HTML file, no network, every shown case with all its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mimic_checks.cases import OUTCOME_KINDS
from mimic_checks.reporting.cards import item_card
from mimic_checks.reporting.curve import curve
from mimic_checks.reporting.document import document
from mimic_checks.reporting.escape import text
from mimic_checks.reporting.estimates import estimates, rows_of
from mimic_checks.reporting.gaps import gaps_html
from mimic_checks.reporting.gate import Items, flipped_items, gate_section
from mimic_checks.reporting.panels import panels
from mimic_checks.verdicts.gate_result import CheckGate
from mimic_checks.verdicts.pictures import read_pictures
from mimic_checks.verdicts.record import scored_by_level
from mimic_checks.verdicts.result import CheckResult, LevelResult
from mimic_checks.verdicts.run_folder import RunFolder
from mimic_checks.verdicts.text import interval_name, is_far, reach, troubles, where_to_read

_WORST_FIRST = ("fail", "inconclusive", "pass")


class HtmlReport:
    """`report.html`: every check with its levels, panels, shown cases and comparison with a
    baseline."""

    file_name = "report.html"

    def render(self, run: RunFolder) -> str:
        """The file's text."""
        described, results, gates = run.read(), run.results(), run.gates()
        flipped = flipped_items(run, gates.values())
        cases = [record.outcome.case for result in results for record in result.shown]
        cases += [outcome.case for item in flipped.values() for outcome in item.members]
        pictures = read_pictures(cases, run.path)
        return page(
            results, described, pictures, str(run.path), gates, flipped, gaps=gaps_html(run)
        )


HTML = HtmlReport()


def page(
    results: Sequence[CheckResult],
    run: Mapping[str, Any],
    pictures: Mapping[str, bytes],
    folder: str,
    gates: Mapping[str, CheckGate] | None = None,
    flipped: Items | None = None,
    *,
    gaps: str = "",
) -> str:
    """The whole page. `pictures`: PNG bytes by image id; `folder`: where the run is, for the replay
    commands; `gates`: comparisons with a baseline, by check, and `flipped` what flipped in them;
    `gaps`: HTML of what the run has left open."""
    gates, flipped = gates or {}, flipped or {}
    identity, described = run.get("identity", {}), run.get("description", {})
    # Stable: checks of one verdict stay in the order of the run.
    results = sorted(results, key=lambda result: _WORST_FIRST.index(result.verdict))
    name = identity.get("name") or described.get("vlm") or "model"
    expected = run.get("expected", "")
    return document(
        f"{name}: several images at once",
        [
            f"<h1>Where {text(name)} breaks on several images</h1>",
            *([gaps] if gaps else []),
            _headline(results),
            *([f"<p>Against the baseline: {text(expected)}.</p>"] if expected else []),
            _about(described, identity),
        ],
        [
            _overview(results, gates),
            _left_out("unreadable images were left out", [r.unreadable for r in results])
            + _left_out(
                "questions have no answer and were not asked", [r.refused for r in results]
            ),
            _filter(results),
            *(
                _check(result, described, folder, _gated(gates.get(result.check), flipped))
                for result in results
            ),
        ],
        pictures,
    )


def _headline(results: Sequence[CheckResult]) -> str:
    parts = []
    for verdict in _WORST_FIRST:
        number = sum(result.verdict == verdict for result in results)
        if number:
            word = {"fail": "failed", "pass": "passed"}.get(verdict, verdict)
            parts.append(f'<span class="verdict {verdict}">{number} {word}</span>')
    cases = sum(level.n for result in results for level in result.levels)
    errors = sum(level.error for result in results for level in result.levels)
    unanswered = f" ({errors} of them errors, without an answer)" if errors else ""
    return f"<p>{len(results)} checks, {cases} judged cases{unanswered}: {', '.join(parts)}.</p>"


def _about(described: Mapping[str, Any], identity: Mapping[str, Any]) -> str:
    keys = "catalog case_set cases seed profile template thresholds suite".split()
    rows = {key: described.get(key) for key in keys}
    facts = {
        **{key: value for key, value in rows.items() if value is not None},
        **{f"model {k}": v for k, v in identity.items() if v},
    }
    cells = "".join(
        f"<tr><th>{text(key)}</th><td>{text(value)}</td></tr>" for key, value in facts.items()
    )
    return (
        '<details><summary class="soft">How this run was made</summary>'
        f'<div class="wide"><table>{cells}</table></div></details>'
    )


def _gated(gate: CheckGate | None, flipped: Items) -> str:
    return gate_section(gate, flipped) if gate else ""


def _overview(results: Sequence[CheckResult], gates: Mapping[str, CheckGate]) -> str:
    against = {
        check: f'<td class="verdict {gate.verdict}">{gate.verdict}</td>'
        for check, gate in gates.items()
    }
    column, none = ("<th>Against the baseline</th>", "<td>-</td>") if gates else ("", "")
    rows = "".join(
        f'<tr><td><a href="#{text(r.check)}">{text(r.title)}</a><br>'
        f"<code>{text(r.check)}</code></td>"
        f'<td class="verdict {r.verdict}">{r.status}</td>'
        f"{against.get(r.check, none)}<td>{text(r.reason)}{_troubles(r)}</td></tr>"
        for r in results
    )
    return (
        f'<div class="wide"><table><thead><tr><th>Check</th><th>Verdict</th>{column}'
        f"<th>Why</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _troubles(result: CheckResult) -> str:
    found = troubles(result)
    return f'<br><span class="soft">{text(found)}</span>' if found else ""


def _notes(results: Sequence[CheckResult]) -> str:
    """What of the run's files was not asked."""
    return _left_out(
        "unreadable images were left out", [result.unreadable for result in results]
    ) + _left_out(
        "questions have no answer and were not asked", [result.refused for result in results]
    )


def _left_out(what: str, noted: Sequence[Sequence[str]]) -> str:
    notes = sorted({note for result in noted for note in result})
    if not notes:
        return ""
    items = "".join(f"<li>{text(note)}</li>" for note in notes)
    return f"<details><summary>{len(notes)} {what}</summary><ul>{items}</ul></details>"


def _filter(results: Sequence[CheckResult]) -> str:
    def select(name: str, values: Sequence[str]) -> str:
        options = "".join(
            f'<option value="{text(value)}">{text(value)}</option>' for value in values
        )
        return (
            f'<label>{name}<select name="{name}">'
            f'<option value="">all</option>{options}</select></label>'
        )

    return (
        '<form class="filter" aria-label="filter cases">'
        + select("check", [result.check for result in results])
        + select("factor", sorted({result.factor for result in results}))
        + select("outcome", OUTCOME_KINDS)
        + '<button type="reset">clear</button><output id="shown" class="soft"></output></form>'
    )


def _check(result: CheckResult, described: Mapping[str, Any], folder: str, against: str) -> str:
    vlm = str(described.get("vlm", ""))
    cases = "".join(_cases(result, judged, folder, vlm) for judged in result.levels)
    return (
        f'<section class="check" id="{text(result.check)}" data-check="{text(result.check)}"'
        f' data-factor="{text(result.factor)}">'
        f'<h2>{text(result.title)} <span class="verdict {result.verdict}">{result.status}</span>'
        f"</h2><p>{text(result.behaviour)}</p><p>{text(result.reason)}</p>"
        f'<p class="soft">Factor: {text(result.factor)}. Moves with it: {text(result.moves)}. More:'
        f" <code>{text(where_to_read(result))}</code></p>"
        f"{against}{_numbers(result)}{panels(result.panels)}{cases}</section>"
    )


def _numbers(result: CheckResult) -> str:
    if not result.levels:
        return ""
    heads = ("Level", "Right", "Rate", interval_name(result.alpha), "Blind", "Verdict")
    table = rows_of(heads, map(_level, result.levels))
    # A measurement draws panels of its own, which say more than a curve over its levels.
    if result.panels and not result.alone:
        return table + estimates(result)
    return f'<div class="two"><div>{curve(result)}{estimates(result)}</div>{table}</div>'


def _level(judged: LevelResult) -> str:
    mark = " (reference)" if judged.is_reference else ""
    explained = "; ".join([judged.reason, *_also(judged)])
    return (
        f"<tr><td>{text(judged.level)}{mark}</td>"
        f'<td class="number">{judged.right}/{judged.n}</td>'
        f"{_rate(judged)}{_blind(judged)}"
        f'<td><span class="verdict {judged.verdict}">{judged.verdict}</span><br>'
        f'<span class="soft">{text(explained)}</span></td></tr>'
    )


def _rate(judged: LevelResult) -> str:
    if not judged.is_answered:
        return '<td colspan="2" class="soft">not answered</td>'
    return (
        f'<td class="number">{judged.rate:.3f}</td>'
        f'<td class="number">{judged.low:.3f} to {judged.high:.3f}</td>'
    )


def _blind(judged: LevelResult) -> str:
    best = "-" if judged.floor is None else f"{judged.floor:.2f}"
    return f'<td class="number">{best}</td>'


def _also(judged: LevelResult) -> list[str]:
    """What is known of a level beside its verdict."""
    doubtful = {"unparseable": judged.unparseable, "errors": judged.error}
    facts = [f"{number} {word}" for word, number in doubtful.items() if number]
    if is_far(judged):
        facts.append(reach(judged))
    if judged.partial is not None:
        bounds = f"[{judged.partial_low:.3f}, {judged.partial_high:.3f}]"
        facts.append(f"mean partial score {judged.partial:.3f} {bounds}")
    if judged.blind:
        facts.append(f"best blind answer {judged.blind}")
    return facts + [f"released scorer {name}: {rate:.3f}" for name, rate in judged.released.items()]


def _cases(result: CheckResult, judged: LevelResult, folder: str, vlm: str) -> str:
    items = scored_by_level(result.shown).get(judged.level, [])
    if not items:
        return ""
    wrong, failing = judged.n - judged.right, sum(item.kind != "right" for item in items)
    counts = (
        f"{failing} of {wrong} failing cases shown, {len(items) - failing} of {judged.right} right"
        " ones"
    )
    where = f"all {judged.n} in <code>outcomes/{text(result.check)}.jsonl</code>"
    cards = "".join(item_card(item, folder, vlm) for item in items)
    return f'<h3>{text(judged.level)} <span class="soft">{counts}; {where}</span></h3>{cards}'
