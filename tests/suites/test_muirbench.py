"""MuirBench: pictures inside options, twins, and what each harness makes of an answer."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from mimic_checks.cases import Group
from mimic_checks.errors import SuiteError
from mimic_checks.suites.item import Refused
from mimic_checks.suites.muirbench import MUIRBENCH
from mimic_checks.suites.scoring import RIGHT, WRONG, Points
from mimic_checks.suites.suite import open_suite
from tests.suites.hub_parquet import write
from tests.suites.known import known
from tests.suites.scenes import scene

NONE = "None of the choices provided"


def row(idx, twin, **changes):
    made = {
        "idx": idx,
        "task": "Counting",
        "image_relation": "Independent Images",
        "image_type": "Photography",
        "question": "How many boats are in <image> and <image>?",
        "options": ["one", "two", NONE],
        "answer": "B",
        "image_list": [scene(int(idx)), scene(int(idx) + 20)],
        "counterpart_idx": twin,
    }
    return made | changes


def mini(folder, rows, shard="test-00000-of-00001", **options):
    columns = {name: [one[name] for one in rows] for name in rows[0]}
    return write(folder / f"data/{shard}.parquet", columns, lists=["image_list"], **options)


ROWS = [
    row("0", "1"),
    row("1", "0", question="How many cats are in <image> and <image>?", answer="C"),
    row(
        "2",
        "3",
        task="Visual Retrieval",
        question="Which is like <image>?",
        options=["<image>", "the <image> one", "none"],
        image_list=[scene(2), scene(3), scene(4)],
        answer="A",
    ),
    row(
        "3", "2", task="Visual Retrieval", question="Which is it?", options=["x", NONE], answer="B"
    ),
    row("4", ""),
]
IMPOSSIBLE = [
    row("5", "", answer="D"),
    row("6", "", question="Where is <image>?"),
    row("7", "", answer=""),
    row("8", "", question="<image><image><image>?"),
    row("9", "", question=None),
    row("10", "", options=["one", None, "two"]),
]


@pytest.fixture
def folder(tmp_path):
    mini(tmp_path, ROWS[:3], "test-00000-of-00002", group=2)
    mini(tmp_path, ROWS[3:], "test-00001-of-00002")
    return tmp_path


def read(folder):
    return list(MUIRBENCH.read(folder))


def words(pieces, images):
    """Pieces with a picture's bytes in the place of its number."""
    return [piece if isinstance(piece, str) else images[piece] for piece in pieces]


def oracle(folder):
    """The rows as pyarrow has them; placeholders are filled one after the other."""
    for path in sorted(folder.rglob("*.parquet")):
        for one in pq.read_table(path).to_pylist():
            pictures = [cell["bytes"] for cell in one["image_list"]]
            left = list(pictures)
            texts = []
            for text in [one["question"], *one["options"]]:
                parts = []
                while "<image>" in text:
                    before, text = text.split("<image>", 1)
                    parts += [before, left.pop(0)]
                texts.append([part for part in [*parts, text] if part != ""])
            if len(left) == len(pictures):
                texts[0] = [*left, *texts[0]]
            yield one, pictures, texts


def test_every_row_is_what_pyarrow_reads(folder):
    items = read(folder)
    expected = list(oracle(folder))
    assert len(items) == len(expected) == 5
    for item, (one, pictures, (question, *options)) in zip(items, expected, strict=True):
        images = [picture.read() for picture in item.images]
        assert images == pictures
        assert words(item.question, images) == question
        assert [words(option, images) for option in item.options] == options
        assert "ABC"[item.truth.index] == one["answer"]
        assert (item.id, item.category) == (one["idx"], one["task"])
        assert item.raw["image_relation"] == one["image_relation"]


def test_twins_are_one_group_and_have_roles(folder):
    items = read(folder)
    assert [item.group for item in items] == ["0|1", "0|1", "2|3", "2|3", ""]
    assert [item.role for item in items[:2]] == ["answerable", "unanswerable"]
    assert [item.raw["refusals"] for item in items] == ["C", "C", "", "B", "C"]


def test_a_gold_that_is_a_refusal_in_other_words_is_one(tmp_path):
    golds = ["None of the above", "none of these", "Nonesuch", "There is none of them"]
    rows = [row(str(n), "", options=["x", gold], answer="B") for n, gold in enumerate(golds)]
    mini(tmp_path, rows)
    roles = [item.role for item in read(tmp_path)]
    assert roles == ["unanswerable", "unanswerable", "answerable", "answerable"]


def test_impossible_items_are_refused_by_name(tmp_path):
    mini(tmp_path, [*ROWS, *IMPOSSIBLE])
    refused = [entry for entry in read(tmp_path) if isinstance(entry, Refused)]
    assert [(one.id, one.reason) for one in refused] == [
        ("5", "its gold 'D' is not one of its 3 options"),
        ("6", "1 placeholders <image> and 2 images"),
        ("7", "it has no answer"),
        ("8", "3 placeholders <image> and 2 images"),
        ("9", "it has no question"),
        ("10", "number 2 of its options is missing"),
    ]


def test_wrong_files_are_refused_at_load(tmp_path):
    with pytest.raises(SuiteError, match="no Parquet file"):
        read(tmp_path)
    write(tmp_path / "test-0.parquet", {"idx": ["1"], "question": ["?"]})
    with pytest.raises(SuiteError, match="has no column 'task', .*'image_list'; it has 'idx'"):
        read(tmp_path)
    mini(tmp_path / "hidden", [row(str(n), "", answer="") for n in range(3)])
    with pytest.raises(SuiteError, match="hides its answers"):
        read(tmp_path / "hidden")


def test_categories_are_in_the_paper_s_order(folder):
    assert MUIRBENCH.categories(folder) == ["Counting", "Visual Retrieval"]


def test_prompts(folder):
    items = read(folder)
    assert MUIRBENCH.templates["official"](items[0]) == (
        "Question: How many boats are in ",
        0,
        " and ",
        1,
        f"?\nChoices:\n(A) one\n(B) two\n(C) {NONE}\n"
        "Hint: Please provide the correct option letter, such as A, B, C, D, directly.\nAnswer:",
    )
    letter = "Answer with the option's letter from the given choices directly."
    assert MUIRBENCH.templates["VLMEvalKit"](items[2]) == (
        "Which is like ",
        0,
        "?\nA. ",
        1,
        "\nB. the ",
        2,
        f" one\nC. none\n{letter}",
    )
    shown = MUIRBENCH.templates["VLMEvalKit"](items[2])
    assert MUIRBENCH.templates["lmms-eval"](items[2]) == shown
    assert MUIRBENCH.templates["ours"](items[2])[:2] == ("Which is like ", 0)
    assert next(iter(MUIRBENCH.templates)) == "official"


DRAWN = Points(0, 1, 1 / 3)


@pytest.mark.parametrize(
    ("answer", "official", "lmms_eval"),
    [
        ("B", RIGHT, RIGHT),
        (" b ", DRAWN, RIGHT),  # the official script knows capitals only
        ("B.", RIGHT, RIGHT),
        ("(B)", RIGHT, WRONG),
        ("B)", DRAWN, WRONG),  # neither `(B)` nor ` B `
        ("The answer is B", RIGHT, WRONG),
        ("B because it floats", RIGHT, WRONG),
        ("B. because", DRAWN, RIGHT),  # "B." inside stands not between spaces
        ("(A) or rather (B)", RIGHT, WRONG),
        ("(B) rather than A", RIGHT, WRONG),  # brackets hide the letter that stands last
        ("B, not (A)", WRONG, WRONG),
        ("I count two of the boats here", RIGHT, WRONG),  # more than five words: by text
        ("I count two boats", DRAWN, WRONG),
        ("two, or one, I can not say", WRONG, WRONG),  # the last text
        ("A boat and nothing more", WRONG, WRONG),  # the article is an answer
        ("", DRAWN, WRONG),
        ("no idea", DRAWN, WRONG),
    ],
)
def test_scores_by_hand(folder, answer, official, lmms_eval):
    item = read(folder)[0]
    assert MUIRBENCH.scores["official"].rule(item, answer) == official
    assert MUIRBENCH.scores["lmms-eval"].rule(item, answer) == lmms_eval


def test_all_scores_are_micro(folder):
    items = read(folder)
    points = list(zip(items, (1.0, 1.0, 0.0, 0.0, 1.0), strict=True))
    assert set(MUIRBENCH.scores) == {"official", "lmms-eval", "VLMEvalKit"}
    for score in MUIRBENCH.scores.values():
        assert score.aggregate(points) == pytest.approx(3 / 5)


def test_opened_as_a_suite(folder):
    known(MUIRBENCH)
    suite = open_suite(f"muirbench:{folder}?groups=true")
    groups = [one for items in suite.asked.values() for one in items if isinstance(one, Group)]
    assert [group.roles for group in groups][:1] == [("answerable", "unanswerable")]
    assert not suite.refused
