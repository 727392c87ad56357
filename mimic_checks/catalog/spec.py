"""Catalogs by name: `rendered?seed=1&size_px=384`, `coco:<folder>?min_share=0.02`.

Data in: the text of `--vlm-catalog`. Data out: a `Catalog`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from mimic_checks.catalog.catalog import Catalog
from mimic_checks.catalog.presence import Presence, presence
from mimic_checks.errors import InvalidArgument

_CASTS = {"int": int, "float": float, "str": str}


def load_catalog(spec: str) -> Catalog:
    """The catalog that a spec names: `rendered[?option=value&...]`,
    `coco:<folder>[?option=value&...]`, or `cases:<folder>` (the images of a stored case set).

    Raises:
        InvalidArgument: unknown kind, option or value.
        CatalogError: the catalog cannot be read.
    """
    from mimic_checks.catalog.coco import coco
    from mimic_checks.catalog.rendered import rendered
    from mimic_checks.catalog.stored import stored

    head, _, query = spec.partition("?")
    kind, _, folder = head.partition(":")
    if kind == "rendered" and not folder:
        return rendered(**_options(rendered, query))
    if kind == "coco" and folder:
        return coco(folder, **_options(coco, query))
    if kind == "cases" and folder and not query:
        return stored(folder)
    raise InvalidArgument(
        "vlm-catalog",
        spec,
        allowed="'rendered' or 'coco:<folder>' (both take ?option=value&...), or 'cases:<folder>'",
    )


def load_presence(spec: str) -> Presence:
    """The sparse view of the catalog that a spec names, for training data: all that `load_catalog`
    takes, and `openimages:<folder>[?option=value&...]`.

    Raises:
        InvalidArgument: unknown kind, option or value.
        CatalogError: the catalog cannot be read.
    """
    head, _, query = spec.partition("?")
    kind, _, folder = head.partition(":")
    if kind == "openimages" and folder:
        from mimic_checks.catalog.openimages import openimages

        return openimages(folder, **_options(openimages, query))
    return presence(load_catalog(spec))


def _options(maker: Callable[..., Any], query: str) -> dict[str, Any]:
    known = {
        name: p
        for name, p in inspect.signature(maker).parameters.items()
        if p.kind is p.KEYWORD_ONLY
    }
    options: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            raise InvalidArgument("vlm-catalog option", name, allowed=known)
        kind = str(known[name].annotation)
        try:
            options[name] = _CASTS[kind](text)
        except ValueError:
            raise InvalidArgument(
                f"vlm-catalog option {name}", text, allowed=f"a value of type {kind}"
            ) from None
    return options
