"""Which tokens may see which: mask rules over a token map, and the layers where they hold.

A rule never adds visibility: it is ANDed onto what the family does itself.

`image_local` for two images of two tokens between text (rows see columns; o: seen as before, -: cut
by the rule):

               u  A  A  t  B  B  q
    text   u   o
    image  A   -  o
    image  A   -  o  o
    text   t   o  o  o  o
    image  B   -  -  -  -  o
    image  B   -  -  -  -  o  o
    text   q   o  o  o  o  o  o  o

Source: MIMIC, section 5 and figure 7 (block-diagonal image attention); What's in the Image?,
section 3 (knockout).

Rules are plain values, made and compared where no torch is installed or wanted: tensors are seen
here, never made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from mimic_checks.attention.token_type import TokenType
from mimic_checks.errors import AttentionError

if TYPE_CHECKING:
    from torch import Tensor

Group = Literal["images", "question", "generated", "text"]


@dataclass(frozen=True)
class Positions:
    """Query or key positions as rules see them.

    Their kinds, their images, and whether they are the answer row or later; every field broadcasts
    against the other side's.
    """

    kind: Tensor
    image: Tensor
    answering: Tensor


class Rule(Protocol):
    """A mask rule."""

    def active(self, images: int) -> bool:
        """Whether the rule cuts anything in a row with so many images."""

    def allows(self, query: Positions, key: Positions) -> Tensor:
        """True where the query may see the key."""

    def describe(self) -> str:
        """The rule as identities and reports name it."""


@dataclass(frozen=True, slots=True)
class ImageLocal:
    """An image's tokens (separators included) see their own image only; text sees what it saw.

    Cuts nothing in a row with fewer than two images, as in the release.
    """

    def active(self, images: int) -> bool:
        return images >= 2

    def allows(self, query: Positions, key: Positions) -> Tensor:
        # Text has image -1: as a query it sees all, as a key it is of no image token's image.
        return (query.image < 0) | (query.image == key.image)

    def describe(self) -> str:
        return "image_local"


@dataclass(frozen=True, slots=True)
class Knockout:
    """`target` rows may not see `source` keys.

    A group is "images" (image tokens and their separators), a number (that image alone), "question"
    (all text of the prompt up to, not including, the answer row), "generated" (the answer row,
    whose output is the first generated token, and every generated token) or "text" (both).

    Raises:
        AttentionError: a group that does not exist.
    """

    source: Group | int
    target: Group | int

    def __post_init__(self) -> None:
        for name, value in (("source", self.source), ("target", self.target)):
            if not (isinstance(value, int) and value >= 0) and value not in get_args(Group):
                raise AttentionError(
                    f"{name}={value!r} is no group of tokens;"
                    f" allowed: {', '.join(map(repr, get_args(Group)))},"
                    " or the number of an image from 0"
                )

    def active(self, images: int) -> bool:
        # A rule about image 2 cuts nothing in a row of two; other rows of the batch may have it.
        numbers = [group for group in (self.source, self.target) if isinstance(group, int)]
        return images > max(numbers, default=0)

    def allows(self, query: Positions, key: Positions) -> Tensor:
        return ~(_member(self.target, query) & _member(self.source, key))

    def describe(self) -> str:
        return f"knockout {self.source}->{self.target}"


def _member(group: Group | int, at: Positions) -> Tensor:
    if isinstance(group, int):
        return at.image == group
    if group == "images":
        return at.image >= 0
    text = (at.image < 0) & (at.kind != TokenType.PADDING)
    if group == "text":
        return text
    return text & (at.answering if group == "generated" else ~at.answering)


@dataclass(frozen=True, slots=True)
class LayerWindow:
    """Layers first..last, both included.

    Whole numbers are indices, numbers with a point shares of the depth (0.5..1.0: the deep half).
    """

    first: int | float
    last: int | float

    @classmethod
    def parse(cls, text: str) -> LayerWindow:
        """A window from "all", "deep", "shallow", "12-23" or "0.5-1.0".

        Raises:
            AttentionError: none of these.
        """
        named = {"all": cls(0.0, 1.0), "deep": cls(0.5, 1.0), "shallow": cls(0.0, 0.5)}
        if text in named:
            return named[text]
        match = re.fullmatch(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)", text)
        if not match:
            raise AttentionError(
                f"layers={text!r} is no window;"
                " allowed: 'all', 'deep', 'shallow', '12-23', '0.5-1.0'"
            )
        first, last = (float(part) if "." in part else int(part) for part in match.groups())
        return cls(first, last)

    def layers(self, depth: int) -> range:
        """The layer indices in a model of `depth` layers.

        A share s starts at layer round(s * depth).

        Raises:
            AttentionError: a window that leaves the model, or holds no layer.
        """
        first = self.first if isinstance(self.first, int) else round(self.first * depth)
        # A last index is included, a last share is where the window ends: 0.0..0.5 and 0.5..1.0 are
        # two halves that share no layer.
        end = self.last + 1 if isinstance(self.last, int) else round(self.last * depth)
        if not 0 <= first < end <= depth:
            raise AttentionError(
                f"layers={self.describe()!r} is outside the model;"
                f" allowed: layers 0 to {depth - 1} (both included, first not after last),"
                " or shares from 0.0 to 1.0"
            )
        return range(first, end)

    def describe(self) -> str:
        """The window as it is parsed."""
        return f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class WindowedRule:
    """A rule in a window of layers."""

    rule: Rule
    window: LayerWindow = LayerWindow(0.0, 1.0)

    def describe(self) -> str:
        """Rule and window, for identities and reports."""
        return f"{self.rule.describe()} in layers {self.window.describe()}"
