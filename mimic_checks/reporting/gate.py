"""Comparisons with a baseline, for people: a section of the report, a page of its own, JUnit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree

from mimic_checks.cases import Scored
from mimic_checks.characters import visible
from mimic_checks.reporting.cards import card, question_summary, shown, truths
from mimic_checks.reporting.document import document
from mimic_checks.reporting.escape import text
from mimic_checks.verdicts.gate_result import CheckGate, Flip, LevelGate, MeanGate
from mimic_checks.verdicts.record import scored_by_level
from mimic_checks.verdicts.run_folder import RunFolder

Items = Mapping[str, Scored]
"""The cases and groups that flipped, by id."""


def flipped_items(run: RunFolder, gates: Iterable[CheckGate]) -> dict[str, Scored]:
    """What came out otherwise than in the baselines, with everything that was shown."""
    items: dict[str, Scored] = {}
    for gate in gates:
        changed = {flip.item for flip in gate.flips}
        for scored in scored_by_level(run.records_of(gate.check)).values():
            items |= {item.id: item for item in scored if item.id in changed}
    return items


def gate_section(gate: CheckGate, items: Items) -> str:
    """How a check compares with its baseline: every level, then every case or group that flipped,
    with all pictures and both answers."""
    heads = ("Level", "Before", "Now", "Lost", "Gained", "Drop (points)", "p", "Verdict")
    head = "".join(f"<th>{word}</th>" for word in heads)
    rows = "".join(_level(level) for level in gate.levels) + (_mean(gate.mean) if gate.mean else "")
    notes = "".join(f'<p class="soft">{text(note)}</p>' for note in gate.notes)
    return (
        f'<h3>Against the baseline <span class="verdict {gate.verdict}">{gate.verdict}</span></h3>'
        f"<p>{text(gate.reason)}</p>"
        f'<p class="soft">Tier: {text(gate.tier)}. {_margins(gate)}, alpha {gate.alpha:g}. p: of a'
        " drop above the margin, corrected over the run; McNemar's p is for information.</p>"
        f"{notes}"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f"</div>{''.join(_flips(gate, level, items) for level in gate.levels)}"
    )


def _margins(gate: CheckGate) -> str:
    """What may be lost, in words."""
    level = f"{100 * gate.level_margin:g} points"
    if not gate.mean:
        return f"Margin of every level: {level}"
    return f"Margin of the mean: {100 * gate.margin:g} points, of every level: {level}"


def _flips(gate: CheckGate, level: LevelGate, items: Items) -> str:
    cards = [_flip(flip, items[flip.item]) for flip in gate.flips if flip.level == level.level]
    if not cards:
        return ""
    counts = f"{level.lost} lost, {level.gained} gained"
    return f'<h3>{text(level.label)} <span class="soft">{counts}</span></h3>{"".join(cards)}'


def gate_page(
    gates: Sequence[CheckGate], items: Items, names: tuple[str, str], pictures: Mapping[str, bytes]
) -> str:
    """The whole page of a comparison; `names`: the earlier release and this one; `pictures`: PNG
    bytes by image id."""
    rows = "".join(
        f'<tr><td><a href="#{text(gate.check)}"><code>{text(gate.check)}</code></a></td>'
        f'<td class="verdict {gate.verdict}">{gate.verdict}</td>'
        f"<td>{text(gate.tier)}</td><td>{text(gate.reason)}</td></tr>"
        for gate in gates
    )
    sections = (
        f'<section class="check" id="{text(gate.check)}"><h2>{text(gate.check)}</h2>'
        f"{gate_section(gate, items)}</section>"
        for gate in gates
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


def gate_junit(gates: Sequence[CheckGate]) -> str:
    """JUnit XML: one test case per check; a failing warning passes with its reason as output."""
    # A pipeline goes red on failures, so only what blocks may be one.
    blocking = [gate.verdict for gate in gates if gate.tier == "blocking"]
    suite = ElementTree.Element(
        "testsuite",
        name="mimic-checks compare",
        tests=str(len(gates)),
        errors="0",
        failures=str(blocking.count("fail")),
        skipped=str(blocking.count("inconclusive")),
    )
    for gate in gates:
        case = ElementTree.SubElement(
            suite, "testcase", classname="mimic_checks.gate", name=gate.check
        )
        # JUnit has no third verdict; skipped comes closest.
        kind = {"fail": "failure", "inconclusive": "skipped"}.get(gate.verdict)
        if kind and gate.tier == "blocking":
            ElementTree.SubElement(case, kind, message=visible(gate.reason))
        output = ElementTree.SubElement(case, "system-out")
        rows = [f"{row.label}: {row.verdict}: {row.reason}" for row in gate.rows]
        output.text = visible("\n".join([f"{gate.tier}: {gate.verdict}: {gate.reason}", *rows]))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def _level(level: LevelGate) -> str:
    numbers = (
        f"{level.before_right}/{level.n}",
        f"{level.after_right}/{level.n}",
        level.lost,
        level.gained,
        _bounded(level),
        f'{level.p_corrected:.2g}<br><span class="soft">McNemar {level.p_mcnemar:.2g}</span>',
    )
    return _row(level, numbers)


def _mean(mean: MeanGate) -> str:
    return _row(mean, ("", "", "", "", _bounded(mean), f"{mean.p_corrected:.2g}"))


def _bounded(row: LevelGate | MeanGate) -> str:
    """A drop in points, with its bounds."""
    return f"{100 * row.drop:+.1f} [{100 * row.drop_low:+.1f}, {100 * row.drop_high:+.1f}]"


def _row(row: LevelGate | MeanGate, numbers: Sequence[object]) -> str:
    note = f"; {text(row.note)}" if row.note else ""
    cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
    return (
        f"<tr><td>{text(row.label)}</td>{cells}"
        f'<td><span class="verdict {row.verdict}">{row.verdict}</span><br>'
        f'<span class="soft">{text(row.reason)}{note}</span></td></tr>'
    )


def _flip(flip: Flip, item: Scored) -> str:
    direction = (
        "lost" if flip.before == "right" else "gained" if flip.after == "right" else "changed"
    )
    colour = {"lost": "fail", "gained": "pass", "changed": "inconclusive"}[direction]
    summary = (
        f'{question_summary(item)} <span class="soft">true: {truths(item)}; case'
        f" {text(flip.item)}</span>"
    )
    body = (
        f'{shown(item)}<div class="two"><div><p>Before ({flip.before})</p>'
        f'<pre class="answer">{text(flip.before_answer)}</pre></div><div><p>Now ({flip.after})</p>'
        f'<pre class="answer">{text(flip.after_answer)}</pre></div></div>'
        f"<p>True answer</p><pre>{truths(item)}</pre>"
    )
    return card(direction, colour, summary, body)
