"""What is estimated beside the verdicts of a check: its capacity, the drop of every level, and how
far its rate reaches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mimic_checks.reporting.escape import text
from mimic_checks.verdicts.estimates import capacity, drop_words
from mimic_checks.verdicts.result import CheckResult, LevelResult


def estimates(result: CheckResult) -> str:
    """A small table, with the columns that say anything; "" if none does."""
    columns = {
        name: cells for name, (told, cells) in _COLUMNS.items() if any(map(told, result.levels))
    }
    proven = capacity(result)
    said = f"<p>Retention proven: {text(proven)}.</p>" if proven else ""
    if not columns:
        return said
    rows = (
        f"<tr><td>{text(judged.level)}</td>"
        + "".join(f'<td class="number">{cell(judged)}</td>' for cell in columns.values())
        + "</tr>"
        for judged in result.levels
    )
    return (
        f"{said}{rows_of(('Level', *columns), rows)}"
        '<p class="soft">Estimates beside the verdicts, which they have no part in.</p>'
    )


def rows_of(heads: Sequence[str], rows: Iterable[str]) -> str:
    """A table that scrolls within its own width."""
    head = "".join(f"<th>{text(word)}</th>" for word in heads)
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody>'
        "</table></div>"
    )


def _has_drop(judged: LevelResult) -> bool:
    return not judged.is_reference and bool(drop_words(judged))


def _drop(judged: LevelResult) -> str:
    return drop_words(judged) if _has_drop(judged) else "-"


def _has_few_photos(judged: LevelResult) -> bool:
    """Whether another interval than this catalog's is worth showing."""
    return judged.effective is not None and judged.effective <= 0.9 * judged.n


def _new_photos(judged: LevelResult) -> str:
    if judged.effective is None:
        return "-"
    known = judged.new_low is not None and judged.new_high is not None
    between = f"{judged.new_low:.3f} to {judged.new_high:.3f}" if known else "nothing known"
    worth = f"{judged.photos} photos; {judged.n} cases worth {judged.effective}"
    return f'{between}<br><span class="soft">{worth}</span>'


_COLUMNS = {
    "Drop in points": (_has_drop, _drop),
    "Rate on new photos": (_has_few_photos, _new_photos),
}
"""By name: whether a level makes the column worth having, and its cell as HTML."""
