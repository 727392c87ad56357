"""The report: one HTML file, no network, every shown case with all its pictures.

Data in: a run's results, its description, and its pictures as PNG bytes. Data out: the page.
Whatever a model or a catalog wrote is escaped by `escape.text`; nothing else puts foreign text into
the page.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from mimic_checks.reporting.curve import curve
from mimic_checks.reporting.document import document, pictures_of
from mimic_checks.reporting.escape import text
from mimic_checks.reporting.gate import Cases, gate_section
from mimic_checks.reporting.panels import panels
from mimic_checks.verdicts.gate_result import CheckGate
from mimic_checks.verdicts.outcome import KINDS
from mimic_checks.verdicts.result import CheckResult, LevelResult, OutcomeLine

_WORST_FIRST = ("fail", "inconclusive", "pass")


def page(
    results: Sequence[CheckResult],
    run: Mapping[str, Any],
    pictures: Mapping[str, bytes],
    folder: str,
    gates: Mapping[str, CheckGate] | None = None,
    flipped: Cases | None = None,
) -> str:
    """The whole page. `pictures`: PNG bytes by image id; `folder`: where the run is, for the replay
    commands; `gates`: comparisons with a baseline, by check, and `flipped` their flipped cases."""
    gates, flipped = gates or {}, flipped or {}
    identity, described = run.get("identity", {}), run.get("description", {})
    results = sorted(results, key=lambda result: _WORST_FIRST.index(result.verdict))
    name = identity.get("name") or described.get("vlm") or "model"
    return document(
        f"{name}: several images at once",
        [
            f"<h1>Where {text(name)} breaks on several images</h1>",
            _headline(results),
            _about(described, identity),
        ],
        [
            _overview(results, gates),
            _unreadable(results),
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
    return f"<p>{len(results)} checks, {cases} judged cases: {', '.join(parts)}.</p>"


def _about(described: Mapping[str, Any], identity: Mapping[str, Any]) -> str:
    rows = {
        key: described.get(key)
        for key in (
            "catalog",
            "case_set",
            "cases",
            "seed",
            "profile",
            "template",
            "thresholds",
            "suite",
        )
    }
    facts = {
        **{key: value for key, value in rows.items() if value is not None},
        **{f"model {k}": v for k, v in identity.items() if v},
    }
    cells = "".join(
        f"<tr><th>{text(key)}</th><td>{text(value)}</td></tr>" for key, value in facts.items()
    )
    return (
        '<details><summary class="soft">How this run was made</summary><div'
        f' class="wide"><table>{cells}</table></div></details>'
    )


def _gated(gate: CheckGate | None, flipped: Cases) -> str:
    return gate_section(gate, flipped) if gate else ""


def _overview(results: Sequence[CheckResult], gates: Mapping[str, CheckGate]) -> str:
    against = {
        check: f'<td class="verdict {gate.verdict}">{gate.verdict}</td>'
        for check, gate in gates.items()
    }
    column, none = ("<th>Against the baseline</th>", "<td>-</td>") if gates else ("", "")
    rows = "".join(
        "<tr><td><a"
        f' href="#{text(r.check)}">{text(r.title)}</a><br><code>{text(r.check)}</code></td><td'
        ' class="verdict'
        f' {r.verdict}">{r.verdict}</td>{against.get(r.check, none)}<td>{text(r.reason)}</td></tr>'
        for r in results
    )
    return (
        f'<div class="wide"><table><thead><tr><th>Check</th><th>Verdict</th>{column}'
        f"<th>Why</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _unreadable(results: Sequence[CheckResult]) -> str:
    notes = sorted({note for result in results for note in result.unreadable})
    items = "".join(f"<li>{text(note)}</li>" for note in notes)
    return (
        f"<details><summary>{len(notes)} unreadable images were left"
        f" out</summary><ul>{items}</ul></details>"
        if notes
        else ""
    )


def _filter(results: Sequence[CheckResult]) -> str:
    def select(name: str, values: Sequence[str]) -> str:
        options = "".join(
            f'<option value="{text(value)}">{text(value)}</option>' for value in values
        )
        return (
            f'<label>{name}<select name="{name}"><option'
            f' value="">all</option>{options}</select></label>'
        )

    return (
        '<form class="filter" aria-label="filter cases">'
        + select("check", [result.check for result in results])
        + select("factor", sorted({result.factor for result in results}))
        + select("outcome", KINDS)
        + '<button type="reset">clear</button><output id="shown" class="soft"></output></form>'
    )


def _check(result: CheckResult, described: Mapping[str, Any], folder: str, against: str) -> str:
    numbers = ""
    if result.levels:
        head = "<tr><th>Level</th><th>Right</th><th>Rate</th><th>95 %</th><th>Verdict</th></tr>"
        rows = "".join(_level(level) for level in result.levels)
        table = f'<div class="wide"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
        numbers = (
            table if result.panels else f'<div class="two"><div>{curve(result)}</div>{table}</div>'
        )
    groups = "".join(_cases(result, level, described, folder) for level in result.levels)
    return (
        f'<section class="check" id="{text(result.check)}" data-check="{text(result.check)}"'
        f' data-factor="{text(result.factor)}">'
        f'<h2>{text(result.title)} <span class="verdict'
        f' {result.verdict}">{result.verdict}</span></h2>'
        f"<p>{text(result.behaviour)}</p><p>{text(result.reason)}</p>"
        f'<p class="soft">Factor: {text(result.factor)}. Moves with it: {text(result.moves)}. More:'
        f" <code>{text(result.docs)}</code></p>"
        f"{against}{numbers}{panels(result.panels)}{groups}</section>"
    )


def _level(level: LevelResult) -> str:
    extra = [
        f"{number} {word}"
        for word, number in (("unparseable", level.unparseable), ("errors", level.error))
        if number
    ]
    if level.mean_f1 is not None:
        extra.append(f"mean F1 {level.mean_f1:.3f} [{level.f1_low:.3f}, {level.f1_high:.3f}]")
    if level.official is not None:
        extra.append(f"released scorer {level.official:.3f}")
    if level.official_released is not None:
        extra.append(f"with its leading-space bug {level.official_released:.3f}")
    mark = " (reference)" if level.is_reference else ""
    return (
        f"<tr><td>{text(level.level)}{mark}</td>"
        f'<td class="number">{level.right}/{level.n}</td><td class="number">{level.rate:.3f}</td>'
        f'<td class="number">{level.low:.3f} to {level.high:.3f}</td>'
        f'<td><span class="verdict {level.verdict}">{level.verdict}</span><br><span'
        f' class="soft">{text(level.reason)}'
        f"{'; ' + text('; '.join(extra)) if extra else ''}</span></td></tr>"
    )


def _cases(
    result: CheckResult, level: LevelResult, described: Mapping[str, Any], folder: str
) -> str:
    lines = [line for line in result.shown if line.level == level.level]
    if not lines:
        return ""
    wrong, shown = level.n - level.right, sum(line.kind != "right" for line in lines)
    more = (
        f"{shown} of {wrong} failing cases shown, {len(lines) - shown} of {level.right} right ones"
    )
    where = f"all {level.n} in <code>outcomes/{text(result.check)}.jsonl</code>"
    cards = "".join(_case(line, described, folder) for line in lines)
    return f'<h3>{text(level.level)} <span class="soft">{more}; {where}</span></h3>{cards}'


def _case(line: OutcomeLine, described: Mapping[str, Any], folder: str) -> str:
    case, truth = line.case, line.case.case().truth.text
    factors = ", ".join(f"{key} {value}" for key, value in case.factors.items())
    command = (
        f"mimic-checks replay {shlex.quote(folder)} {case.id} --vlm"
        f" {shlex.quote(str(described.get('vlm', '')))}"
    )
    return (
        f'<details class="case" data-outcome="{line.kind}"><summary><span class="verdict'
        f' {"pass" if line.kind == "right" else "fail"}">'
        f'{line.kind}</span> {text(case.question)} <span class="soft">true: {text(truth)}; model:'
        f" {text(line.answer[:120])}</span></summary>"
        f'{pictures_of(case.images)}<p class="soft">{text(factors)}</p>'
        f"<p>Question</p><pre>{text(case.question)}</pre><p>True answer</p><pre>{text(truth)}</pre>"
        f'<p>Model</p><pre class="answer">{text(line.answer)}</pre>'
        f"<p>Replay</p><pre>{text(command)}</pre></details>"
    )
