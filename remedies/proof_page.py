"""A proof as people read it: `proof.html` (one file, no network), and its table as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mimic_checks.errors import RemedyError
from mimic_checks.reporting.cards import content_of
from mimic_checks.reporting.document import document
from mimic_checks.reporting.escape import cell, text
from mimic_checks.verdicts.pictures import read_pictures
from remedies.behaviours import role_of
from remedies.proof import GUARD_MARGIN, KEPT_MARGIN, Flip, LevelChange, Proof, VariantResult
from remedies.records import write_text

# Whatever comes from outside (names, questions, answers) goes through `text` into HTML and through
# `cell` into Markdown; only what is written in this file gets there as it is.
_ROLES = {
    "target": "to repair",
    "kept": f"must not fall by more than {KEPT_MARGIN:.0%}",
    "guard": f"one image: not by more than {GUARD_MARGIN:.0%}",
}
_COLOURS = {"kept": "pass", "lost": "fail", "inconclusive": "inconclusive"}


def write_proof(proof: Proof, folder: Path) -> None:
    """Writes `proof.json`, `proof.html` and `summary.md`."""
    cases = [flip.case for variant in proof.variants for flip in variant.flips]
    pictures = read_pictures(cases, folder)
    write_text(folder / "proof.json", proof.model_dump_json(indent=1) + "\n")
    write_text(folder / "proof.html", page(proof, pictures))
    write_text(folder / "summary.md", summary(proof))


def read_proof(folder: Path) -> Proof:
    """The proof in a folder.

    Raises:
        RemedyError: none there, or of another version.
    """
    try:
        return Proof.model_validate_json((folder / "proof.json").read_text())
    except (OSError, ValueError) as error:
        raise RemedyError(
            f"proof={str(folder)!r} cannot be read ({error});"
            " make one with: mimic-checks remedy prove"
        ) from error


def summary(proof: Proof) -> str:
    """The ablation table in Markdown, and what became of every promise."""
    levels = [level for level, _ in proof.base if role_of(level)]
    base_rates = [f"{dict(proof.base)[level].rate:.3f}" for level in levels]
    lines = [
        f"### Remedies for {cell(proof.model)}, before and after",
        "",
        "Change against the base in points, mean over seeds, 95 % paired interval."
        f" {cell(proof.budget)}.",
        "",
        f"| variant | {' | '.join(levels)} | targets, times the base |",
        "|---" * (len(levels) + 2) + "|",
        f"| base | {' | '.join(base_rates)} | 1.00 |",
    ]
    for variant in proof.variants:
        cells = [_change(change) for change in variant.levels if change.level in levels]
        lines.append(f"| {cell(variant.name)} | {' | '.join(cells)} | {_ratio(variant)} |")
    return "\n".join([*lines, "", *(f"- {cell(line)}" for line in promises(proof)), ""])


def promises(proof: Proof) -> list[str]:
    """Per variant, one line: times the base on the targets, and which guards hold."""
    lines = []
    for variant in proof.variants:
        judged = [change for change in variant.levels if change.verdict]
        broken = [
            f"{change.level}: {change.verdict} ({_points(change)})"
            for change in judged
            if change.verdict != "kept"
        ]
        lines.append(
            f"{variant.name}: targets {_ratio(variant)} times the base; "
            + (f"not kept: {'; '.join(broken)}" if broken else f"all {len(judged)} guards kept")
        )
    return lines


def page(proof: Proof, pictures: dict[str, bytes]) -> str:
    """The whole page; `pictures` are PNG bytes by image id."""
    facts = {
        "model": proof.model,
        "catalog": proof.catalog,
        "training data": proof.data,
        "seed of the cases": proof.seed,
        "training budget": proof.budget,
        "command": proof.command,
        **{f"model {k}": v for k, v in proof.identity.items() if v},
    }
    rows = "".join(
        f"<tr><th>{text(key)}</th><td>{text(value)}</td></tr>" for key, value in facts.items()
    )
    return document(
        f"{proof.model}: remedies, before and after",
        [
            f"<h1>What remedies do to {text(proof.model)}</h1>",
            "<p>The same cases before and after; images that training never saw.</p>",
            '<details><summary class="soft">How this was made</summary>'
            f'<div class="wide"><table>{rows}</table></div></details>',
        ],
        [
            _overview(proof),
            _held_out(proof),
            *(_variant(proof, variant) for variant in proof.variants),
        ],
        pictures,
    )


def _overview(proof: Proof) -> str:
    levels = [level for level, _ in proof.base if role_of(level)]
    head = "".join(
        f'<th>{text(level)}<br><span class="soft">{text(_ROLES[role_of(level) or ""])}</span></th>'
        for level in levels
    )
    base = "".join(
        f'<td class="number">{dict(proof.base)[level].rate:.3f}</td>' for level in levels
    )
    rows = "".join(
        f'<tr><td><a href="#{_anchor(v.name)}">{text(v.name)}</a></td>'
        + "".join(_cell(c) for c in v.levels if c.level in levels)
        + f'<td class="number">{text(_ratio(v))}</td></tr>'
        for v in proof.variants
    )
    return (
        '<section class="check"><h2>Every variant beside the base</h2>'
        '<div class="wide"><table>'
        f"<thead><tr><th>Variant</th>{head}<th>Targets, times the base</th></tr></thead>"
        f"<tbody><tr><td>base</td>{base}<td>1.00</td></tr>{rows}</tbody>"
        "</table></div>"
        '<p class="soft">Rate, mean over seeds; below it the change in points'
        " with its exact 95 % interval over the same cases.</p></section>"
    )


def _cell(change: LevelChange) -> str:
    mark = f' class="verdict {_COLOURS[change.verdict]}"' if change.verdict else ""
    return (
        f'<td class="number"><span{mark}>{change.rate:.3f}</span>'
        f'<br><span class="soft">{text(_points(change))}</span></td>'
    )


def _held_out(proof: Proof) -> str:
    if not proof.held_out:
        return ""
    rows = "".join(
        f"<tr><td>{text(name)}</td><td>{text(task)}</td>"
        f'<td class="number">{held_out:.3f} ({n})</td>'
        f'<td class="number">{others:.3f} ({others_n})</td></tr>'
        for name, task, held_out, n, others, others_n in proof.held_out
    )
    head = (
        "<tr><th>Variant (first seed)</th><th>Task</th>"
        "<th>Held-out pairs (n)</th><th>Other pairs (n)</th></tr>"
    )
    return (
        '<section class="check"><h2>Pairs of classes that training never put together</h2>'
        f'<div class="wide"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
        "</section>"
    )


def _variant(proof: Proof, variant: VariantResult) -> str:
    rows = "".join(_level(dict(proof.base)[change.level].rate, change) for change in variant.levels)
    head = (
        "<tr><th>Level</th><th>Base</th><th>Rate per seed</th><th>Change (points)</th>"
        "<th>Lost / gained per seed</th><th></th></tr>"
    )
    seconds = ", ".join(f"{duration_s:.0f} s" for duration_s in variant.train_seconds)
    trained = f" Trained in {seconds}." if seconds else ""
    groups = "".join(_flips(level, flips) for level, flips in _by_level(variant.flips))
    return (
        f'<section class="check" id="{_anchor(variant.name)}"><h2>{text(variant.name)}</h2>'
        f"<p>{text(variant.what)}.{text(trained)}"
        f" Targets {text(_ratio(variant))} times the base.</p>"
        f'<div class="wide"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
        f"{groups}</section>"
    )


def _level(base: float, change: LevelChange) -> str:
    rates = ", ".join(f"{rate.rate:.3f}" for rate in change.rates)
    flips = ", ".join(
        f"{lost} / {gained}" for lost, gained in zip(change.lost, change.gained, strict=True)
    )
    verdict = (
        f'<span class="verdict {_COLOURS[change.verdict]}">{change.verdict}</span>'
        if change.verdict
        else ""
    )
    return (
        f"<tr><td>{text(change.level)}</td>"
        f'<td class="number">{base:.3f}</td>'
        f'<td class="number">{rates}</td>'
        f'<td class="number">{text(_points(change))}</td>'
        f'<td class="number">{flips}</td>'
        f"<td>{verdict}</td></tr>"
    )


def _by_level(flips: Iterable[Flip]) -> list[tuple[str, list[Flip]]]:
    by_level: dict[str, list[Flip]] = {}
    for flip in flips:
        by_level.setdefault(flip.level, []).append(flip)
    return list(by_level.items())


def _flips(level: str, flips: list[Flip]) -> str:
    heading = f'<h3>{text(level)} <span class="soft">cases that flipped (first seed)</span></h3>'
    return heading + "".join(map(_flip, flips))


def _flip(flip: Flip) -> str:
    truth = flip.case.truth.text
    mark = "pass" if flip.direction == "gained" else "fail"
    return (
        f'<details class="case" data-outcome="{flip.direction}">'
        f'<summary><span class="verdict {mark}">{flip.direction}</span>'
        f" {text(flip.case.question)}"
        f' <span class="soft">true: {text(truth)}</span></summary>'
        f"{''.join(content_of(flip.case))}"
        '<div class="two">'
        f'<div><p>Base</p><pre class="answer">{text(flip.before)}</pre></div>'
        f'<div><p>After</p><pre class="answer">{text(flip.after)}</pre></div>'
        "</div>"
        f"<p>True answer</p><pre>{text(truth)}</pre></details>"
    )


def _points(change: LevelChange) -> str:
    points, low, high = (
        round(100 * value, 1) + 0.0  # adding zero makes 0.0 of -0.0
        for value in (change.change, change.low, change.high)
    )
    return f"{points:+.1f} [{low:+.1f}, {high:+.1f}]"


def _change(change: LevelChange) -> str:
    return f"{change.rate:.3f} ({_points(change)})"


def _ratio(variant: VariantResult) -> str:
    if variant.ratio is None:
        return "-"
    high = "inf" if variant.ratio_high is None else f"{variant.ratio_high:.2f}"
    return f"{variant.ratio:.2f} [{variant.ratio_low:.2f}, {high}]"


def _anchor(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
