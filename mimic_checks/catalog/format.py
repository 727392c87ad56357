"""Catalog formats: the ways in which images, and what they show, are stored, by the name before the
colon of `--vlm-catalog`.

A package adds one with an entry point in the group `mimic_checks.catalogs` that gives a
`CatalogFormat`; nothing of a format is imported before its name is looked up.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mimic_checks.catalog.catalog import Catalog
from mimic_checks.catalog.presence import Presence, presence
from mimic_checks.errors import ExtensionError, InvalidArgument
from mimic_checks.registry import Registry

T = TypeVar("T", Catalog, Presence)
_BOOLEANS = {"true": True, "false": False}
# By name, since annotations are text in modules with postponed ones. Not bool() itself, for which
# the text "false" is true: the look-up refuses all but two words.
_CASTS: Mapping[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": _BOOLEANS.__getitem__,
}


@dataclass(frozen=True, kw_only=True)
class CatalogFormat:
    """A format. `catalog` reads everything that the images show; `sparse` reads what is known of
    some classes only, which training data can be made of and questions cannot. A format has one of
    them, or both.

    Both are called with the folder, if the format `takes_folder`, and with the options after the
    `?`: their keyword-only parameters, of type int, float, str or bool."""

    name: str
    catalog: Callable[..., Catalog] | None = None
    sparse: Callable[..., Presence] | None = None
    takes_folder: bool = True

    def open(self, folder: str, options: Mapping[str, str]) -> Catalog:
        """The catalog in a folder ("": none).

        Raises:
            InvalidArgument: a folder or option that the format does not take, or needs; or a format
                without a full view.
            CatalogError: the catalog cannot be read.
        """
        if self.catalog is None:
            raise InvalidArgument(
                "vlm-catalog",
                f"{self.name}:{folder}",
                allowed=(
                    f"a catalog of which every object is known; {self.name!r} knows of some only,"
                    " enough for training data"
                ),
            )
        return self._made(Catalog, self.catalog, folder, options)

    def presence(self, folder: str, options: Mapping[str, str]) -> Presence:
        """The sparse view of what `folder` holds; of the whole catalog, where the format has none
        of its own.

        Raises:
            InvalidArgument, CatalogError: as `open`.
        """
        if self.sparse is None:
            return presence(self.open(folder, options))
        return self._made(Presence, self.sparse, folder, options)

    @property
    def usage(self) -> str:
        """How it is written, without options."""
        return f"{self.name}:<folder>" if self.takes_folder else self.name

    def _made(
        self, kind: type[T], maker: Callable[..., T], folder: str, options: Mapping[str, str]
    ) -> T:
        if bool(folder) != self.takes_folder:
            given = f"{self.name}:{folder}"
            raise InvalidArgument("vlm-catalog", given, allowed=[self.usage])
        cast = cast_options("vlm-catalog", maker, options, owner=f"catalog format {self.name!r}")
        made = maker(folder, **cast) if self.takes_folder else maker(**cast)
        if not isinstance(made, kind):
            raise ExtensionError(
                f"catalog format {self.name!r} gave {type(made).__name__}, not {kind.__name__}"
            )
        return made


def cast_options(
    what: str, maker: Callable[..., Any], options: Mapping[str, str], *, owner: str
) -> dict[str, Any]:
    """Options of a spec as values of the types that a function's keyword-only parameters have;
    `what`: the flag that they came with; `owner`: whose function it is.

    Raises:
        InvalidArgument: an option that the function does not take, or a value of another type.
        ExtensionError: a parameter of a type that no text can be cast to.
    """
    parameters = inspect.signature(maker).parameters.values()
    known = {p.name: _type_name(p) for p in parameters if p.kind is p.KEYWORD_ONLY}
    cast = {}
    for name, text in options.items():
        if name not in known:
            raise InvalidArgument(f"{what} option", name, allowed=known)
        kind = known[name].removesuffix(" | None")
        if kind not in _CASTS:
            raise ExtensionError(
                f"{owner}: option {name!r} has type {known[name]}; options have one of the types"
                f" {', '.join(_CASTS)}"
            )
        try:
            cast[name] = _CASTS[kind](text)
        except (ValueError, KeyError):
            raise InvalidArgument(
                f"{what} option {name}", text, allowed=f"a value of type {kind}"
            ) from None
    return cast


def _type_name(parameter: inspect.Parameter) -> str:
    """The type of a parameter, whose annotation is text in modules with postponed annotations."""
    annotation = parameter.annotation
    return str(annotation) if isinstance(annotation, str) else str(annotation.__name__)


CATALOGS: Registry[CatalogFormat] = Registry(
    "mimic_checks.catalogs", "catalog format", ("name", "usage", "open", "presence")
)
