"""The door for other people's catalog formats, and what is said of specs that fit none."""

from __future__ import annotations

import pytest

from mimic_checks.catalog import CATALOGS, CatalogFormat, load_catalog, load_presence, rendered
from mimic_checks.catalog.presence import presence
from mimic_checks.errors import ExtensionError, InvalidArgument


def small(*, scenes: int = 30, loud: bool = False, share: float = 0.5, title: str = "x"):
    """A maker of somebody else's."""
    small.asked = {"scenes": scenes, "loud": loud, "share": share, "title": title}
    return rendered(scenes=scenes, families=0)


def in_folder(folder, *, size):
    return rendered(scenes=10, families=0)


@pytest.fixture
def formats(monkeypatch):
    """Registers formats for one test."""
    monkeypatch.setattr(CATALOGS, "_loaded", dict(CATALOGS._loaded))

    def add(**parts):
        CATALOGS.add(parts["name"], CatalogFormat(**parts))

    return add


def test_the_formats_of_the_suite_are_found_by_entry_point():
    assert {"rendered", "coco", "openimages", "cases"} <= set(CATALOGS.names())
    for name in CATALOGS.names():
        assert CATALOGS.get(name).name == name


def test_a_format_of_somebody_else_is_named_like_any_other(formats):
    formats(name="small", catalog=small, takes_folder=False)
    assert len(load_catalog("small?scenes=12&loud=true&share=0.25&title=a%20b")) == 12
    assert small.asked == {"scenes": 12, "loud": True, "share": 0.25, "title": "a b"}
    assert len(load_presence("small")) == 30
    with pytest.raises(InvalidArgument, match="option loud='yes'.*a value of type bool"):
        load_catalog("small?loud=yes")
    with pytest.raises(InvalidArgument, match="vlm-catalog='smal' .*did you mean 'small'"):
        load_catalog("smal")


def test_annotations_may_be_types_or_text(formats):
    def typed(*, scenes):
        return rendered(scenes=scenes, families=0)

    typed.__annotations__ = {"scenes": int}
    formats(name="typed", catalog=typed, takes_folder=False)
    assert len(load_catalog("typed?scenes=7")) == 7


def test_a_sparse_format_is_for_training_data_only(formats):
    def sparse(folder):
        return presence(rendered(scenes=9, families=0))

    formats(name="sparse", sparse=sparse)
    assert len(load_presence("sparse:somewhere")) == 9
    with pytest.raises(InvalidArgument, match="'sparse' knows of some only"):
        load_catalog("sparse:somewhere")


def test_what_is_no_format_or_gives_no_catalog_is_named(formats):
    formats(name="odd", catalog=in_folder)
    with pytest.raises(ExtensionError, match="'odd': option 'size' has type _empty"):
        load_catalog("odd:x?size=1")
    formats(name="wrong", catalog=lambda folder: "images")
    with pytest.raises(ExtensionError, match="'wrong' gave str, not Catalog"):
        load_catalog("wrong:x")
    with pytest.raises(ExtensionError, match="lacks 'usage', 'open', 'presence'"):
        CATALOGS.add("none", Nothing())


class Nothing:
    name = "none"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "vlm-catalog='' is not allowed; allowed: 'cases', 'coco', 'misleading', 'openimages'"),
        ("rendered:folder", "vlm-catalog='rendered:folder' is not allowed; allowed: 'rendered'"),
        ("cases", "allowed: 'cases:<folder>'"),
        ("cases:x?seed=1", "vlm-catalog option='seed'"),
        ("openimages:x", "'openimages' knows of some only"),
        ("rendered?seed=1&seed=2", "vlm-catalog option='seed'.*each option once"),
        ("rendered?seed", "option seed='' is not allowed; allowed: a value of type int"),
    ],
)
def test_wrong_specs_are_named(spec, message):
    with pytest.raises(InvalidArgument, match=message.replace("?", r"\?")):
        load_catalog(spec)


def test_a_folder_keeps_its_colons(formats):
    seen = []

    def reads(folder):
        seen.append(folder)
        return rendered(scenes=5, families=0)

    formats(name="reads", catalog=reads)
    load_catalog(r"reads:C:\\photos\\2017")
    assert seen == [r"C:\\photos\\2017"]
