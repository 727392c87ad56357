"""MMIU: options in one text, golds that are none, archives, and the official rule."""

from __future__ import annotations

import zipfile

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mimic_checks.errors import InvalidArgument, SuiteError
from mimic_checks.suites.item import Refused, Unusable
from mimic_checks.suites.mmiu import MMIU, split_options
from mimic_checks.suites.scoring import JUDGED, RIGHT, WRONG
from mimic_checks.suites.suite import open_suite
from tests.suites.hub_parquet import write
from tests.suites.known import known
from tests.suites.scenes import scene, write_scene

OPTIONS = "A: the first\nB: the second\nC: none"


def row(number, images=2, home="2D-spatial", **changes):
    task = changes.pop("task", "Homography_estimation")
    made = {
        "task": task,
        "visual_input_component": "natural image",
        "source": "made up",
        "options": OPTIONS,
        "question": "Which is larger?",
        "context": f"Sizes are in metres. \nSelect from the following choices.\n{OPTIONS}",
        "input_image_path": [f"./{home}/{task}/{number}_{at}.png" for at in range(images)],
        "output": "B",
    }
    return made | changes


def mini(folder, rows, pictures=True):
    write(folder / "all.parquet", {name: [one[name] for one in rows] for name in rows[0]})
    for number, one in enumerate(rows):
        for at, path in enumerate(one["input_image_path"] if pictures else ()):
            write_scene(folder / path, (3 * number + at) % 64)
    return folder


NLVR2 = row(
    1,
    home="High-level-obj-semantic",
    task="visually_grounded_reasoning_nlvr2",
    options="A: true\nB: false",
    question="Is it true or false?",
    context="There are three dogs. Is it true or false? Select from the following options.\n"
    "A: true\nB: false\n",
)
ROWS = [row(0), NLVR2, row(2, task="face_retrieval", output="C"), row(3, images=1, output="a")]
IMPOSSIBLE = [
    row(4, output="G"),
    row(5, output=None),
    row(6, options="the first, the second"),
    row(7, options="A: the first"),
    row(8, options="A: one\nB:\nC: three"),
    row(9, images=0),
    row(10, input_image_path=["../secret.png"]),
    row(11, input_image_path=["/etc/passwd"]),
]


@pytest.fixture
def folder(tmp_path):
    return mini(tmp_path, [*ROWS[:3], row(3, images=1)])


def read(folder, **options):
    return list(MMIU.read(folder, **options))


def test_every_row_is_what_pyarrow_reads(folder):
    rows = pq.read_table(folder / "all.parquet").to_pylist()
    items = read(folder)
    assert len(items) == len(rows) == 4
    for number, (item, one) in enumerate(zip(items, rows, strict=True)):
        assert item.id == f"{one['task']} {number}"
        assert item.category == one["task"]
        pictures = [(folder / path[2:]).read_bytes() for path in one["input_image_path"]]
        assert [picture.read() for picture in item.images] == pictures
        lines = [line.split(": ") for line in one["options"].split("\n")]
        assert [("".join(option),) for option in item.options] == [(text,) for _, text in lines]
        assert lines[item.truth.index][0] == one["output"]
        assert list(item.question[: len(pictures)]) == list(range(len(pictures)))


def test_the_question_has_what_only_the_context_says_and_no_options(folder):
    sizes, nlvr2, *_ = read(folder)
    assert sizes.question[2:] == ("Sizes are in metres.\nWhich is larger?",)
    assert nlvr2.question[2:] == ("There are three dogs.\nIs it true or false?",)


def test_impossible_items_are_refused_by_name(tmp_path):
    mini(tmp_path, [*ROWS, *IMPOSSIBLE], pictures=False)
    for one in ROWS[:3]:
        for path in one["input_image_path"]:
            write_scene(tmp_path / path, 1)
    assert [(one.id, one.reason) for one in read(tmp_path) if isinstance(one, Refused)] == [
        ("Homography_estimation 3", "its gold 'a' is not one of its 3 options"),
        ("Homography_estimation 4", "its gold 'G' is not one of its 3 options"),
        ("Homography_estimation 5", "it has no answer"),
        (
            "Homography_estimation 6",
            "its options begin with 'the first, the second', not with 'A: ...'",
        ),
        ("Homography_estimation 7", "its options 'A: the first' are not two or more texts"),
        (
            "Homography_estimation 8",
            r"its options 'A: one\nB:\nC: three' are not two or more texts",
        ),
        ("Homography_estimation 9", "it has no image"),
        ("Homography_estimation 10", "its picture '../secret.png' is no path in the folder"),
        ("Homography_estimation 11", "its picture '/etc/passwd' is no path in the folder"),
    ]


def test_missing_pictures_are_refused_by_name_and_a_folder_without_any_at_load(folder):
    (folder / "2D-spatial/face_retrieval/2_1.png").unlink()
    refused = [one for one in read(folder) if isinstance(one, Refused)]
    name = "'./2D-spatial/face_retrieval/2_1.png'"
    assert [(one.id, one.reason) for one in refused] == [
        ("face_retrieval 2", f"its picture {name} is missing")
    ]
    (folder / "2D-spatial").rename(folder / "a")
    (folder / "High-level-obj-semantic").rename(folder / "b")
    with pytest.raises(SuiteError, match=r"none of its images; put at least .*2D-spatial\.zip"):
        read(folder)


def test_of_archives_that_are_not_there_nothing_is_a_category(folder):
    (folder / "2D-spatial").rename(folder / "elsewhere")
    assert MMIU.categories(folder) == ["visually_grounded_reasoning_nlvr2"]
    assert MMIU.categories(folder, level="relation") == ["High-level-obj-semantic"]
    asked = [one.category for one in read(folder) if not isinstance(one, Refused)]
    assert asked == ["visually_grounded_reasoning_nlvr2"]


def test_pictures_of_a_few_pixels_are_asked_about(tmp_path):
    mini(tmp_path, [row(0)])
    Image.new("RGB", (1, 2)).save(tmp_path / row(0)["input_image_path"][0][2:])
    known(MMIU)
    assert not open_suite(f"mmiu:{tmp_path}").refused


@pytest.mark.parametrize("inside", ["2D-spatial/", ""])
def test_archives_need_not_be_unpacked(tmp_path, inside):
    mini(tmp_path, [row(0), row(1)], pictures=False)
    with zipfile.ZipFile(tmp_path / "2D-spatial.zip", "w") as archive:
        for number in range(4):
            name = f"{inside}Homography_estimation/{number // 2}_{number % 2}.png"
            archive.writestr(name, scene(number))
    items = read(tmp_path)
    assert [[p.read() for p in item.images] for item in items] == [
        [scene(0), scene(1)],
        [scene(2), scene(3)],
    ]
    assert items[0].images[0].name.startswith("2D-spatial.zip/")
    (tmp_path / "2D-spatial.zip").write_bytes(b"no archive")
    refused = read(tmp_path)
    assert {one.reason for one in refused} == {
        "the archive 2D-spatial.zip cannot be read: File is not a zip file"
    }
    with pytest.raises(OSError):
        items[0].images[0].read()


def test_a_hidden_table_and_wrong_columns_are_refused_at_load(tmp_path):
    mini(tmp_path, [row(0, output=""), row(1, output=None)])
    with pytest.raises(SuiteError, match="hides its answers"):
        read(tmp_path)
    write(tmp_path / "all.parquet", {"task": ["a"], "answer": ["A"]})
    with pytest.raises(SuiteError, match="'input_image_path'; it has 'task', 'answer'"):
        read(tmp_path)


def test_categories_by_task_or_relation(folder):
    tasks = ["Homography_estimation", "visually_grounded_reasoning_nlvr2", "face_retrieval"]
    assert MMIU.categories(folder) == tasks
    relations = ["2D-spatial", "High-level-obj-semantic"]
    assert MMIU.categories(folder, level="relation") == relations
    found = {item.category for item in read(folder, level="relation")}
    assert found == set(relations)
    with pytest.raises(InvalidArgument, match="level='kind' .* 'task', 'relation'"):
        read(folder, level="kind")


TEXT = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1).filter(str.strip)


@given(st.lists(TEXT, min_size=2, max_size=8), st.sampled_from([": ", ":", ". ", ") "]))
def test_options_come_back_from_their_text(texts, mark):
    lines = [f"{letter}{mark}{text}" for letter, text in zip("ABCDEFGH", texts, strict=False)]
    assert split_options("\n".join(lines)) == [text.strip() for text in texts]


@given(st.text())
def test_any_text_is_options_or_refused(text):
    try:
        options = split_options(text)
    except Unusable:
        return
    assert len(options) >= 2
    assert all(options)


def test_options_of_several_lines():
    assert split_options("A: one\nand more\nC: still A\nB: two\n") == [
        "one\nand more\nC: still A",
        "two",
    ]


def test_prompts(folder):
    first, _, retrieval, single = read(folder)
    context = f"Sizes are in metres. \nSelect from the following choices.\n{OPTIONS}"
    directly = "Please answer the option directly like A,B,C,D..."
    assert MMIU.templates["official"](first) == (0, 1, f"{context}\nWhich is larger?\n{directly}")
    assert MMIU.templates["official"](retrieval) == (
        0,
        1,
        f"Which is larger?\n{context}\n{directly}",
    )
    assert MMIU.templates["MIMIC"](single) == (
        "Question: ",
        0,
        f"\n{context}\nWhich is larger?\n{directly} Answer: ",
    )
    letter = "Answer with the option's letter from the given choices directly."
    assert MMIU.templates["InternVL"](first) == (
        "Image-1: ",
        0,
        "\nImage-2: ",
        1,
        f"\nWhich is larger?\n{context}\n{letter}",
    )
    assert next(iter(MMIU.templates)) == "official"


@pytest.mark.parametrize(
    ("answer", "points"),
    [
        ("B", RIGHT),
        (" b ", RIGHT),
        ("(B).", RIGHT),
        ("B\xa0", RIGHT),
        ("A", WRONG),
        ("N", WRONG),  # a letter the scorer knows, of no option
        ("O", JUDGED),  # a letter it does not know
        ("B: the second", JUDGED),
        ("the second", JUDGED),
        ("", WRONG),
        ("image none", WRONG),
        ("model error or image error", WRONG),
        ("...", JUDGED),
        ("*B*", JUDGED),  # only . , ( ) are taken off
    ],
)
def test_the_official_rule_by_hand(folder, answer, points):
    item = read(folder)[0]
    assert MMIU.scores["official"].rule(item, answer) == points
    assert set(MMIU.scores) == {"official"}


@pytest.mark.parametrize("level", ["task", "relation"])
def test_overall_is_the_mean_over_tasks_whatever_the_levels(folder, level):
    items = read(folder, level=level)
    points = list(zip(items, (1.0, 0.0, 0.0, 1.0), strict=True))
    assert MMIU.scores["official"].aggregate(points) == pytest.approx((1 + 0 + 0) / 3)


def test_opened_as_a_suite(folder):
    known(MMIU)
    suite = open_suite(f"mmiu:{folder}?level=relation")
    assert set(suite.asked) == {"2D-spatial", "High-level-obj-semantic"}
    assert not suite.refused
