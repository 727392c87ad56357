"""Comparisons with a baseline, for people: a section of the report, a page of its own, Markdown,
JUnit.

Data in: `CheckGate`s and the cases that flipped. Data out: HTML, Markdown, XML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from mimic_checks.reporting.document import document, pictures_of
from mimic_checks.reporting.escape import text
from mimic_checks.reporting.markdown import SIGN, cell
from mimic_checks.verdicts.gate_result import CheckGate, Flip, LevelGate
from mimic_checks.verdicts.result import StoredCase

Cases = Mapping[str, StoredCase]
"""The flipped cases, by id."""


def gate_section(gate: CheckGate, cases: Cases) -> str:
    """How a check compares with its baseline: every level, then every flipped case with all
    pictures and both answers."""
    head = (
        "<tr><th>Level</th><th>Before</th><th>Now</th><th>Lost</th><th>Gained</th><th>Loss"
        " (points)</th><th>p</th><th>Verdict</th></tr>"
    )
    rows = "".join(_level(level) for level in gate.levels)
    notes = "".join(f'<p class="soft">{text(note)}</p>' for note in gate.notes)
    groups = "".join(
        f'<h3>{text(level.level)} <span class="soft">{level.lost} lost, {level.gained}'
        " gained</span></h3>" + "".join(found)
        for level in gate.levels
        if (
            found := [
                _flip(flip, cases[flip.case]) for flip in gate.flips if flip.level == level.level
            ]
        )
    )
    return (
        '<h3>Against the baseline <span class="verdict'
        f' {gate.verdict}">{gate.verdict}</span></h3><p>{text(gate.reason)}</p>'
        f'<p class="soft">Tier: {text(gate.tier)}. Margin: {100 * gate.margin:g} points, alpha'
        f" {gate.alpha:g}. p: of a drop above the margin, "
        f"corrected over the run; McNemar's p is for information.</p>{notes}"
        f'<div class="wide"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>{groups}'
    )


def gate_page(
    gates: Sequence[CheckGate], cases: Cases, names: tuple[str, str], pictures: Mapping[str, bytes]
) -> str:
    """The whole page of a comparison; `names`: the earlier release and this one; `pictures`: PNG
    bytes by image id."""
    rows = "".join(
        f'<tr><td><a href="#{text(gate.check)}"><code>{text(gate.check)}</code></a></td><td'
        f' class="verdict {gate.verdict}">{gate.verdict}</td>'
        f"<td>{text(gate.tier)}</td><td>{text(gate.reason)}</td></tr>"
        for gate in gates
    )
    sections = (
        '<section class="check"'
        f' id="{text(g.check)}"><h2>{text(g.check)}</h2>{gate_section(g, cases)}</section>'
        for g in gates
    )
    return document(
        f"{names[1]} against {names[0]}",
        [
            f"<h1>{text(names[1])} against {text(names[0])}</h1>",
            "<p>The same cases, answered by both.</p>",
        ],
        [
            (
                '<div class="wide"><table><thead><tr><th>Check</th><th>Verdict</th><th>Tier</th>'
                f"<th>Why</th></tr></thead><tbody>{rows}</tbody></table></div>"
            ),
            *sections,
        ],
        pictures,
    )


def gate_markdown(gates: Sequence[CheckGate], name: str) -> str:
    """For a pull request: one row per check, then notes."""
    lines = [
        f"### {cell(name)} against its baseline",
        "",
        "| check | verdict | tier | lost / gained of n | why |",
        "|---|---|---|---|---|",
    ]
    for gate in gates:
        flips = ", ".join(
            f"{level.level}: {level.lost}/{level.gained} of {level.n}" for level in gate.levels
        )
        lines.append(
            f"| `{gate.check}` | {SIGN[gate.verdict]} | {gate.tier} | {cell(flips)} |"
            f" {cell(gate.reason)} |"
        )
    noted = [
        f"- `{gate.check}`, {cell(level.level)}: {cell(level.note)}"
        for gate in gates
        for level in gate.levels
        if level.note
    ]
    noted += [
        f"- {cell(note)}" for note in dict.fromkeys(note for gate in gates for note in gate.notes)
    ]
    return "\n".join([*lines, *([""] if noted else []), *noted]) + "\n"


def gate_junit(gates: Sequence[CheckGate]) -> str:
    """JUnit XML: one test case per check; a failing warning passes with its reason as output."""
    suite = ElementTree.Element(
        "testsuite",
        name="mimic-checks compare",
        tests=str(len(gates)),
        errors="0",
        failures=str(sum(g.tier == "blocking" and g.verdict == "fail" for g in gates)),
        skipped=str(sum(g.tier == "blocking" and g.verdict == "inconclusive" for g in gates)),
    )
    for gate in gates:
        case = ElementTree.SubElement(
            suite, "testcase", classname="mimic_checks.gate", name=gate.check
        )
        kind = (
            {"fail": "failure", "inconclusive": "skipped"}.get(gate.verdict)
            if gate.tier == "blocking"
            else None
        )
        ElementTree.SubElement(case, kind, message=gate.reason) if kind else None
        ElementTree.SubElement(
            case, "system-out"
        ).text = f"{gate.tier}: {gate.verdict}: {gate.reason}"
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def _level(level: LevelGate) -> str:
    note = f"; {text(level.note)}" if level.note else ""
    return (
        f'<tr><td>{text(level.level)}</td><td class="number">{level.before_right}/{level.n}</td><td'
        f' class="number">{level.after_right}/{level.n}</td><td class="number">{level.lost}</td><td'
        f' class="number">{level.gained}</td><td class="number">{100 * level.drop:+.1f}'
        f" [{100 * level.drop_low:+.1f}, {100 * level.drop_high:+.1f}]</td><td"
        f' class="number">{level.p_corrected:.2g}<br><span class="soft">McNemar'
        f' {level.p_mcnemar:.2g}</span></td><td><span class="verdict'
        f' {level.verdict}">{level.verdict}</span><br><span'
        f' class="soft">{text(level.reason)}{note}</span></td></tr>'
    )


def _flip(flip: Flip, case: StoredCase) -> str:
    truth = case.case().truth.text
    direction = (
        "lost" if flip.before == "right" else "gained" if flip.after == "right" else "changed"
    )
    mark = {"lost": "fail", "gained": "pass", "changed": "inconclusive"}[direction]
    return (
        f'<details class="case" data-outcome="{direction}"><summary><span class="verdict'
        f' {mark}">{direction}</span> {text(case.question)} <span class="soft">true: {text(truth)};'
        f" case {text(flip.case)}</span></summary>{pictures_of(case.images)}<div"
        f' class="two"><div><p>Before ({flip.before})</p><pre'
        f' class="answer">{text(flip.before_answer)}</pre></div><div><p>Now ({flip.after})</p><pre'
        f' class="answer">{text(flip.after_answer)}</pre></div></div><p>True'
        f" answer</p><pre>{text(truth)}</pre></details>"
    )
