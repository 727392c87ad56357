"""Things in a scene that are of no class: a framed picture that objects are painted on, and a bar
in front of them."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import ImageDraw

_WOOD, _CANVAS, _BAR = (105, 70, 40), (240, 236, 224), (70, 70, 76)


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture in a square frame; `x`, `y`: its centre, `size`: its side, in shares of the
    scene's."""

    x: float
    y: float
    size: float


@dataclass(frozen=True, slots=True)
class Bar:
    """An upright post; `x`, `y`: its middle, all in shares of the side."""

    x: float
    y: float
    width: float
    height: float


def draw_frame(pen: ImageDraw.ImageDraw, frame: Frame, canvas_px: int) -> None:
    """Paints an empty frame on a square canvas."""
    half = frame.size / 2
    for inset, colour in ((0.0, _WOOD), (0.12 * frame.size, _CANVAS)):
        left, top = frame.x - half + inset, frame.y - half + inset
        right, bottom = frame.x + half - inset, frame.y + half - inset
        box = tuple(share * canvas_px for share in (left, top, right, bottom))
        pen.rectangle(box, fill=colour)


def draw_bar(pen: ImageDraw.ImageDraw, bar: Bar, canvas_px: int) -> None:
    """Paints a bar over what stands behind it."""
    half, tall = bar.width / 2, bar.height / 2
    box = (bar.x - half, bar.y - tall, bar.x + half, bar.y + tall)
    pen.rectangle(tuple(share * canvas_px for share in box), fill=_BAR)
