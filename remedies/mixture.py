"""What training data is made of: parts by kind of question, and the user's own data beside them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mimic_checks.errors import InvalidArgument, RemedyError
from remedies.held_out import DEFAULT_SET, DEFAULT_SHARE

Range = tuple[int, int]
Family = Literal["counting", "listing", "common", "odd_one"]
"""Kinds of question that a catalog's labels can answer."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Section):
    """`samples` conversations whose first question is of one family.

    Ranges are inclusive and drawn uniformly: `images`, `concepts` (classes that a counting question
    asks about), `turns`. `most_instances`: the largest total that a counting question is aimed at.
    `options`: whether the first question offers options; where labels are too sparse for a unique
    answer it must, unless `training_grade` allows answers that are right only if what nobody
    verified is absent.
    """

    name: str
    family: Family
    samples: int = Field(ge=1)
    images: Range = (2, 10)
    concepts: Range = (1, 1)
    turns: Range = (1, 1)
    most_instances: int = Field(default=10, ge=1)
    options: bool = False
    training_grade: bool = False

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        # What images have in common, or which is the odd one, is a question about two at least.
        fewest = 2 if self.family in ("common", "odd_one") else 1
        for name, (low, high), least in (
            ("images", self.images, fewest),
            ("concepts", self.concepts, 1),
            ("turns", self.turns, 1),
        ):
            if not least <= low <= high:
                raise ValueError(
                    f"{name}={[low, high]!r} of part {self.name!r};"
                    f" allowed: [low, high] with {least} <= low <= high"
                )
        if self.concepts != (1, 1) and self.family != "counting":
            raise ValueError(
                f"concepts={list(self.concepts)!r} of part {self.name!r}:"
                " only counting asks for several classes"
            )
        return self


class OwnData(_Section):
    """The user's own instruction data in LLaVA's format.

    `weight`: its share of everything that is trained on.
    """

    path: Path
    image_root: Path
    weight: float = Field(gt=0, lt=1)


class Mixture(_Section):
    """Parts, own data, and which pairs of classes stay out of multi-concept, common and odd-one.

    `held_out` names the set of pairs, `held_out_share` says how many.
    """

    parts: tuple[Part, ...] = Field(min_length=1)
    own: tuple[OwnData, ...] = ()
    held_out: str = DEFAULT_SET
    held_out_share: float = DEFAULT_SHARE
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _names(self) -> Self:
        names = [part.name for part in self.parts]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"part {twice[0]!r} is there twice; allowed: different names")
        if (total := sum(data.weight for data in self.own)) >= 1:
            raise ValueError(
                f"weights of own data add up to {total}; allowed: under 1, the rest is procedural"
            )
        return self

    @property
    def samples(self) -> int:
        """Procedural samples of all parts."""
        return sum(part.samples for part in self.parts)

    def scaled(self, samples: int) -> Mixture:
        """The same mixture with about `samples` samples in all."""
        factor = samples / self.samples
        parts = tuple(
            part.model_copy(update={"samples": max(1, round(part.samples * factor))})
            for part in self.parts
        )
        return self.model_copy(update={"parts": parts})


def load_mixture(source: str | Path) -> Mixture:
    """A preset by name, or a TOML file with `[[parts]]`, `[[own]]`, `held_out`, `seed`.

    Raises:
        InvalidArgument: neither a preset nor a file.
        RemedyError: a file that is no mixture; names the first thing wrong.
    """
    if str(source) in PRESETS:
        return PRESETS[str(source)]
    path = Path(source)
    if not path.is_file():
        raise InvalidArgument("mixture", str(source), allowed=[*PRESETS, "a TOML file"])
    try:
        return Mixture.model_validate(tomllib.loads(path.read_text()))
    except tomllib.TOMLDecodeError as error:
        raise RemedyError(f"mixture={str(path)!r} is not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "mixture"
        raise RemedyError(f"mixture={str(path)!r}: {where}: {first['msg']}") from error


PAPER = Mixture(
    parts=(
        Part(name="common", family="common", samples=30_000),
        Part(name="odd_one", family="odd_one", samples=28_302),
        Part(name="listing", family="listing", samples=29_534),
        Part(name="counting", family="counting", samples=30_000),
        Part(name="minor_common", family="common", samples=20_000, options=True, turns=(2, 4)),
        Part(name="minor_odd_one", family="odd_one", samples=19_260, options=True, turns=(2, 4)),
        Part(name="minor_listing", family="listing", samples=19_735, options=True, turns=(2, 4)),
        Part(
            name="minor_counting", family="counting", samples=20_000, concepts=(1, 3), turns=(2, 4)
        ),
    )
)
"""The eight parts of MIMIC's training data by size (released `data.yaml`; the paper says 198K).

What its "minor" parts hold is not documented; the paper's appendix A.2 speaks of multi-turn and
option-style conversations, which they are here.
"""

BUILTIN = Mixture(
    parts=(
        Part(name="counting", family="counting", samples=6_000, images=(2, 8), turns=(3, 5)),
        Part(
            name="several",
            family="counting",
            samples=1_500,
            images=(1, 4),
            concepts=(2, 4),
            turns=(1, 3),
        ),
        Part(name="listing", family="listing", samples=1_500, images=(2, 8), turns=(2, 4)),
        Part(name="common", family="common", samples=1_500, images=(2, 8), turns=(2, 4)),
        Part(name="odd_one", family="odd_one", samples=7_000, images=(2, 8), turns=(2, 4)),
        Part(
            name="replay_counting",
            family="counting",
            samples=9_000,
            images=(1, 1),
            concepts=(1, 3),
            turns=(1, 2),
            most_instances=8,
        ),
        Part(name="replay_listing", family="listing", samples=1_500, images=(1, 1), turns=(1, 2)),
    )
)
"""The mixture for the built-in model.

Many turns where many images make a sample costly, few in the one-image replay, because a first
question is what a check asks.
"""

PRESETS = {"paper": PAPER, "builtin": BUILTIN}
