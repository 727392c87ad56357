"""OpenImages labels: what is certain, against a second oracle that walks the raw rows one by
one.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mimic_checks.catalog import load_catalog
from mimic_checks.catalog.openimages import openimages
from mimic_checks.catalog.presence import Presence, presence
from mimic_checks.catalog.spec import load_presence
from mimic_checks.catalog.states import ABSENT, DOUBT, PRESENT
from mimic_checks.errors import CatalogError, InvalidArgument

NAMES = {
    "/m/animal": "Animal",
    "/m/dog": "Dog",
    "/m/cat": "Cat",
    "/m/vehicle": "Vehicle",
    "/m/car": "Car",
    "/m/bus": "Bus",
    "/m/wheel": "Wheel",
}
TREE = {
    "LabelName": "/m/0bl9f",
    "Subcategory": [
        {
            "LabelName": "/m/animal",
            "Subcategory": [{"LabelName": "/m/dog"}, {"LabelName": "/m/cat"}],
        },
        {
            "LabelName": "/m/vehicle",
            "Subcategory": [
                {"LabelName": "/m/car", "Part": [{"LabelName": "/m/wheel"}]},
                {"LabelName": "/m/bus"},
            ],
        },
        {"LabelName": "/m/wheel"},
    ],
}
PARENT = {
    "/m/dog": "/m/animal",
    "/m/cat": "/m/animal",
    "/m/car": "/m/vehicle",
    "/m/bus": "/m/vehicle",
}
BOX = [
    "ImageID",
    "Source",
    "LabelName",
    "Confidence",
    "XMin",
    "XMax",
    "YMin",
    "YMax",
    "IsOccluded",
    "IsTruncated",
    "IsGroupOf",
    "IsDepiction",
    "IsInside",
]


class Box(NamedTuple):
    """A row of the file of boxes."""

    image: str
    label: str
    width: float
    group: int = 0
    depiction: int = 0
    occluded: int = 0
    confidence: float = 1
    top: float = 0.0


def write(
    folder: Path,
    boxes: list[tuple],
    labels: list[tuple] | None,
    images: list[str],
    *,
    tree: bool = True,
) -> Path:
    """`boxes`: as `Box`; `labels`: (image, label, confidence)."""
    (folder / "images").mkdir(parents=True)
    for image in images:
        Image.new("RGB", (8, 8), (int(image, 16) % 255, 0, 0)).save(
            folder / "images" / f"{image}.jpg"
        )
    (folder / "class-descriptions-boxable.csv").write_text(
        "".join(f"{k},{v}\n" for k, v in NAMES.items())
    )
    with (folder / "train-annotations-bbox.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(BOX)
        for box in (Box(*given) for given in boxes):
            where = (0.0, box.width, box.top, 1.0)
            flags = (box.occluded, 0, box.group, box.depiction, 0)
            writer.writerow([box.image, "xclick", box.label, box.confidence, *where, *flags])
    if labels is not None:
        with (folder / "train-annotations-human-imagelabels-boxable.csv").open(
            "w", newline=""
        ) as file:
            csv.writer(file).writerows(
                [
                    ["ImageID", "Source", "LabelName", "Confidence"],
                    *[(i, "verification", k, c) for i, k, c in labels],
                ]
            )
    if tree:
        (folder / "bbox_labels_600_hierarchy.json").write_text(json.dumps(TREE))
    return folder


def kin(label: str) -> set[str]:
    """A label and everything below it."""
    return {label} | {child for child, parent in PARENT.items() if parent == label}


def state(
    image: str, label: str, boxes: list[tuple], labels: list[tuple], min_share: float = 0.01
) -> int:
    """The oracle: what the raw rows prove about one class in one image."""
    own = [Box(*b) for b in boxes if b[0] == image]
    said = [x for x in labels if x[0] == image]
    positive = {k for _, k, c in said if c == 1} | {b.label for b in own}
    negative = set().union(*[kin(k) for _, k, c in said if c == 0]) if said else set()
    below = kin(label) & positive
    if below and label in negative:
        return DOUBT
    if label in negative:
        return ABSENT
    mine = [b for b in own if b.label in below]
    visible = [
        b
        for b in mine
        if b.confidence == 1 and 0 < b.width <= 1 and b.width * (1 - b.top) >= min_share
    ]
    good = [
        b
        for b in visible
        if (b.group, b.depiction) == (0, 0)
        and b.occluded in (0, 1)
        and [(o.label, o.width, o.top) for o in mine].count((b.label, b.width, b.top)) == 1
    ]
    boxed = all(any(b.label == k for b in mine) for k in below)
    if label in positive and boxed and len(good) == len(mine) and 0 < len(good) <= 10:
        return len(good)
    return PRESENT if visible else DOUBT


IMAGES = [f"{k:016x}" for k in (0xA, 0xFFFF_0000_0000_0001, 0x1234)]
RAW_BOXES = st.lists(
    st.builds(
        Box,
        st.sampled_from(IMAGES),
        st.sampled_from(list(NAMES)),
        st.sampled_from([0.5, 0.9, 0.9, 0.005, -0.5, 2.0, float("nan")]),
        st.sampled_from([0, 0, 0, 0, 1, -1]),
        st.sampled_from([0, 0, 0, 0, 1, -1]),
        st.sampled_from([0, 0, 1, 1, -1]),
        st.sampled_from([1, 1, 1, 1, 0]),
        st.sampled_from([0.0, 0.1, 0.2, 0.3]),
    ),
    min_size=1,
    max_size=14,
)
RAW_LABELS = st.lists(
    st.tuples(st.sampled_from(IMAGES), st.sampled_from(list(NAMES)), st.sampled_from([0, 1])),
    max_size=12,
)


@given(RAW_BOXES, RAW_LABELS)
def test_states_are_what_the_rows_prove(tmp_path_factory, boxes, labels):
    folder = write(tmp_path_factory.mktemp("oi"), boxes, labels, IMAGES)
    found = openimages(folder)
    columns = [name.lower() for name in NAMES.values()]
    assert list(found.class_names) == columns
    for row in range(len(found)):
        image = found.source.describe(row).removesuffix(".jpg")
        expected = [state(image, label, boxes, labels) for label in NAMES]
        assert found.of([row])[0].tolist() == expected
        assert [found.state(row, c) for c in range(len(columns))] == expected
    for c in range(len(columns)):
        table = found.of(range(len(found)))[:, c]
        assert sorted(found.showing(c)) == np.flatnonzero(table >= PRESENT).tolist()
        assert sorted(found.verified_absent(c)) == np.flatnonzero(table == ABSENT).tolist()
        assert all(
            sorted(found.exactly(c, k)) == np.flatnonzero(table == k).tolist()
            for k in found.counts(c)
        )


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(IMAGES[0], "/m/car", 0.5), 1),
        (Box(IMAGES[0], "/m/car", 0.5, group=-1), PRESENT),
        (Box(IMAGES[0], "/m/car", 0.5, depiction=-1), PRESENT),
        (Box(IMAGES[0], "/m/car", 0.5, occluded=-1), PRESENT),
        (Box(IMAGES[0], "/m/car", 0.5, occluded=1), 1),
        (Box(IMAGES[0], "/m/car", -0.5), DOUBT),
        (Box(IMAGES[0], "/m/car", 1.5), DOUBT),
        (Box(IMAGES[0], "/m/car", 0.5, confidence=0), DOUBT),
    ],
)
def test_what_one_box_proves(tmp_path, box, expected):
    """Also where nobody says -1 of a box, since some exports leave those columns out."""
    found = openimages(write(tmp_path / "oi", [box], [], IMAGES))
    assert found.state(0, 4) == expected


def test_a_box_that_stands_there_twice_is_no_count(tmp_path):
    twice = [Box(IMAGES[0], "/m/car", 0.5)] * 2
    assert openimages(write(tmp_path / "a", twice, [], IMAGES)).state(0, 4) == PRESENT
    apart = [twice[0], twice[0]._replace(top=0.25)]
    assert openimages(write(tmp_path / "b", apart, [], IMAGES)).state(0, 4) == 2


def test_files_with_a_byte_order_mark_are_read(tmp_path):
    folder = write(tmp_path / "oi", [Box(IMAGES[0], "/m/car", 0.5)], [], IMAGES)
    before = openimages(folder)
    for path in (*folder.glob("*.csv"), *folder.glob("*.json")):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    after = openimages(folder)
    assert after.class_names == before.class_names
    assert (after.states == before.states).all()
    assert dict(after.groups) == dict(before.groups)


def test_flags_that_an_export_leaves_out_are_not_asked_for(tmp_path):
    folder = write(tmp_path / "oi", [Box(IMAGES[0], "/m/car", 0.5)], [], IMAGES)
    boxes = folder / "train-annotations-bbox.csv"
    with boxes.open(newline="") as file:
        rows = [
            [cell for name, cell in row.items() if name not in ("IsOccluded", "Confidence")]
            for row in csv.DictReader(file)
        ]
    head = [name for name in BOX if name not in ("IsOccluded", "Confidence")]
    boxes.write_text("\n".join(",".join(line) for line in [head, *rows]) + "\n")
    assert openimages(folder).state(0, 4) == 1


@pytest.mark.parametrize("most", [0, -1, True])
def test_a_limit_that_is_none_is_refused(tmp_path, most):
    folder = write(tmp_path / "oi", [Box(IMAGES[0], "/m/car", 0.5)], [], IMAGES)
    with pytest.raises(InvalidArgument, match=f"max_instances={most}"):
        openimages(folder, max_instances=most)


def test_two_classes_of_one_name_are_named(tmp_path):
    folder = write(tmp_path / "oi", [Box(IMAGES[0], "/m/car", 0.5)], [], IMAGES)
    with (folder / "class-descriptions-boxable.csv").open("a") as file:
        file.write("/m/cars,Cars\n/m/dog,Hound\n")
    with pytest.raises(CatalogError, match=r"'Car' \(/m/car\) and 'Cars' \(/m/cars\)") as info:
        openimages(folder)
    assert "/m/dog twice: 'Dog' and 'Hound'" in str(info.value)


def test_parts_are_no_kinds_and_groups_are_siblings(tmp_path):
    found = openimages(write(tmp_path / "oi", [(IMAGES[0], "/m/car", 0.5, 0, 0)], [], IMAGES))
    assert {
        name: [found.class_names[c] for c in members] for name, members in found.groups.items()
    } == {"animal": ["dog", "cat"], "vehicle": ["car", "bus"]}


def test_absence_goes_down_and_counts_go_up_only_where_verified(tmp_path):
    a, b, c = IMAGES
    boxes = [
        (a, "/m/car", 0.5, 0, 0),
        (a, "/m/car", 0.4, 0, 0),
        (b, "/m/car", 0.5, 0, 0),
        (b, "/m/bus", 0.5, 0, 0),
        (b, "/m/vehicle", 0.5, 0, 0),
    ]
    found = openimages(write(tmp_path / "oi", boxes, [(c, "/m/vehicle", 0)], IMAGES))
    by_image = {
        found.source.describe(row)[:16]: dict(
            zip(found.class_names, found.of([row])[0].tolist(), strict=True)
        )
        for row in range(3)
    }
    assert (by_image[a]["car"], by_image[a]["vehicle"]) == (
        2,
        PRESENT,
    )  # nobody verified "vehicle": a bus may be there unboxed
    assert (by_image[b]["car"], by_image[b]["bus"], by_image[b]["vehicle"]) == (1, 1, 3)
    assert [by_image[c][name] for name in ("vehicle", "car", "bus", "dog")] == [
        ABSENT,
        ABSENT,
        ABSENT,
        DOUBT,
    ]


def test_only_images_on_disk_are_used(tmp_path):
    boxes = [(image, "/m/car", 0.5, 0, 0) for image in IMAGES]
    found = openimages(write(tmp_path / "oi", boxes, [], IMAGES[:1]))
    assert [found.source.describe(row) for row in range(len(found))] == [f"{IMAGES[0]}.jpg"]
    assert found.source.file(0).is_file()


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda f: (f / "train-annotations-bbox.csv").unlink(), "0 files of boxes"),
        (
            lambda f: (f / "validation-annotations-bbox.csv").write_text(",".join(BOX)),
            "2 files of boxes",
        ),
        (
            lambda f: (f / "train-annotations-bbox.csv").write_text(
                "ImageID,LabelName\na,/m/car\n"
            ),
            "expected the official columns",
        ),
        (
            lambda f: (f / "class-descriptions-boxable.csv").write_text("Dog\n"),
            "is not 'label,name'",
        ),
        (
            lambda f: (f / "bbox_labels_600_hierarchy.json").write_text("[1]"),
            "not the official layout",
        ),
        (
            lambda f: [path.unlink() for path in (f / "images").iterdir()],
            "has no images named <ImageID>.jpg",
        ),
    ],
)
def test_a_broken_folder_is_named(tmp_path, break_it, says):
    folder = write(tmp_path / "oi", [(IMAGES[0], "/m/car", 0.5, 0, 0)], [], IMAGES)
    break_it(folder)
    with pytest.raises(CatalogError, match=says):
        openimages(folder)


def test_an_image_id_that_is_none_is_named(tmp_path):
    folder = write(tmp_path / "oi", [("not-an-image-id!", "/m/car", 0.5, 0, 0)], [], IMAGES)
    with pytest.raises(
        CatalogError, match="ImageID='not-an-image-id!' is not 16 hexadecimal digits"
    ):
        openimages(folder)


def test_by_spec(tmp_path):
    folder = write(tmp_path / "oi", [(IMAGES[0], "/m/car", 0.02, 0, 0)], [], IMAGES)
    car = 4
    assert load_presence(f"openimages:{folder}").state(0, car) == 1
    assert load_presence(f"openimages:{folder}?min_share=0.1").state(0, car) == DOUBT
    with pytest.raises(InvalidArgument, match="min_share=2.0"):
        load_presence(f"openimages:{folder}?min_share=2.0")


def test_the_official_sample_reads(tmp_path):
    sample = Path(__file__).parents[3] / "shared" / "data" / "openimages_format_sample"
    if not sample.is_dir():
        pytest.skip("the OpenImages format sample is not at hand")
    (tmp_path / "images").mkdir()
    for path in sample.glob("*.csv"):
        (tmp_path / path.name).symlink_to(path)
    ids = [line.rpartition("/")[2] for line in (sample / "image_ids.txt").read_text().split()]
    for image in ids:
        Image.new("RGB", (8, 8)).save(tmp_path / "images" / f"{image}.jpg")
    found = load_presence(f"openimages:{tmp_path}")
    with (sample / "validation-annotations-bbox.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {found.source.describe(row)[:16] for row in range(len(found))} == {
        r["ImageID"] for r in rows
    } & set(ids)
    assert len(found.class_names) == len(
        (sample / "class-descriptions-boxable.csv").read_text().splitlines()
    )
    assert not found.exhaustive
    assert any(len(found.showing(c)) for c in range(len(found.class_names)))
    assert not any(len(found.verified_absent(c)) for c in range(len(found.class_names)))


def test_a_catalog_in_which_everything_was_looked_for_is_exhaustive():
    catalog = load_catalog("rendered?scenes=60&families=0")
    found: Presence = presence(catalog)
    assert found.exhaustive
    states = found.of(range(len(catalog)))
    assert (np.where(states == ABSENT, 0, states) == catalog.counts).all()
