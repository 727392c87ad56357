"""Object masks: against pycocotools' own decoding, turned as the picture is, and never from
nonsense."""

from __future__ import annotations

import io
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps
from pycocotools import mask as coco_mask

from mimic_checks.catalog import coco, rendered
from mimic_checks.catalog import segmentation as module
from mimic_checks.catalog.boxes import turned
from mimic_checks.catalog.segmentation import parse_segmentation
from tests.catalog.coco_folder import CocoFolder

WIDTH, HEIGHT = 12, 9


def decoded(encoded) -> np.ndarray:
    """pycocotools' own way from run lengths to pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numpy, about pycocotools
        return coco_mask.decode(encoded).astype(bool)


BITS = st.lists(st.booleans(), min_size=WIDTH * HEIGHT, max_size=WIDTH * HEIGHT).map(
    lambda bits: np.array(bits).reshape(HEIGHT, WIDTH)
)


@given(BITS, st.booleans())
def test_run_lengths_are_read_as_pycocotools_reads_them(mask, compress):
    encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    if compress:
        found = {"size": encoded["size"], "counts": encoded["counts"].decode()}
    else:
        flat = mask.T.ravel()
        edges = np.flatnonzero(np.diff(flat)) + 1
        bounds = [0, *edges.tolist(), len(flat)]
        counts = np.diff(bounds).tolist()
        found = {"size": [HEIGHT, WIDTH], "counts": [0, *counts] if flat[0] else counts}
    assert (parse_segmentation(found, WIDTH, HEIGHT).mask() == mask).all()
    assert (decoded(encoded) == mask).all()


POINT = st.tuples(st.floats(-1, WIDTH + 1), st.floats(-1, HEIGHT + 1))
POLYGON = st.lists(POINT, min_size=3, max_size=8).map(lambda points: [v for p in points for v in p])


@given(st.lists(POLYGON, min_size=1, max_size=3))
def test_polygons_are_filled_as_pycocotools_fills_them(polygons):
    expected = decoded(coco_mask.merge(coco_mask.frPyObjects(polygons, HEIGHT, WIDTH)))
    assert (parse_segmentation(polygons, WIDTH, HEIGHT).mask() == expected).all()


def test_photos_have_the_masks_that_pycocotools_gives(photos):
    from pycocotools.coco import COCO

    index = COCO(str(photos / "annotations" / "instances.json"))
    for entry in list(index.anns.values())[::9]:
        image = index.imgs[entry["image_id"]]
        mask = parse_segmentation(entry["segmentation"], image["width"], image["height"]).mask()
        assert (mask == index.annToMask(entry).astype(bool)).all()


SQUARE = [2, 2, 8, 2, 8, 7, 2, 7]
NONSENSE = [
    (None, "no segmentation"),
    ([], "no segmentation"),
    ({}, "no segmentation"),
    ("", "no segmentation"),
    ([[]], "fewer than three points"),
    ([SQUARE, []], "fewer than three points"),
    ([[1, 1, 5, 5]], "fewer than three points"),
    ([[1, 1, 5, 5, 3]], "odd number"),
    ([SQUARE, [1, 1, 5, 5, 3, 3, 3]], "odd number"),
    ([SQUARE, [*SQUARE[:-1], 1e300]], "leaves the picture"),
    ([[*SQUARE[:-1], -1e300]], "leaves the picture"),
    ([[*SQUARE[:-1], 10**400]], "leaves the picture"),
    ([[*SQUARE[:-1], math.nan]], "leaves the picture"),
    ([[*SQUARE[:-1], math.inf]], "leaves the picture"),
    ([[*SQUARE[:-1], 11]], "leaves the picture"),
    ([[0, 0, 12, 9] * 200_000], "endless outline"),
    (SQUARE, "no list of numbers"),
    ([[[2, 2], [8, 2], [8, 7]]], "no list of numbers"),
    ([["2", "2", "8", "2", "8", "7"]], "no list of numbers"),
    ([[True, 2, 8, 2, 8, 7]], "no list of numbers"),
    ([[None, 2, 8, 2, 8, 7]], "no list of numbers"),
    ("polygon", "neither polygons nor"),
    (7, "neither polygons nor"),
    ({"size": [9, 12]}, "no list of numbers from 0"),
    ({"counts": [108]}, "another size"),
    ({"size": [12, 9], "counts": [108]}, "another size"),
    ({"size": 9, "counts": [108]}, "another size"),
    ({"size": [9, 12], "counts": [107]}, "do not fill"),
    ({"size": [9, 12], "counts": [100, 9]}, "do not fill"),
    ({"size": [9, 12], "counts": [2**64, 8]}, "do not fill"),
    ({"size": [9, 12], "counts": [200, -92]}, "no list of numbers from 0"),
    ({"size": [9, 12], "counts": [54.0, 54.0]}, "no list of numbers from 0"),
    ({"size": [9, 12], "counts": ["108"]}, "no list of numbers from 0"),
    ({"size": [9, 12], "counts": [True, 107]}, "no list of numbers from 0"),
    ({"size": [9, 12], "counts": {}}, "no list of numbers from 0"),
    ({"size": [9, 12], "counts": ""}, "do not fill"),
    ({"size": [9, 12], "counts": "\n"}, "cannot be read"),
    ({"size": [9, 12], "counts": "l3\u20ac"}, "cannot be read"),
    ({"size": [9, 12], "counts": "o"}, "cannot be read"),
    ({"size": [9, 12], "counts": "oooooooooo0"}, "cannot be read"),
    ({"size": [9, 12], "counts": "O"}, "cannot be read"),
    ({"size": [9, 12], "counts": "l30\x00l3"}, "cannot be read"),
]


@pytest.mark.parametrize(("found", "reason"), NONSENSE)
def test_nonsense_is_refused_with_its_reason_before_any_c_code(monkeypatch, found, reason):
    monkeypatch.setattr(module.coco_mask, "frPyObjects", None)
    with pytest.raises(ValueError, match=reason):
        parse_segmentation(found, WIDTH, HEIGHT)


@pytest.mark.parametrize(
    "size", [(12.5, 9), (0, 9), (-12, 9), (2**20, 2**20), (math.inf, 9), (math.nan, 9)]
)
def test_a_picture_of_no_size_has_no_mask(size):
    with pytest.raises(ValueError, match="no whole number of pixels"):
        parse_segmentation([SQUARE], *size)


VALUE = st.one_of(
    st.floats(),
    st.floats(-1, 13),
    st.integers(-2, 120),
    st.integers(),
    st.sampled_from([1e300, 2**63, None, True, "7"]),
)
ANYTHING = st.one_of(
    st.lists(st.lists(VALUE, max_size=10), max_size=3),
    st.lists(st.lists(st.floats(-2, 14), min_size=6, max_size=10), max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "size": st.one_of(st.just([HEIGHT, WIDTH]), st.lists(VALUE, max_size=3)),
            "counts": st.one_of(
                st.lists(VALUE, max_size=6),
                st.lists(st.integers(0, 60), max_size=6),
                st.text("0123456789OPQl30o_`\x00\n\u20ac", max_size=8),
                st.text(max_size=8),
                st.binary(max_size=8),
            ),
        },
    ),
    st.recursive(VALUE, lambda inner: st.lists(inner, max_size=4), max_leaves=8),
)


@given(ANYTHING)
@example([[0.0] * 6])
def test_whatever_is_there_gives_a_mask_or_a_reason(found):
    """What gets as far as C is looked at on its way there."""
    real = coco_mask.frPyObjects

    def seen(polygons, height, width):
        assert (height, width) == (HEIGHT, WIDTH)
        for polygon in polygons:
            assert len(polygon) >= 6
            assert len(polygon) % 2 == 0
            assert all(type(v) is float and -1 <= v <= 13 for v in polygon)
        return real(polygons, height, width)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.coco_mask, "frPyObjects", seen)
        try:
            mask = parse_segmentation(found, WIDTH, HEIGHT).mask()
        except ValueError:
            return
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask.dtype == bool


@given(
    st.integers(1, 8),
    st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(1, 6), st.integers(1, 4)),
)
def test_boxes_are_turned_as_pillow_turns_pixels(orientation, box):
    left, top, width, height = box
    picture = Image.new("L", (WIDTH, HEIGHT))
    picture.paste(255, (left, top, left + width, top + height))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    picture.save(stream, "PNG", exif=exif)
    shown = ImageOps.exif_transpose(Image.open(stream))
    x, y, w, h = turned(box, WIDTH, HEIGHT, orientation)
    assert shown.getbbox() == (x, y, x + w, y + h)


def oriented(size, orientation, box, kind="JPEG") -> bytes:
    """White, and blue in a box of the stored pixels."""
    picture = Image.new("RGB", size, "white")
    left, top, width, height = box
    picture.paste((0, 0, 255), (left, top, left + width, top + height))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    picture.save(stream, kind, exif=exif, **options)
    return stream.getvalue()


def outline(box) -> list[float]:
    left, top, width, height = box
    return [left, top, left + width, top, left + width, top + height, left, top + height]


STORED = (8, 4, 32, 16)
"""An object of the stored pixels of an 80 x 40 file."""


def rle_of(box, size):
    """Compressed run lengths of a box, by Pillow and pycocotools."""
    picture = Image.new("L", size)
    ImageDraw.Draw(picture).rectangle(
        (box[0], box[1], box[0] + box[2] - 1, box[1] + box[3] - 1), fill=1
    )
    encoded = coco_mask.encode(np.asfortranarray(np.asarray(picture, dtype=np.uint8)))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("as_shown", [True, False])
@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "polygon", "runs"])
def test_picture_boxes_and_masks_agree_in_a_turned_photo(tmp_path, orientation, as_shown, kind):
    """Labels of the shown picture and of the stored pixels, told apart by their size."""
    file_kind = "TIFF" if kind == "TIFF" else "JPEG"
    size, box = (80, 40), STORED
    if as_shown:
        size, box = (40, 80), turned(STORED, 80, 40, orientation)
    segmentation = rle_of(box, size) if kind == "runs" else [outline(box)]
    made = CocoFolder(tmp_path)
    made.image("a.jpg", size, content=oriented((80, 40), orientation, STORED, file_kind))
    made.box(1, list(box), segmentation=segmentation)
    catalog = coco(made.save())
    picture = np.asarray(catalog.source.load(0)[0])
    blue = (picture[..., 2] > 200) & (picture[..., 0] < 60)
    assert blue.shape == (80, 40)
    assert blue.sum() == 32 * 16
    assert (catalog.masks(0, 0) == blue).all()
    rows, columns = np.argwhere(blue).min(0)[0], np.argwhere(blue).min(0)[1]
    ((left, top, width, height),) = catalog.boxes(0, 0)
    assert (left, top) == (columns, rows)
    assert blue[int(top) : int(top + height), int(left) : int(left + width)].all()
    assert not catalog.masks(0, 1).any()
    assert catalog.masks(0, 1).shape == (80, 40)
    assert catalog.exactly(0, 1).tolist() == [0]


@pytest.mark.parametrize(
    ("size", "orientation"), [((40, 40), 6), ((80, 40), 2), ((80, 40), 3), ((80, 40), 4)]
)
def test_where_labels_could_be_of_either_orientation_nothing_has_a_place(
    tmp_path, size, orientation
):
    made = CocoFolder(tmp_path)
    made.image("a.jpg", size, content=oriented(size, orientation, STORED))
    made.box(1, list(STORED), segmentation=[outline(STORED)])
    catalog = coco(made.save())
    assert catalog.exactly(0, 1).tolist() == [0], "what is counted is the same both ways"
    assert catalog.masks(0, 0) is None
    assert catalog.boxes(0, 0) is None
    (doubt,) = catalog.doubts()
    assert doubt.kind == "unlocalizable"
    assert doubt.where == ((0, 0),)


def test_a_malformed_segmentation_takes_the_mask_of_its_class_there_and_no_other(tmp_path):
    made = CocoFolder(tmp_path)
    good = [[10, 10, 40, 10, 40, 40, 10, 40]]
    for name, broken in (("a.png", [[]]), ("b.png", None), ("c.png", [[1e300] * 6])):
        image = made.image(name)
        made.box(image, [10, 10, 30, 30], 7, segmentation=good)
        made.box(image, [50, 50, 30, 30], 7, segmentation=broken)
        made.box(image, [10, 50, 30, 30], 9, segmentation=good)
    catalog = coco(made.save())
    for row in range(3):
        assert catalog.masks(row, 0) is None
        assert catalog.masks(row, 1).sum() == 900
    assert catalog.exactly(0, 2).tolist() == [0, 1, 2]
    assert {doubt.reason: doubt.where for doubt in catalog.doubts()} == {
        "a polygon of fewer than three points": ((0, 0),),
        "no segmentation": ((1, 0),),
        "a polygon that leaves the picture": ((2, 0),),
    }


def test_a_segmentation_that_covers_nothing_is_no_mask(tmp_path):
    made = CocoFolder(tmp_path)
    made.image("a.png")
    made.box(1, [10, 10, 30, 30], segmentation={"size": [100, 100], "counts": [10_000]})
    assert coco(made.save()).masks(0, 0) is None


def test_without_any_segmentation_there_are_no_masks(tmp_path):
    made = CocoFolder(tmp_path)
    made.image("a.png")
    made.box(1, [10, 10, 30, 30])
    catalog = coco(made.save())
    assert catalog.masks is None
    assert catalog.doubts() == ()
    assert catalog.boxes(0, 0) == ((10, 10, 30, 30),)


def test_rendered_scenes_have_boxes_around_their_masks():
    catalog = rendered(scenes=4, families=0)
    row, column = np.argwhere(catalog.counts == 1)[0]
    ((left, top, width, height),) = catalog.boxes(int(row), int(column))
    found = np.argwhere(catalog.masks(int(row), int(column)))
    assert (top, left) == tuple(found.min(0))
    assert (top + height, left + width) == tuple(found.max(0) + 1)


def test_masks_work_where_warnings_are_errors(tmp_path):
    """In a process of its own: nothing imported before, no filter of this suite's."""
    made = CocoFolder(tmp_path)
    made.image("a.png")
    made.box(1, [10, 10, 30, 30], segmentation=[[10, 10, 40, 10, 40, 40]])
    made.box(1, [10, 10, 30, 30], 9, segmentation=rle_of((10, 10, 30, 30), (100, 100)))
    program = (
        "import sys; from mimic_checks.catalog import coco, rendered, write_coco;"
        "from pathlib import Path;"
        "c = coco(sys.argv[1]); print(c.masks(0, 0).sum() > 0, c.masks(0, 1).sum());"
        "write_coco(rendered(scenes=2, families=0), Path(sys.argv[1], 'again'))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(made.save())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "True 900\n"), done.stderr
