"""MIRB: both forms of its files, kinds of golds, and what each harness makes of an answer."""

from __future__ import annotations

import json
import zipfile

import pyarrow.parquet as pq
import pytest

from mimic_checks.errors import SuiteError
from mimic_checks.suites.item import Refused
from mimic_checks.suites.mirb import MIRB
from mimic_checks.suites.scoring import RIGHT, WRONG
from mimic_checks.suites.suite import open_suite
from mimic_checks.tasks import Choice, Number, ShortText, YesNo
from tests.suites.hub_parquet import write
from tests.suites.known import known
from tests.suites.scenes import scene

ASKED = [
    ("food", "Which dish is it? A: soup B: rice", "B"),
    ("codeu", "What does it print?", "E"),
    ("image_jigsaw", "Which order?", "A"),
    ("sightseeing", "Where is this?", "Paris"),
    ("sightseeing", "Is it in Rome?", "No"),
    ("plot_code", "Which library drew it?", "seaborn"),
    ("analogy", "Do both change alike?", "no"),
    ("attribute", "Are they of one colour?", "Yes"),
    ("count", "How many boats?", "3"),
    ("visual_chain", "Follow the arrows.", "12"),
    ("3d_scene", "How many objects?", "5"),
    ("arxiv", "Which paper cites it?", "On Boats"),
]
SUBSETS = [
    "food",
    "sightseeing",
    "codeu",
    "plot_code",
    "analogy",
    "3d_scene",
    "image_jigsaw",
    "count",
    "attribute",
    "visual_chain",
    "arxiv",
]


def hub(folder, asked=ASKED, images=2):
    columns = {
        "question_id": list(range(len(asked))),
        "subset": [subset for subset, *_ in asked],
        "questions": [question for _, question, _ in asked],
        "answers": [answer for *_, answer in asked],
        "image_list": [[scene(2 * n + at) for at in range(images)] for n in range(len(asked))],
    }
    write(folder / "data/test-00000-of-00001.parquet", columns, lists=["image_list"])
    return folder


def authors(folder, asked=ASKED, zipped=False):
    """The authors' own files: a JSON a sub-set, golds as numbers where they are, archive beside."""
    folder.mkdir(exist_ok=True)
    archive = zipfile.ZipFile(folder / "images.zip", "w")
    tables = {"count_concat": [{"questions": "?", "answers": 1, "images": []}]}
    for number, (subset, question, answer) in enumerate(asked):
        names = [f"images/{subset}/{number}_{at}.png" for at in range(2)]
        gold = int(answer) if answer.isdigit() else answer
        record = {"questions": question, "answers": gold, "images": names}
        tables.setdefault(subset, []).append(record)
        for at, name in enumerate(names):
            archive.writestr(name, scene(2 * number + at))
    archive.close()
    for subset, records in tables.items():
        (folder / f"{subset}.json").write_text(json.dumps(records))
    if not zipped:
        zipfile.ZipFile(folder / "images.zip").extractall(folder)
        (folder / "images.zip").unlink()
    return folder


def read(folder):
    return list(MIRB.read(folder))


def test_every_row_is_what_pyarrow_reads(tmp_path):
    hub(tmp_path)
    rows = pq.read_table(next(tmp_path.rglob("*.parquet"))).to_pylist()
    items = read(tmp_path)
    assert len(items) == len(rows) == 12
    for item, one in zip(items, rows, strict=True):
        assert item.id == f"{one['subset']} {one['question_id']}"
        assert item.category == one["subset"]
        assert item.question == (0, 1, one["questions"])
        assert [p.read() for p in item.images] == [cell["bytes"] for cell in one["image_list"]]
        assert item.truth.text.lower() == one["answers"].lower()


@pytest.mark.parametrize("zipped", [False, True])
def test_the_authors_files_hold_the_same(tmp_path, zipped):
    expected = {
        (item.category, item.question, item.truth): [p.read() for p in item.images]
        for item in read(hub(tmp_path / "hub"))
    }
    found = read(authors(tmp_path / "json", zipped=zipped))
    assert {
        (item.category, item.question, item.truth): [p.read() for p in item.images]
        for item in found
    } == expected
    assert {item.category for item in found} == set(SUBSETS)  # and no control


def test_kinds_of_golds(tmp_path):
    letters = tuple("ABCDE")
    assert [item.truth for item in read(hub(tmp_path))] == [
        Choice(1, letters),
        Choice(4, letters),
        Choice(0, letters),
        ShortText(("Paris",)),
        YesNo(False),
        ShortText(("seaborn",)),
        YesNo(False),
        YesNo(True),
        Number(3),
        Number(12),
        Number(5),
        ShortText(("On Boats",)),
    ]


def test_impossible_items_are_refused_by_name(tmp_path):
    asked = [
        ("food", "?", "F"),
        ("food", "?", "soup"),
        ("count", "?", "many"),
        ("analogy", "?", "maybe"),
        ("arxiv", "?", " "),
        ("arxiv", "<image>?", "On Boats"),
        ("arxiv", "?", "On Boats"),
        ("count_text", "?", "5"),
    ]
    *refused, item = read(hub(tmp_path, asked))
    assert item.id == "arxiv 6"
    assert [(one.id, one.reason) for one in refused] == [
        ("food 0", "its gold 'F' is not one of A to E"),
        ("food 1", "its gold 'soup' is not one of A to E"),
        ("count 2", "its gold 'many' is not a number"),
        ("analogy 3", "its gold 'maybe' is neither yes nor no"),
        ("arxiv 4", "it has no answer"),
        ("arxiv 5", "1 placeholders <image> and 2 images"),
    ]


def test_missing_pictures_are_refused_by_name(tmp_path):
    authors(tmp_path)
    (tmp_path / "images/food/0_1.png").unlink()
    refused = [one for one in read(tmp_path) if isinstance(one, Refused)]
    assert [(one.id, one.reason.split("/")[-1]) for one in refused] == [
        ("food 0", "0_1.png' is missing")
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("{}", "is not a list of questions"),
        ('[{"question": "?"}]', "entry 0: .'question'.* allowed: an object with"),
        ('[{"questions": "?", "answers": 1, "images": "a"}]', "entry 0: a text as questions"),
    ],
)
def test_wrong_files_are_refused_at_load(tmp_path, content, words):
    (tmp_path / "food.json").write_text(content)
    with pytest.raises(SuiteError, match=words):
        read(tmp_path)


def test_wrong_columns_and_hidden_answers_are_refused_at_load(tmp_path):
    write(tmp_path / "a/test-0.parquet", {"question_id": [1], "subset": ["food"]})
    with pytest.raises(SuiteError, match="no column 'questions', 'answers', 'image_list'; it has"):
        read(tmp_path / "a")
    with pytest.raises(SuiteError, match="hides its answers"):
        read(hub(tmp_path / "b", [("food", "?", "")]))


def test_categories_are_in_the_order_of_the_groups(tmp_path):
    assert MIRB.categories(hub(tmp_path / "hub")) == SUBSETS
    assert MIRB.categories(authors(tmp_path / "json")) == SUBSETS


def test_prompts(tmp_path):
    items = {item.category: item for item in read(hub(tmp_path))}
    views = "The following images are different views of the same 3D scene. "
    number = "Answer with a single number."
    assert MIRB.templates["official"](items["3d_scene"]) == (
        f"{views}{number}\n",
        0,
        "\n",
        1,
        "\nHow many objects?",
    )
    assert MIRB.templates["lmms-eval"](items["count"]) == (f"{number}How many boats?",)
    assert MIRB.templates["InternVL"](items["codeu"]) == (
        "Image-1: ",
        0,
        "\nImage-2: ",
        1,
        "\nWhat does it print?\nAnswer with the option symbol.",
    )
    assert MIRB.templates["ours"](items["food"]) == (
        0,
        1,
        "Which dish is it? A: soup B: rice\nAnswer with the option's letter.",
    )
    single = read(hub(tmp_path / "single", ASKED[8:9], images=1))[0]
    assert MIRB.templates["InternVL"](single) == (0, f"\nHow many boats?\n{number}")
    assert next(iter(MIRB.templates)) == "official"


@pytest.mark.parametrize(
    ("subset", "answer", "internvl", "lmms_eval"),
    [
        ("food", "B", RIGHT, RIGHT),
        ("food", "b", RIGHT, WRONG),
        ("food", "B.", RIGHT, RIGHT),
        ("food", "B. soup", RIGHT, RIGHT),
        ("food", " B", RIGHT, WRONG),  # lmms-eval compares the raw text
        ("food", "(B)", WRONG, WRONG),
        ("analogy", "no", RIGHT, RIGHT),
        ("analogy", "Error", RIGHT, WRONG),  # what InternVL writes where generation throws
        ("analogy", "", RIGHT, WRONG),
        ("analogy", "Yes", WRONG, WRONG),
        ("analogy", "I know nothing of it", RIGHT, RIGHT),  # "no" within a word
        ("analogy", "No.\nYes", RIGHT, RIGHT),
        ("attribute", "Yes, they are", RIGHT, RIGHT),
        ("attribute", "eyes", RIGHT, RIGHT),
        ("attribute", "\nyes", RIGHT, RIGHT),
        ("attribute", "They do. Yes", WRONG, RIGHT),  # cut at the first full stop
        ("count", "3", RIGHT, RIGHT),
        ("count", "three", RIGHT, WRONG),
        ("count", "Third", RIGHT, WRONG),
        ("count", "3 or 4", RIGHT, RIGHT),
        ("count", "4 or 3", WRONG, RIGHT),
        ("count", "There are 3 boats", RIGHT, RIGHT),
        ("count", "There are three boats", WRONG, WRONG),
        ("count", "3.001", RIGHT, RIGHT),
        ("count", "-3", RIGHT, WRONG),
        ("visual_chain", "The answer is 12.", RIGHT, RIGHT),
        ("visual_chain", "12,000", RIGHT, WRONG),
        ("visual_chain", "so 12, is it", RIGHT, WRONG),  # the shortest end: "it"
        ("sightseeing", "In Paris. Of course", RIGHT, RIGHT),
        ("sightseeing", "Of course. In Paris", WRONG, RIGHT),
        ("plot_code", "Seaborn", RIGHT, RIGHT),
        ("plot_code", "It is seaborn", WRONG, RIGHT),
        ("arxiv", "on boats", RIGHT, RIGHT),
    ],
)
def test_scores_by_hand(tmp_path_factory, subset, answer, internvl, lmms_eval):
    folder = tmp_path_factory.getbasetemp() / "mirb-scores"
    if not folder.exists():
        hub(folder)
    item = next(item for item in read(folder) if item.category == subset)
    assert MIRB.scores["InternVL"].rule(item, answer) == internvl
    assert MIRB.scores["lmms-eval"].rule(item, answer) == lmms_eval


def test_a_gold_of_one_letter_is_multiple_choice_for_lmms_eval_in_any_sub_set(tmp_path):
    (item,) = read(hub(tmp_path, [("arxiv", "?", "A")]))
    assert MIRB.scores["lmms-eval"].rule(item, "A boat") == WRONG
    assert MIRB.scores["lmms-eval"].rule(item, "A. boat") == RIGHT


def test_aggregates(tmp_path):
    items = read(hub(tmp_path))
    right = ("food", "count", "3d_scene", "arxiv")
    points = [(item, float(item.category in right)) for item in items]
    knowledge, reasoning, perception, hops = (1 + 0) / 2, 1 / 4, 1 / 3, (0 + 1) / 2
    mean = (knowledge + reasoning + perception + hops) / 4
    assert MIRB.scores["InternVL"].aggregate(points) == pytest.approx(mean)
    assert MIRB.scores["lmms-eval"].aggregate(points) == pytest.approx(4 / 12)
    halved = [(item, 1.0) for item in items if item.category == "food"]
    assert MIRB.scores["InternVL"].aggregate(halved) == 1


def test_the_official_number_needs_option_scores(tmp_path):
    official = MIRB.scores["official"]
    assert official.rule is None
    assert "score options" in official.why_not


def test_opened_as_a_suite(tmp_path):
    known(MIRB)
    suite = open_suite(f"mirb:{hub(tmp_path)}?template=ours")
    assert not suite.refused
    assert {category for category, items in suite.asked.items() if items} == set(SUBSETS)
