"""Which file of a COCO folder holds the labels, and where its photos are."""

from __future__ import annotations

import json
import os
import shutil
import unicodedata

import pytest

from mimic_checks.catalog import coco, load_catalog
from mimic_checks.catalog.images import FileImages
from mimic_checks.errors import CatalogError
from tests.catalog.coco_folder import CocoFolder


@pytest.fixture
def folder(tmp_path):
    """Three pictures with a cat each; c.png in a folder below."""
    made = CocoFolder(tmp_path / "set")
    for name in ("a.png", "b.png", "deep/c.png"):
        made.box(made.image(name), [10, 10, 30, 30])
    return made


def files(catalog):
    return [catalog.source.file(row).name for row in range(len(catalog))]


@pytest.mark.parametrize(
    ("name", "third"),
    [
        ("./a.png", "deep/c.png"),
        (".\\a.png", "deep\\c.png"),
        ("deep/../a.png", "./deep//c.png"),
        ("../images/a.png", "../images/deep/c.png"),
        ("{folder}/images/a.png", "{folder}/images/deep/c.png"),
        ("/somewhere/else/a.png", "/somewhere/else/deep/c.png"),
        ("C:\\Users\\me\\photos\\a.png", "D:/photos/deep/c.png"),
        ("\\\\server\\share\\a.png", "\\\\server\\share\\deep\\c.png"),
    ],
)
def test_names_are_read_as_their_writers_meant_them(folder, name, third):
    folder.images[0]["file_name"] = name.format(folder=folder.path)
    folder.images[2]["file_name"] = third.format(folder=folder.path)
    assert files(coco(folder.save())) == ["a.png", "b.png", "c.png"]


def test_a_name_may_spell_its_accents_otherwise_than_the_disk(folder):
    composed = unicodedata.normalize("NFC", "cafe\u0301.png")
    folder.image(composed)
    folder.images[-1]["file_name"] = unicodedata.normalize("NFD", composed)
    assert len(coco(folder.save())) == 4


def test_a_backslash_in_a_file_name_is_found_where_it_is_a_letter(folder):
    (folder.path / "images" / "odd\\name.png").write_bytes(
        (folder.path / "images" / "a.png").read_bytes()
    )
    folder.images[0]["file_name"] = "odd\\name.png"
    assert files(coco(folder.save()))[0] == "odd\\name.png"


@pytest.mark.parametrize("home", ["images", "instances", "images/instances", "."])
def test_pictures_are_found_in_every_usual_place(folder, home):
    path = folder.save()
    shutil.move(path / "images", path / "kept")
    shutil.copytree(path / "kept", path / home, dirs_exist_ok=True)
    (path / "annotations" / "instances.json").rename(
        path / "annotations" / "instances_instances.json"
    )
    shutil.rmtree(path / "kept")
    assert files(coco(path)) == ["a.png", "b.png", "c.png"]


def test_the_folder_of_images_may_be_a_link(folder, tmp_path):
    path = folder.save()
    shutil.move(path / "images", tmp_path / "disk")
    (path / "images").symlink_to(tmp_path / "disk")
    assert files(coco(path)) == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize("gone", ["a.png", "deep/c.png"])
def test_missing_files_are_named_or_skipped_with_a_count(folder, gone):
    """Also the first one, by which the folder of images used to be found."""
    (folder.save() / "images" / gone).unlink()
    with pytest.raises(
        CatalogError, match=rf"1 of 3 image files are missing: '{gone}'; .*\?missing=skip"
    ):
        coco(folder.path)
    catalog = load_catalog(f"coco:{folder.path}?missing=skip")
    assert len(catalog) == 2
    assert catalog.counts.tolist() == [[1, 0], [1, 0]]
    assert catalog.left_out == (f"1 of 3 image files are missing: '{gone}'",)
    assert gone.rpartition("/")[2] not in files(catalog)


def test_nothing_is_left_to_skip_to(folder):
    shutil.rmtree(folder.save() / "images")
    with pytest.raises(CatalogError, match="3 of 3 image files are missing"):
        coco(folder.path, missing="skip")


@pytest.mark.parametrize("name", ["../../secret.png", "a\x00.png", "\ud800.png", "x" * 5000])
def test_a_name_that_can_be_no_file_of_the_set_is_missing(folder, tmp_path, name):
    (tmp_path.parent / "secret.png").write_bytes(b"")
    folder.images[0]["file_name"] = name
    with pytest.raises(CatalogError, match="1 of 3 image files are missing"):
        coco(folder.save())


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("labels/a.txt", "YOLO"),
        ("labels/train/a.txt", "YOLO"),
        ("train/labels/a.txt", "YOLO"),
        ("data.yaml", "YOLO"),
        ("Annotations/a.xml", "Pascal VOC"),
        ("metadata.jsonl", "images with captions"),
        ("captions.txt", "images with captions"),
    ],
)
def test_a_folder_of_another_kind_gets_a_hint(tmp_path, file, kind):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("0 0.5 0.5 0.1 0.1")
    with pytest.raises(CatalogError, match=r"0 annotation files \(none\); it looks like a folder"):
        coco(tmp_path)
    with pytest.raises(CatalogError, match=rf"of {kind}: its boxes must be exported as one COCO"):
        coco(tmp_path)


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"id": 1, "image_id": 1, "caption": "a cat"}, "captions"),
        ({"image_id": 1, "segments_info": [], "file_name": "a.png"}, "panoptic segments"),
    ],
)
def test_labels_of_another_kind_get_a_hint(folder, entry, kind):
    folder.save()
    (folder.path / "annotations" / "instances.json").write_text(
        json.dumps({"images": folder.images, "annotations": [entry]})
    )
    with pytest.raises(CatalogError, match=f"the file holds {kind}, not objects; take the inst"):
        coco(folder.path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name")
@pytest.mark.parametrize("kind", ["pipe", "folder", "link to nothing", "link to itself"])
def test_what_is_no_file_is_not_opened(folder, kind):
    """A pipe would be waited for without an end."""
    path = folder.path / "images" / "a.png"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere.png" if kind == "link to nothing" else path.name)
    with pytest.raises(CatalogError, match=r"image files are missing: 'a\.png'"):
        coco(folder.save())
    left_out = coco(folder.path, missing="skip").left_out
    assert any("'a.png'" in one for one in left_out)
    source = FileImages([path])
    with pytest.raises(OSError, match="no regular file|No such file|Too many levels"):
        source.load(0)
