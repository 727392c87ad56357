"""COCO labels that contradict themselves or their pictures: refused by name, or uncountable."""

from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.catalog import coco, load_catalog
from mimic_checks.catalog.class_names import clashing_names
from mimic_checks.errors import CatalogError, InvalidArgument
from tests.catalog.coco_folder import CocoFolder

BOX = [10, 10, 30, 30]


@pytest.fixture
def folder(tmp_path):
    """Two pictures: a cat; two dogs."""
    made = CocoFolder(tmp_path)
    first, second = made.image("a.png"), made.image("b.png")
    made.box(first, BOX)
    made.box(second, BOX, 9)
    made.box(second, [50, 50, 30, 30], 9)
    return made


def refusal(folder) -> str:
    with pytest.raises(CatalogError) as info:
        coco(folder.save())
    return str(info.value)


def test_a_sound_folder_opens(folder):
    assert coco(folder.save()).counts.tolist() == [[1, 0], [0, 2]]


def test_an_annotation_id_twice_is_refused_naming_both(folder):
    """A merged export: pycocotools keeps the later one alone, and the first cat is gone."""
    folder.annotations[1]["id"] = 1
    assert "annotation id 1 twice: in image 1 ('a.png') and in image 2 ('b.png')" in refusal(folder)


def test_every_annotation_twice_is_refused_whatever_its_ids(folder):
    folder.annotations += copy.deepcopy(folder.annotations)
    said = refusal(folder)
    assert "annotation id 1 twice" in said
    assert "annotations 1 and 1 are one cat in 'a.png'" in said
    for number, entry in enumerate(folder.annotations):
        entry["id"] = number + 100
    said = refusal(folder)
    assert "annotations 100 and 103 are one cat in 'a.png'" in said
    assert "annotations 102 and 105 are one dog in 'b.png'" in said
    assert "?repeated=uncountable" in said
    catalog = load_catalog(f"coco:{folder.path}?repeated=uncountable")
    assert catalog.uncountable.tolist() == [[True, False], [False, True]]
    assert not catalog.counts.any()


def test_one_object_under_two_ids_may_differ_in_rounding(folder):
    outline = [10.2, 10.2, 40, 10, 40, 40]
    folder.annotations[0]["segmentation"] = [outline]
    folder.box(1, [10.4, 10, 29.6, 30], segmentation=[list(outline)])
    assert "annotations 1 and 4 are one cat" in refusal(folder)


def test_two_outlines_in_one_box_are_in_doubt(folder):
    folder.annotations[0]["segmentation"] = [[10, 10, 40, 10, 40, 40]]
    folder.box(1, BOX, segmentation=[[10, 10, 40, 40, 10, 40]])
    catalog = coco(folder.save())
    assert catalog.uncountable[0].tolist() == [True, False]


def test_the_same_box_of_two_classes_is_no_repetition(folder):
    folder.box(1, BOX, 9)
    assert coco(folder.save()).counts[0].tolist() == [1, 1]


def test_an_image_id_or_file_twice_is_refused_naming_both(folder):
    folder.images[1]["id"] = 1
    folder.annotations = folder.annotations[:1]
    assert "image id 1 twice: 'a.png' and 'b.png'" in refusal(folder)
    folder.images[1].update(id=2, file_name="./a.png")
    said = refusal(folder)
    assert "image file 'a.png' twice: in images 1 and 2 ('./a.png')" in said
    assert "merge the entries" in said


@pytest.mark.parametrize("other", ["cat", "CAT", " cat ", "cats", "Cats"])
def test_two_categories_of_one_name_are_refused_naming_both(folder, other):
    folder.categories.append({"id": 12, "name": other})
    said = refusal(folder)
    assert f"two categories of one name: 'cat' (id 7) and {other!r} (id 12, without" in said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("traffic light", "traffic_light"),
        ("traffic-light", "Traffic  Lights"),
        ("caf\u00e9", "cafe\u0301"),
        ("knife", "knives"),
        ("glass", "glasses"),
        ("stra\u00dfe", "STRASSE"),
        ("\uff43\uff41\uff54", "cat"),
        ("cat\u200b", "cat"),
        ("c\u00adat", "\ufeffcat"),
        ("women's shoe", "women\u2019s shoe"),
        ("12\u201d pizza", '12" pizza'),
    ],
)
def test_names_that_nobody_tells_apart(one, other):
    assert clashing_names(["dog", one, "bird", other]) == [(1, 3)]
    assert clashing_names([other, one]) == [(0, 1)]


def test_names_are_asked_about_in_one_spelling(folder):
    folder.categories[0].update(name=" Cafe\u0301  au lait", supercategory=" ")
    folder.categories[1].update(name=7, supercategory="a  pet ")
    catalog = coco(folder.save())
    assert catalog.class_names == ("Caf\u00e9 au lait", "7")
    assert catalog.supercategories == ("Caf\u00e9 au lait", "a pet")


def test_names_of_the_usual_data_sets_are_told_apart():
    from mimic_checks.catalog import rendered

    assert clashing_names(rendered(scenes=1, families=0).class_names) == []
    assert clashing_names(["cat", "catfish", "hot dog", "dog", "sports ball", "ball"]) == []


def test_a_category_id_twice_is_refused_naming_both(folder):
    folder.categories.append({"id": 7, "name": "horse"})
    assert "category id 7 twice: 'cat' and 'horse'" in refusal(folder)


def test_all_problems_stand_in_one_message_and_are_counted_after_twenty(folder):
    for number in range(30):
        folder.image(f"gone{number}.png")
        (folder.path / "images" / f"gone{number}.png").unlink()
        folder.box(2, BOX, 9)
    folder.categories.append({"id": 12, "name": "Dogs"})
    folder.images[0]["width"] = 90
    said = refusal(folder)
    assert "30 of 32 image files are missing: 'gone0.png'" in said
    assert "'gone19.png'; and 10 more" in said
    assert "'gone20.png'" not in said
    assert "two categories of one name: 'dog' (id 9) and 'Dogs'" in said
    assert "image 1 ('a.png') is 100x100 in its file and 90x100 in the labels" in said
    assert "annotations 2 and 4 are one dog" in said
    assert "; and 10 more; remove one of the two" in said


@pytest.mark.parametrize("size", [(99, 100), (200, 200), (100, 50)])
def test_a_size_that_is_not_the_files_is_refused(folder, size):
    folder.images[1].update(width=size[0], height=size[1])
    assert f"'b.png') is 100x100 in its file and {size[0]}x{size[1]} in the labels" in refusal(
        folder
    )


@pytest.mark.parametrize(
    "box",
    [
        [40, 40, -30, -30],
        [40, 40, -30, 30],
        [0, 0, 0, 50],
        [80, 80, 60, 60],
        [-40, 10, 60, 60],
        [200, 200, 30, 30],
        [math.nan, 10, 30, 30],
        [10, 10, math.inf, 30],
        [10, 10, 1e300, 1e300],
        [-math.inf, 10, math.inf, 30],
        [10**400, 10, 30, 30],
        [10, 10, 90 + 2, 30],
    ],
)
def test_a_box_without_sense_makes_its_class_uncountable_there(folder, box):
    folder.box(1, box, 9)
    catalog = coco(folder.save())
    assert catalog.counts[0].tolist() == [1, 0]
    assert catalog.uncountable[0].tolist() == [False, True]
    (doubt,) = catalog.doubts()
    assert (doubt.kind, doubt.reason, doubt.where) == (
        "uncountable",
        "a box that makes no sense",
        ((0, 1),),
    )


def test_a_box_may_reach_out_by_a_pixel(folder):
    folder.box(1, [-0.6, -1, 50, 50], 9)
    assert coco(folder.save()).counts[0].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"iscrowd": "0"}, "annotation 1 has iscrowd='0', not 0 or 1"),
        ({"iscrowd": []}, "annotation 1 has iscrowd=[], not 0 or 1"),
        ({"bbox": [1, 2, 3]}, "annotation 1 has bbox=[1, 2, 3], not [left"),
        ({"bbox": [1, 2, 3, None]}, "annotation 1 has bbox=[1, 2, 3, None], not [left"),
        ({"bbox": [True, 2, 3, 4]}, "annotation 1 has bbox=[True, 2, 3, 4], not [left"),
        ({"image_id": [1]}, "annotation 1 is about image_id=[1], which is not in 'images'"),
        ({"category_id": "7"}, "annotation 1 has category_id='7', which is not in"),
        ({"id": None}, "annotations[0] has id=None"),
        ({"id": "x"}, "ids in 'annotations' are numbers here and texts there"),
    ],
)
def test_values_of_another_kind_are_named(folder, change, says):
    folder.annotations[0].update(change)
    assert says in refusal(folder)


@pytest.mark.parametrize("name", [None, "", "  ", "a\x00b", "\ud800", ["cat"], True])
def test_a_category_without_a_name_is_refused(folder, name):
    folder.categories[0]["name"] = name
    assert f"category 7 has name={name!r}" in refusal(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"images": 1' + "0" * 5000 + "}"])
def test_json_that_is_too_much_is_refused(folder, text):
    folder.save()
    (folder.path / "annotations" / "instances.json").write_text(text)
    with pytest.raises(CatalogError, match="is not valid JSON"):
        coco(folder.path)


def test_a_byte_order_mark_is_read_over(folder):
    path = folder.save() / "annotations" / "instances.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(coco(folder.path)) == 2


def test_one_picture_under_two_names(folder):
    """Two label sets for one picture contradict each other; the same set twice is one picture."""
    content = (folder.path / "images" / "a.png").read_bytes()
    copied = folder.image("copy.png", content=content)
    assert "'a.png' and 'copy.png' are one picture with different labels" in refusal(folder)
    folder.box(copied, BOX)
    catalog = coco(folder.save())
    assert catalog.counts.tolist() == [[1, 0], [0, 2]]
    assert catalog.left_out == ("copy.png: the same picture, with the same labels, as a.png",)
    folder.annotations[-1]["bbox"] = [50, 50, 30, 30]
    assert "are one picture with different labels" in refusal(folder)


def test_options_that_are_none_are_refused(folder):
    folder.save()
    for name, allowed in (("missing", "skip"), ("repeated", "uncountable")):
        with pytest.raises(InvalidArgument, match=f"{name}='maybe'.*'refuse', '{allowed}'"):
            load_catalog(f"coco:{folder.path}?{name}=maybe")


NUMBER = st.one_of(
    st.integers(-50, 150),
    st.floats(-50, 150),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e300, -1e300, 10**400, 0, 100, 101, 101.5]),
)
SANE = st.tuples(
    st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40)
).map(list)
ENTRIES = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.sampled_from([7, 9]),
        st.one_of(SANE, SANE, st.lists(NUMBER, min_size=4, max_size=4)),
        st.sampled_from([0, 0, 0, 1]),
    ),
    max_size=12,
)


@given(ENTRIES, st.sampled_from([0.0, 0.01, 0.1]), st.integers(1, 4))
def test_generated_labels_are_counted_as_a_loop_counts_them(
    tmp_path_factory, entries, min_share, most
):
    """The oracle reads the JSON that was written, box by box, and never trusts a repeated one."""
    made = CocoFolder(tmp_path_factory.mktemp("coco"))
    made.image("a.png")
    made.image("b.png")
    for image, category, box, crowd in entries:
        made.box(image, box, category, iscrowd=crowd)
    catalog = coco(made.save(), min_share=min_share, max_instances=most, repeated="uncountable")
    written = json.loads((made.path / "annotations" / "instances.json").read_text())
    for row, image in enumerate((1, 2)):
        for column, category in enumerate((7, 9)):
            boxes = [
                (entry["bbox"], entry["iscrowd"])
                for entry in written["annotations"]
                if (entry["image_id"], entry["category_id"]) == (image, category)
            ]
            sound = 0
            for box, crowd in boxes:
                left, top, width, height = box
                sense = all(-1e9 < v < 1e9 for v in box) and (
                    -1 <= left < 100
                    and -1 <= top < 100
                    and left + width <= 101
                    and top + height <= 101
                    and min(left + width, 100) > max(left, 0)
                    and min(top + height, 100) > max(top, 0)
                )
                alone = [other for other, _ in boxes].count(box) == 1
                sound += bool(sense and alone and not crowd and width * height / 1e4 >= min_share)
            certain = sound == len(boxes) and sound <= most
            assert catalog.uncountable[row, column] == (not certain)
            if certain:
                assert catalog.counts[row, column] == sound
                assert (row in catalog.exactly(column, sound)) is True
            else:
                assert row not in [*catalog.showing(column), *catalog.without(column)], (
                    "neither needle nor distractor"
                )
    assert np.isfinite(catalog.areas).all()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"images": [], "categories": [], "annotations": [], "annotations": []}', "annotations"),
        ('{"annotations": [{"category_id": 1, "id": 1, "category_id": 2}]}', "category_id"),
    ],
)
def test_a_key_twice_is_refused_by_name(folder, text, key):
    folder.save()
    (folder.path / "annotations" / "instances.json").write_text(text)
    with pytest.raises(CatalogError, match=f"the key '{key}' stands twice in one object"):
        coco(folder.path)


def test_what_is_to_be_ignored_makes_its_class_uncountable_there(folder):
    folder.annotations[1]["ignore"] = 1
    folder.annotations[0]["ignore"] = 0
    catalog = coco(folder.save())
    assert catalog.uncountable.tolist() == [[False, False], [False, True]]
    assert [doubt.reason for doubt in catalog.doubts()] == ["an instance marked to be ignored"]
    folder.annotations[1]["ignore"] = "yes"
    assert "annotation 2 has ignore='yes', not 0 or 1" in refusal(folder)


def test_a_class_that_is_not_annotated_exhaustively_is_uncountable_there(folder):
    third = folder.image("c.png")
    folder.images[1]["not_exhaustive_category_ids"] = [9]
    folder.images[third - 1]["not_exhaustive_category_ids"] = [7]
    folder.images[0]["file_name"] = "missing.png"
    catalog = coco(folder.save(), missing="skip")
    assert catalog.uncountable.tolist() == [[False, True], [True, False]]
    assert [doubt.reason for doubt in catalog.doubts()] == ["not annotated exhaustively"]
    folder.images[1]["not_exhaustive_category_ids"] = [8]
    assert "not_exhaustive_category_ids=[8], not ids of 'categories'" in refusal(folder)


def test_labels_that_verify_no_absence_are_refused_as_sparse(folder):
    folder.images[0]["neg_category_ids"] = [9]
    said = refusal(folder)
    assert "image 1 has 'neg_category_ids'" in said
    assert "verified for some classes only" in said


def test_a_value_that_is_there_as_another_kind_is_shown(folder):
    folder.annotations[0]["category_id"] = "7"
    assert "category_id='7', which is not in 'categories' (7 is)" in refusal(folder)
    folder.annotations[0]["category_id"] = True
    folder.categories[0]["id"] = 1
    folder.categories[1]["id"] = 9
    assert "annotation 1 has category_id=True, which is not in 'categories'" in refusal(folder)
