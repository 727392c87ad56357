"""Signs: a short word on a board, in letters of our own, so that no font is needed."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import ImageDraw

COLUMNS, ROWS = 5, 7
"""Cells of a letter."""
_GLYPHS = {
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    "C": "01111 10000 10000 10000 10000 10000 01111",
    "D": "11110 10001 10001 10001 10001 10001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "M": "10001 11011 10101 10101 10001 10001 10001",
    "N": "10001 11001 10101 10101 10011 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "P": "11110 10001 10001 11110 10000 10000 10000",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "T": "11111 00100 00100 00100 00100 00100 00100",
    "U": "10001 10001 10001 10001 10001 10001 01110",
    "X": "10001 10001 01010 00100 01010 10001 10001",
}
WORDS = ("BUS", "MAP", "SUN", "TEN", "RED", "BOX", "CAT", "DOC")
"""Words of three letters; no two differ in fewer than two."""
_BOARD, _INK = (245, 245, 235), (25, 25, 30)


@dataclass(frozen=True, slots=True)
class Sign:
    """A word on a board; `x`, `y`: its centre, `width`: all in shares of the side."""

    word: str
    x: float
    y: float
    width: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the board, in shares of the side."""
        height = self.width * (ROWS + 2) / (len(self.word) * (COLUMNS + 1) + 1)
        half, tall = self.width / 2, height / 2
        return self.x - half, self.y - tall, self.x + half, self.y + tall


def draw_sign(pen: ImageDraw.ImageDraw, sign: Sign, canvas_px: int) -> None:
    """Paints a sign on a square canvas."""
    left, top, right, bottom = (share * canvas_px for share in sign.box)
    pen.rectangle((left, top, right, bottom), fill=_BOARD)
    cell = (right - left) / (len(sign.word) * (COLUMNS + 1) + 1)
    for place, letter in enumerate(sign.word):
        x = left + cell * (1 + place * (COLUMNS + 1))
        for row, cells in enumerate(_GLYPHS[letter].split()):
            for column, filled in enumerate(cells):
                if filled == "1":
                    at = (x + column * cell, top + (1 + row) * cell)
                    # To the next cell's edge, so that strokes have no gaps.
                    pen.rectangle((*at, at[0] + cell, at[1] + cell), fill=_INK)
