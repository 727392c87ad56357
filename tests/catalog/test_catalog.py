"""Catalogs: queries against brute force, COCO reading against raw JSON, bad input named."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools.coco import COCO

from mimic_checks.cases import counting_cases, draw
from mimic_checks.catalog import Catalog, coco, load_catalog, rendered, write_coco
from mimic_checks.catalog.scene import mask_box, object_mask
from mimic_checks.catalog.stored import stored, write_stored
from mimic_checks.errors import CatalogError, InvalidArgument

COUNTS = st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=12)


@given(COUNTS, st.data())
def test_queries_are_what_a_loop_finds(counts, data):
    doubt = data.draw(
        st.lists(
            st.lists(st.booleans(), min_size=3, max_size=3),
            min_size=len(counts),
            max_size=len(counts),
        )
    )
    matrix, unsure = np.array(counts, dtype=np.int16), np.array(doubt)
    catalog = Catalog(
        "made up",
        ("a", "b", "c"),
        ("x", "x", "y"),
        matrix,
        unsure,
        np.zeros(matrix.shape, np.float32),
        source=None,
    )
    for column in range(3):
        for k in range(4):
            found = [
                row
                for row in range(len(counts))
                if counts[row][column] == k and not doubt[row][column]
            ]
            assert catalog.exactly(column, k).tolist() == found
        assert catalog.without(column).tolist() == [
            r for r in range(len(counts)) if not counts[r][column] and not doubt[r][column]
        ]
        assert catalog.showing(column).tolist() == [
            r for r in range(len(counts)) if counts[r][column] and not doubt[r][column]
        ]
    assert catalog.certain.tolist() == [row for row in range(len(counts)) if not any(doubt[row])]


def test_rendered_is_the_same_for_the_same_seed():
    first, second, other = (rendered(seed=s, scenes=60, families=1) for s in (4, 4, 5))
    assert first.source.scenes == second.source.scenes
    assert (first.counts == second.counts).all()
    assert first.source.scenes != other.source.scenes
    assert first.counts[:60].sum(axis=1).max() <= 8


def test_rendered_survives_the_way_through_coco_identically(tmp_path):
    made = rendered(seed=1, scenes=40, families=1)
    write_coco(made, tmp_path)
    back = coco(tmp_path, min_share=0)
    assert (back.counts == made.counts).all()
    assert not back.uncountable.any()
    assert back.class_names == made.class_names
    assert back.supercategories == made.supercategories
    index = COCO(str(tmp_path / "annotations" / "instances.json"))
    for row in range(0, len(made), 7):
        assert back.source.load(row)[0].tobytes() == made.source.load(row)[0].tobytes()
        annotations = index.loadAnns(index.getAnnIds(imgIds=row))
        for item, annotation in zip(made.source.scenes[row].objects, annotations, strict=True):
            mask = object_mask(item, 64)
            assert (index.annToMask(annotation).astype(bool) == mask).all()
            assert tuple(annotation["bbox"]) == mask_box(mask)
            assert annotation["area"] == mask.sum()
    with pytest.raises(InvalidArgument, match="a catalog made by rendered"):
        write_coco(back, tmp_path / "again")


@pytest.fixture
def folder(tmp_path):
    """Three pictures: a large and a tiny cat; a crowd of dogs; two dogs. Change `data`, then call
    `save`."""

    def box(image, category, share, crowd=0, left=0):
        side = 100 * share**0.5
        return {
            "image_id": image,
            "category_id": category,
            "bbox": [left, 0, side, side],
            "iscrowd": crowd,
        }

    annotations = [
        box(1, 7, 0.2),
        box(1, 7, 0.004),
        box(2, 9, 0.5, 1),
        box(3, 9, 0.1),
        box(3, 9, 0.1, left=50),
    ]
    for number, annotation in enumerate(annotations):
        annotation["id"] = number
    data = {
        "images": [
            {"id": k, "file_name": f"{k}.jpg", "width": 100, "height": 100} for k in (1, 2, 3)
        ],
        "annotations": annotations,
        "categories": [
            {"id": 7, "name": "cat", "supercategory": "animal"},
            {"id": 9, "name": "dog", "supercategory": "animal"},
        ],
    }
    (tmp_path / "images").mkdir()
    (tmp_path / "annotations").mkdir()
    for k in (1, 2, 3):
        Image.new("RGB", (100, 100), (k * 40, 0, 0)).save(tmp_path / "images" / f"{k}.jpg")

    def save(changed=data):
        text = changed if isinstance(changed, str) else json.dumps(changed)
        (tmp_path / "annotations" / "instances_mine.json").write_text(text)
        return tmp_path

    save()
    return tmp_path, data, save


def test_a_too_small_object_makes_its_class_uncountable_there(folder):
    path, _, _ = folder
    catalog = coco(path, min_share=0.01)
    cat, dog = catalog.class_index("cat"), catalog.class_index("dog")
    assert catalog.exactly(cat, 1).tolist() == [], "neither needle"
    assert catalog.without(cat).tolist() == [1, 2], "nor distractor"
    assert catalog.possible[0, cat]
    assert catalog.exactly(dog, 2).tolist() == [2]
    assert catalog.without(dog).tolist() == [0], "a crowd is not absence"
    assert coco(path, min_share=0.001).exactly(cat, 2).tolist() == [0]
    assert coco(path, max_instances=1).exactly(dog, 2).tolist() == []


def test_photos_are_read_as_their_json_says(photos):
    """Counts recomputed from the raw JSON, without pycocotools."""
    catalog = coco(photos, min_share=0.02, max_instances=6)
    data = json.loads((photos / "annotations" / "instances.json").read_text())
    images = sorted(data["images"], key=lambda entry: entry["id"])
    categories = sorted(data["categories"], key=lambda entry: entry["id"])
    assert len(catalog) == len(images) == 112
    for row, image in enumerate(images):
        for column, category in enumerate(categories):
            found = [
                a
                for a in data["annotations"]
                if a["image_id"] == image["id"] and a["category_id"] == category["id"]
            ]
            fit = [
                a
                for a in found
                if not a["iscrowd"]
                and a["bbox"][2] * a["bbox"][3] / image["width"] / image["height"] >= 0.02
            ]
            assert catalog.counts[row, column] == len(fit)
            assert catalog.uncountable[row, column] == (len(fit) != len(found) or len(fit) > 6)


def _broken(data, change):
    data = copy.deepcopy(data)
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("images"), "no list 'images'"),
        (lambda d: d["images"].clear(), "no images"),
        (
            lambda d: d["annotations"][2].update(image_id=99),
            "annotation 2 is about image_id=99, which is not in 'images'",
        ),
        (lambda d: d["annotations"][1].update(category_id=4), "annotation 1 has category_id=4"),
        (lambda d: d["annotations"][0].pop("bbox"), r"annotations\[0\] has no 'bbox'"),
        (lambda d: d["annotations"][0].update(bbox="big"), "annotation 0 has bbox='big'"),
        (lambda d: d["images"][0].update(width=0), "image 1 has width=0"),
        (
            lambda d: d["images"].append({"id": 5, "file_name": "5.jpg", "width": 9, "height": 9}),
            "1 of 4 image files are missing: '5.jpg'",
        ),
    ],
)
def test_a_wrong_layout_is_named(folder, change, message):
    _, data, save = folder
    with pytest.raises(CatalogError, match=message):
        coco(save(_broken(data, change)))


def test_broken_files_and_folders_are_named(folder, tmp_path_factory):
    _, _, save = folder
    with pytest.raises(
        CatalogError, match=r"is not valid JSON: .*download or export the file again"
    ):
        coco(save('{"images": ['))
    with pytest.raises(CatalogError, match="holds a list, not an object"):
        coco(save("[1, 2]"))
    path = save()
    (path / "annotations" / "instances_other.json").write_text("{}")
    with pytest.raises(CatalogError, match=r"2 annotation files .*coco:<folder>\?annotations="):
        coco(path)
    assert len(coco(path, annotations="instances_mine.json")) == 3
    with pytest.raises(
        InvalidArgument,
        match="annotations='instances_min.json'.*did you mean 'instances_mine.json'",
    ):
        coco(path, annotations="instances_min.json")
    with pytest.raises(CatalogError, match="is not a directory"):
        coco(path / "nowhere")
    with pytest.raises(InvalidArgument, match=r"min_share=1.5"):
        coco(path, min_share=1.5)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rendred", "vlm-catalog='rendred' is not allowed"),
        ("coco:", "'coco:<folder>'"),
        ("rendered?sead=1", "option='sead'.*did you mean 'seed'"),
        (
            "rendered?seed=one",
            "vlm-catalog option seed='one' is not allowed; allowed: a value of type int",
        ),
        ("rendered?size_px=8", "size_px=8"),
        ("rendered?seed=4294967296", "seed=4294967296"),
    ],
)
def test_wrong_specs_are_named(spec, message):
    with pytest.raises(InvalidArgument, match=message):
        load_catalog(spec)


def test_an_empty_catalog_is_refused():
    with pytest.raises(CatalogError, match="holds no images"):
        load_catalog("rendered?scenes=0&families=0")


@pytest.mark.parametrize("damage", ["truncated", "not a picture", "bomb"])
def test_an_unreadable_image_is_reported_and_never_drawn(folder, monkeypatch, damage):
    path, data, save = folder
    for number in range(4, 24):
        data["images"].append(
            {"id": number, "file_name": f"{number}.jpg", "width": 100, "height": 100}
        )
        data["annotations"].append(
            {
                "id": 90 + number,
                "image_id": number,
                "category_id": 7,
                "bbox": [0, 0, 50, 50],
                "iscrowd": 0,
            }
        )
        Image.effect_noise((100, 100), number).convert("RGB").save(
            path / "images" / f"{number}.jpg"
        )
    broken = path / "images" / "9.jpg"
    if damage == "truncated":
        broken.write_bytes(broken.read_bytes()[:900])
    elif damage == "not a picture":
        broken.write_text("hello")
    else:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000)
        Image.new("RGB", (300, 300)).save(broken)
    catalog = coco(save(data))
    cases = draw(counting_cases(catalog, classes=["cat"], instances=1), 19, seed=0)
    row = [entry["id"] for entry in sorted(data["images"], key=lambda e: e["id"])].index(9)
    assert list(catalog.manifest.unreadable) == [row]
    assert catalog.manifest.unreadable[row].startswith("9.jpg: ")
    assert row not in {catalog.manifest.row(image) for case in cases for image in case.images}
    with pytest.raises(OSError, match="9.jpg"):
        catalog.manifest.id(row)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.pop("counts"),
        lambda data: data.update(counts=[[1]]),
        lambda data: data.update(counts=[[1], [2, 3]]),
        lambda data: data.update(counts=[[10**9] * 16] * 2),
        lambda data: data.update(areas="none"),
        lambda data: data.update(files=7),
        lambda data: data.update(class_names=None),
    ],
)
def test_a_stored_part_that_was_changed_is_refused(tmp_path, change):
    write_stored(rendered(seed=2, scenes=9, families=0), [4, 7], tmp_path)
    data = json.loads((tmp_path / "catalog.json").read_text())
    change(data)
    (tmp_path / "catalog.json").write_text(json.dumps(data))
    with pytest.raises(CatalogError, match="holds no case set"):
        stored(tmp_path)


def test_a_stored_part_shows_no_files_outside_it(tmp_path):
    write_stored(rendered(seed=2, scenes=9, families=0), [4], tmp_path)
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    data = json.loads((tmp_path / "catalog.json").read_text())
    for name in ("../secret.png", str(tmp_path / "secret.png")):
        data["files"] = [name]
        (tmp_path / "catalog.json").write_text(json.dumps(data))
        with pytest.raises(CatalogError, match="1 images are missing, first 'secret.png'"):
            stored(tmp_path)


def test_a_stored_part_is_the_same_images(tmp_path, photos):
    for catalog, rows in (
        (rendered(seed=2, scenes=30, families=0), [4, 9]),
        (coco(photos), [3, 70, 1]),
    ):
        folder = tmp_path / catalog.name[:4]
        write_stored(catalog, rows, folder)
        back = stored(folder)
        assert [back.manifest.id(k) for k in range(len(rows))] == [
            catalog.manifest.id(row) for row in rows
        ]
        assert (back.counts == catalog.counts[rows]).all()
        assert (back.uncountable == catalog.uncountable[rows]).all()
        write_stored(back, [1], folder / "again")
        assert stored(folder / "again").manifest.id(0) == catalog.manifest.id(rows[1])
    next((folder / "images").iterdir()).unlink()
    with pytest.raises(CatalogError, match="1 images are missing"):
        stored(folder)
    with pytest.raises(CatalogError, match="holds no case set"):
        stored(tmp_path)
