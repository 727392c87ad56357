"""Tables and lists in answers about counts, as the sentences that say the same."""

from __future__ import annotations

import re

_ROW = re.compile(r"^[ \t]*\|?(.*\|.*?)\|?[ \t]*$")
_RULE = re.compile(r"^[\s|:+-]+$")
_MARKER = re.compile(r"(?m)^[ \t]*(\d{1,3})[.)][ \t]+(?=\S)")
_NOT_COUNTED = re.compile(
    r"\b(?:(?:not|without) (?:counting|including|considering)|excluding|except(?: for)?|other than"
    r"|apart from|besides|aside from)\b(?!(?: in| for)?(?: the)? (?:\w+ )?(?:image|picture|photo)\b"
    r"[^.;,)\n]{0,40} (?:shows?|has|contains?|depicts?|is)\b)[^.;,)\n]{0,200}"
)
_IN_BRACKETS = re.compile(r"(?<=[^\s(])\s*[(\[]\s*(\d{1,9}|[a-z]{3,9}(?:-[a-z]{3,5})?)\s*[)\]]")
_OPTION = re.compile(r"^\s*(?:\(([a-h])\)|([a-h])[.)])\s+(?=\S)")
_ABOUT_IMAGES = re.compile(
    r"^\W*(?:images?|pictures?|photos?|frames?|scenes?|#|no\.?|number|nr)\W*$"
)


def laid_out(text: str) -> str:
    """A lower-case text with its table rows as sentences, without numbers of list items and
    option letters, and without what it says it has not counted."""
    text = _OPTION.sub("", _without_markers(_without_tables(text)))
    return _IN_BRACKETS.sub(r" : \1 ", _NOT_COUNTED.sub(" ", text))


def _without_tables(text: str) -> str:
    if "|" not in text:
        return text
    lines: list[str] = []
    header: list[str] = []
    for line in text.split("\n"):
        row = _ROW.match(line)
        if not row:
            header = []
            lines.append(line)
        elif not _RULE.match(line):
            cells = [cell.strip() for cell in row[1].removesuffix("|").split("|")]
            if header:
                lines.append(_sentence(header, cells))
            else:
                header = cells
                lines.append("" if _is_header(cells) else ": ".join(cells))
    return "\n".join(lines)


def _is_header(cells: list[str]) -> bool:
    return not any(cell.isdigit() for cell in cells)


def _sentence(header: list[str], cells: list[str]) -> str:
    """A row: what its first cell names, then each number with what stands above it."""
    first, *rest = cells
    if _ABOUT_IMAGES.match(header[0]) and re.fullmatch(r"\d{1,3}|[a-h]", first):
        first = f"image {first}"
    if len(rest) == 1:
        # Over a column of numbers stands a class, or only "count".
        above = header[1] if len(header) > 1 else ""
        is_class = not re.search(r"[a-z]", above)
        return f"{first}: {above}: {rest[0]}." if is_class else f"{first}: {rest[0]}."
    named = [f"{above}: {cell}" for above, cell in zip(header[1:], rest, strict=False)]
    return f"{first}: {', '.join(named)}."


def _without_markers(text: str) -> str:
    """Numbers of a list that counts its lines from 1; a lone "3." is an answer."""
    found = [int(match[1]) for match in _MARKER.finditer(text)]
    counted = len(found) > 1 and found == list(range(1, len(found) + 1))
    return _MARKER.sub("", text) if counted else text
