"""A suite opened: a catalog that knows of no objects, opens the suite's pictures, and gives the
draws of its check.

    suite:<format>:<folder>[?template=...&items=...&rotate=true&groups=true&name=...&<the format's>]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from PIL import Image

from mimic_checks.cases.group import Draw, Item
from mimic_checks.catalog.catalog import Catalog
from mimic_checks.catalog.format import CatalogFormat, cast_options
from mimic_checks.catalog.images import decode
from mimic_checks.catalog.spec import parts_of
from mimic_checks.errors import InvalidArgument, SuiteError, first_names, refusing
from mimic_checks.suites.hub import local_folder
from mimic_checks.suites.item import Refused, SuiteItem
from mimic_checks.suites.pictures import FilePicture, Picture
from mimic_checks.suites.reading import Reading
from mimic_checks.suites.suite_format import SUITES, SuiteFormat

OWN_OPTIONS = ("template", "items", "rotate", "groups", "name")
"""Options that every format has."""


class SuiteImages:
    """Pictures of a suite, each once; `pictures[row]` says where it stands."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self.pictures = pictures

    def load(self, row: int) -> tuple[Image.Image, bytes]:
        data = self.hashed(row)
        return decode(data), data

    def hashed(self, row: int) -> bytes:
        return self.pictures[row].read()

    def describe(self, row: int) -> str:
        return self.pictures[row].name

    def file(self, row: int) -> Path | None:
        picture = self.pictures[row]
        return picture.path if isinstance(picture, FilePicture) else None


@dataclass(frozen=True, eq=False, kw_only=True)
class Suite(Catalog):
    """The questions of a suite in one wording.

    `format`: whose files it reads. `key`: the name of the answer key. `data_hash`: over ids,
    questions, options, answers and pictures of all items that have an answer. `template`: the
    wording. `items`: by id of their case (of a rotated one, of each of its cases). `asked`: cases
    and groups by category, in the order of the suite. `refused`: items without an answer, and why.
    `picture_ids`: SHA-256 of every picture's bytes, by row.
    """

    format: SuiteFormat
    key: str
    data_hash: str
    template: str
    picture_ids: tuple[str, ...] = field(repr=False)
    items: Mapping[str, SuiteItem] = field(repr=False)
    asked: Mapping[str, Sequence[Item]] = field(repr=False)
    refused: tuple[Refused, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.manifest.hand_out(self.picture_ids)

    @property
    def facts(self) -> dict[str, object]:
        return {"key": self.key, "data": self.data_hash, "refused": len(self.refused)}

    def draws(self, categories: Sequence[str]) -> list[Draw]:
        """All items, each a draw of its own, with None at every category but its own."""
        return [
            tuple(item if name == category else None for name in categories)
            for category in categories
            for item in self.asked.get(category, ())
        ]


class _SuiteCatalogs(CatalogFormat):
    """The catalog format `suite`: options are those of the suite's own format."""

    def open(self, folder: str, options: Mapping[str, str]) -> Catalog:
        return _opened(folder, options)


def open_suite(spec: str) -> Suite:
    """The suite that a spec names, as `--vlm-suite` takes it: `<format>:<folder>[?option=value]`.

    Options of every format: `template`, a wording that the format knows (default: the official
    one); `items`, so many of every category at most, a seeded choice that takes groups whole
    (default 0: all); `rotate`, options in every rotation, right only if all are; `groups`, whether
    a group counts as one (default: as the suite is designed); `name`, what the check is called.

    Raises:
        InvalidArgument: unknown format, option or value.
        SuiteError: files that are not what the format needs, or nothing in them has an answer.
    """
    return _opened(*parts_of(spec, "vlm-suite"))


def suite_name(spec: str) -> str:
    """What a suite's check is called: its format, or its option `name`."""
    head, options = parts_of(spec, "vlm-suite")
    return options.get("name") or head.partition(":")[0]


def title_of(spec: str) -> str:
    """What a suite is called by people."""
    head, options = parts_of(spec, "vlm-suite")
    return _format_of(head, options)[0].title


def categories_of(spec: str) -> tuple[str, ...]:
    """The categories of a suite, from its category column alone; raises as `open_suite`."""
    head, options = parts_of(spec, "vlm-suite")
    suite_format, folder, theirs = _format_of(head, options)
    with refusing(f"suite {spec!r}: its categories cannot be read"):
        found = tuple(suite_format.categories(folder, **theirs))
    if not found:
        raise SuiteError(f"suite={spec!r} has no category; give the folder that holds its files")
    return found


def with_option(spec: str, name: str, value: str) -> str:
    """The spec with one more option."""
    head, options = parts_of(spec, "vlm-suite")
    return f"{head}?{urlencode({**options, name: value}, safe='/:, ')}"


def _opened(head: str, options: Mapping[str, str]) -> Suite:
    suite_format, folder, theirs = _format_of(head, options)
    given = {name: text for name, text in options.items() if name in OWN_OPTIONS}
    own = cast_options("vlm-suite", _own, given, owner="suites")
    asked = _own(**own)
    template = asked["template"] or next(iter(suite_format.templates))
    if template not in suite_format.templates:
        raise InvalidArgument(
            f"template of suite {suite_format.name!r}", template, allowed=suite_format.templates
        )
    reading = Reading(suite_format, template, rotate=asked["rotate"])
    with refusing(f"suite {head!r}: it cannot be read"):
        for entry in suite_format.read(folder, **theirs):
            reading.take(entry)
    if not reading.items:
        reasons = [f"{refused.id}: {refused.reason}" for refused in reading.refused]
        raise SuiteError(
            f"suite={head!r}: no item can be asked"
            + (f"; {first_names(reasons)}" if reasons else "; the files hold none")
        )
    grouped = suite_format.grouped if asked["groups"] is None else asked["groups"]
    ids, number = tuple(reading.pictures), max(1, len(reading.pictures))
    query = f"?{urlencode(dict(options), safe='/:, ')}" if options else ""
    return Suite(
        name=f"suite:{head}{query}",
        class_names=(),
        supercategories=(),
        counts=np.zeros((number, 0), np.int16),
        uncountable=np.zeros((number, 0), bool),
        areas=np.zeros((number, 0), np.float32),
        source=SuiteImages(tuple(reading.pictures.values())),
        format=suite_format,
        key=suite_format.key(folder, **theirs),
        data_hash=reading.data_hash,
        template=template,
        picture_ids=ids,
        items=reading.items,
        asked=reading.asked(grouped=grouped, most=asked["items"]),
        refused=tuple(reading.refused),
        left_out=tuple(f"{refused.id}: {refused.reason}" for refused in reading.refused),
    )


def _format_of(head: str, options: Mapping[str, str]) -> tuple[SuiteFormat, Path, dict[str, Any]]:
    """Format, folder, and the format's own options."""
    name, _, folder = head.partition(":")
    if name not in SUITES.names():
        raise InvalidArgument("vlm-suite", name, allowed=SUITES.names())
    if not folder:
        raise InvalidArgument("vlm-suite", head, allowed=f"{name}:<folder>")
    suite_format = SUITES.get(name)
    reader: Callable[..., Any] = suite_format.read
    theirs = {option: value for option, value in options.items() if option not in OWN_OPTIONS}
    cast = cast_options("vlm-suite", reader, theirs, owner=f"suite format {name!r}")
    return suite_format, local_folder(folder), cast


def _own(
    *,
    template: str = "",
    items: int = 0,
    rotate: bool = False,
    groups: bool | None = None,
    name: str = "",
) -> dict[str, Any]:
    if items < 0:
        raise InvalidArgument("items", items, allowed="0 (all), or how many of every category")
    return {"template": template, "items": items, "rotate": rotate, "groups": groups}


SUITE_CATALOGS = _SuiteCatalogs(name="suite")
