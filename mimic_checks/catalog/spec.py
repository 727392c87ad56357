"""Catalogs by name: `rendered?seed=1&size_px=384`, `coco:<folder>?min_share=0.02`."""

from __future__ import annotations

from urllib.parse import parse_qsl

from mimic_checks.catalog.catalog import Catalog
from mimic_checks.catalog.format import CATALOGS, CatalogFormat
from mimic_checks.catalog.presence import Presence
from mimic_checks.errors import InvalidArgument


def load_catalog(spec: str) -> Catalog:
    """The catalog that a spec names: `<format>[:<folder>][?option=value&...]`.

    Raises:
        InvalidArgument: unknown format, option or value.
        CatalogError: the catalog cannot be read.
    """
    catalog_format, folder, options = _parts(spec)
    return catalog_format.open(folder, options)


def load_presence(spec: str) -> Presence:
    """The sparse view of the catalog that a spec names, for training data.

    Raises:
        InvalidArgument, CatalogError: as `load_catalog`.
    """
    catalog_format, folder, options = _parts(spec)
    return catalog_format.presence(folder, options)


def _parts(spec: str) -> tuple[CatalogFormat, str, dict[str, str]]:
    """Format, folder ("": none) and options of a spec."""
    head, options = parts_of(spec)
    name, _, folder = head.partition(":")
    if name not in CATALOGS.names():
        raise InvalidArgument("vlm-catalog", name, allowed=CATALOGS.names())
    return CATALOGS.get(name), folder, options


def parts_of(spec: str, what: str = "vlm-catalog") -> tuple[str, dict[str, str]]:
    """What stands before the `?` of a spec, and the options after it; `what`: the flag that it
    came with.

    Raises:
        InvalidArgument: an option twice.
    """
    head, _, query = spec.partition("?")
    options: dict[str, str] = {}
    # Blank values are kept: `?split=` is an empty text, not an option left out.
    for option, value in parse_qsl(query, keep_blank_values=True):
        if option in options:
            raise InvalidArgument(f"{what} option", option, allowed="each option once")
        options[option] = value
    return head, options
