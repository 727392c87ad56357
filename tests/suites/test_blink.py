"""BLINK: folders of sub-tasks, hidden and relabelled answers, and what harnesses make of one."""

from __future__ import annotations

import hashlib
import json

import pyarrow.parquet as pq
import pytest

from mimic_checks.errors import InvalidArgument, SuiteError
from mimic_checks.suites.blink import BLINK
from mimic_checks.suites.item import Refused
from mimic_checks.suites.scoring import JUDGED, RIGHT, WRONG
from mimic_checks.suites.suite import open_suite
from tests.suites.hub_parquet import write
from tests.suites.known import known
from tests.suites.scenes import scene

IMAGES = ["image_1", "image_2", "image_3", "image_4"]


def row(task, number, images=1, split="val", **changes):
    choices = changes.get("choices", ["the left", "the right"])
    shown = "\n".join(f"({letter}) {text}" for letter, text in zip("ABCDE", choices, strict=False))
    made = {
        "idx": f"{split}_{task}_{number}",
        "sub_task": task,
        "question": "Which boat is nearer?",
        "prompt": f"Look at them. Which boat is nearer?\nSelect from the following.\n{shown}",
        "choices": choices,
        "answer": "(B)",
        "explanation": "",
    }
    made |= {name: scene(number + at) if at < images else None for at, name in enumerate(IMAGES)}
    return made | changes


def mini(folder, rows, split="val"):
    for task in dict.fromkeys(one["sub_task"] for one in rows):
        own = [one for one in rows if one["sub_task"] == task]
        columns = {name: [one[name] for one in own] for name in own[0]}
        write(folder / task / f"{split}-00000-of-00001.parquet", columns, images=IMAGES)
    return folder


ROWS = [
    row("Relative_Reflectance", 1, choices=["A is darker", "B is darker", "About the same"]),
    row("Relative_Reflectance", 2, choices=["that", "this", "same"], answer="(C)"),
    row("Jigsaw", 1, images=3, answer="(A)"),
    row("Art_Style", 1, images=4, question="Which is <image>?"),
    row("Visual_Similarity", 1, images=2, choices=["one", "two"], answer="(D)"),
    row("Visual_Similarity", 2, images=2),
]


@pytest.fixture
def folder(tmp_path):
    mini(tmp_path, ROWS)
    return mini(tmp_path, [row("Jigsaw", 1, split="test", answer="hidden")], "test")


def read(folder, **options):
    return list(BLINK.read(folder, **options))


def test_every_row_is_what_pyarrow_reads(folder):
    rows = [
        one
        for path in sorted(folder.glob("*/val-*.parquet"))
        for one in pq.read_table(path).to_pylist()
    ]
    items = {item.id: item for item in read(folder) if not isinstance(item, Refused)}
    assert len(rows) == 6
    for one in rows:
        if one["idx"] in ("val_Art_Style_1", "val_Visual_Similarity_1"):
            assert one["idx"] not in items
            continue
        item = items[one["idx"]]
        cells = [one[f"image_{n}"] for n in (1, 2, 3, 4)]
        pictures = [cell["bytes"] for cell in cells if cell is not None]
        assert [picture.read() for picture in item.images] == pictures
        assert item.question == (*range(len(pictures)), one["question"])
        assert item.options == tuple((text,) for text in one["choices"])
        assert f"({'ABCD'[item.truth.index]})" == one["answer"]
        assert item.category == one["sub_task"]
        assert item.raw["prompt"] == one["prompt"]


def test_impossible_items_are_refused_by_name(folder):
    assert [(one.id, one.reason) for one in read(folder) if isinstance(one, Refused)] == [
        ("val_Art_Style_1", "1 placeholders <image> and 4 images"),
        ("val_Visual_Similarity_1", "its gold 'D' is not one of its 2 options"),
    ]


def test_the_hidden_split_is_refused_at_load(folder):
    with pytest.raises(SuiteError, match="hides its answers .* read the split with answers"):
        read(folder, split="test")
    with pytest.raises(InvalidArgument, match="split='train' .* 'val', 'test'"):
        read(folder, split="train")


def test_wrong_columns_are_refused_at_load(tmp_path):
    write(tmp_path / "val-0.parquet", {"idx": ["1"], "choices": [["a"]]})
    with pytest.raises(SuiteError, match="no column 'sub_task', 'question', .*; it has 'idx', 'ch"):
        read(tmp_path)


def test_categories_are_the_configs_in_their_order(folder):
    expected = ["Art_Style", "Jigsaw", "Relative_Reflectance", "Visual_Similarity"]
    assert BLINK.categories(folder) == expected


def test_the_key_says_which_labels_were_read_and_never_guesses(folder, tmp_path):
    pairs = [["val_Relative_Reflectance_1", "(B)"], ["val_Relative_Reflectance_2", "(C)"]]
    digest = hashlib.sha256(json.dumps(pairs).encode()).hexdigest()[:12]
    start = f"val, Relative_Reflectance {digest}, stated: "
    assert BLINK.key(folder) == start + "nothing"
    assert BLINK.key(folder, key="since-2025-09") == start + "since-2025-09"
    with pytest.raises(InvalidArgument, match="key='new' .* 'before-2025-09', 'since-2025-09'"):
        read(folder, key="new")
    relabelled = mini(tmp_path / "new", [{**ROWS[0], "answer": "(A)"}, *ROWS[1:]])
    assert BLINK.key(relabelled) not in (BLINK.key(folder), "val")
    other = mini(tmp_path / "other", ROWS[2:3])
    assert BLINK.key(other) == "val, without Relative_Reflectance"


def test_prompts(folder):
    item = next(item for item in read(folder) if item.id == "val_Jigsaw_1")
    prompt = item.raw["prompt"]
    assert BLINK.templates["official"](item) == (prompt, 0, 1, 2)
    assert BLINK.templates["official-images-first"](item) == (0, 1, 2, prompt)
    note = "Note: You only need to respond with A, B without providing any additional information."
    assert BLINK.templates["lmms-eval"](item) == (f"{note}\n{prompt}",)
    assert BLINK.templates["VLMEvalKit"](item) == (
        0,
        1,
        2,
        "Question: Which boat is nearer?\nOptions:\nA. the left\nB. the right\n"
        "Please select the correct answer from the options above. \n",
    )
    assert next(iter(BLINK.templates)) == "official"


@pytest.mark.parametrize(
    ("answer", "official", "lmms_eval"),
    [
        ("(B)", RIGHT, RIGHT),
        ("B", RIGHT, RIGHT),
        ("b", JUDGED, RIGHT),
        ("B.", JUDGED, RIGHT),
        ("B ", JUDGED, RIGHT),  # not the bare letter, and "(B)" is not there
        ("(A)", WRONG, WRONG),
        ("The correct answer is (B)", RIGHT, WRONG),  # lmms-eval reads T
        ("Based on the picture, the left", JUDGED, RIGHT),  # lmms-eval reads B
        ("I choose (B).", JUDGED, WRONG),  # "(B)." is no mark that stands alone
        ("(A) is far, (B) is near", JUDGED, WRONG),
        ("Not (A) but\n\nclearly (B)", RIGHT, WRONG),  # the last paragraph
        ("(B) it is\n\nSo much for that", RIGHT, RIGHT),
        ("(C)", WRONG, WRONG),
        ("it is (C) I think", JUDGED, WRONG),  # two options: (C) is no mark of theirs
        ("", JUDGED, WRONG),
        ("42", JUDGED, WRONG),
    ],
)
def test_scores_by_hand(folder, answer, official, lmms_eval):
    item = next(item for item in read(folder) if item.id == "val_Visual_Similarity_2")
    assert BLINK.scores["official"].rule(item, answer) == official
    assert BLINK.scores["lmms-eval"].rule(item, answer) == lmms_eval


def test_the_official_total_is_the_mean_of_sub_tasks_and_the_others_are_micro(folder):
    items = [item for item in read(folder) if not isinstance(item, Refused)]
    points = [(item, 1.0 if item.category == "Relative_Reflectance" else 0.0) for item in items]
    assert BLINK.scores["official"].aggregate(points) == pytest.approx((0 + 1 + 0) / 3)
    assert BLINK.scores["lmms-eval"].aggregate(points) == pytest.approx(2 / 4)
    assert BLINK.scores["VLMEvalKit"].aggregate(points) == pytest.approx(2 / 4)


def test_opened_as_a_suite_and_rotated(folder):
    known(BLINK)
    suite = open_suite(f"blink:{folder}?key=since-2025-09")
    assert [refused.id for refused in suite.refused] == [
        "val_Art_Style_1",
        "val_Visual_Similarity_1",
    ]
    assert suite.key.endswith("since-2025-09")
    assert open_suite(f"blink:{folder}?template=ours&rotate=true").items
    with pytest.raises(InvalidArgument, match="words the options itself"):
        open_suite(f"blink:{folder}?rotate=true")
