"""Questions of a team's own: what the page shows is read, what is wrong is named by line and
field."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.errors import SuiteError
from mimic_checks.suites.item import Refused
from mimic_checks.suites.jsonl import JSONL
from mimic_checks.tasks.truth import Choice, Number, ShortText, YesNo
from tests.suites.scenes import scene, write_scene

PAGE = Path(__file__).parents[2] / "docs" / "suites_jsonl.md"
CHOICE = {
    "id": "1",
    "kind": "multiple_choice",
    "question": "Which?",
    "images": ["a.png"],
    "options": ["one", "two"],
    "answer": "B",
}
YES = {"id": "2", "kind": "yes_no", "question": "Is it?", "images": ["a.png"], "answer": "no"}


def write(folder, lines, *, pictures=("a.png", "b.png")):
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(pictures):
        write_scene(folder / name, number)
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "questions.jsonl").write_text(text)
    return folder


def read(folder):
    return list(JSONL.read(folder))


def page_lines():
    (block,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return block.splitlines()


def write_page(folder):
    """The page's example with its pictures."""
    lines = page_lines()
    pictures = [name for line in lines for name in json.loads(line)["images"]]
    return write(folder, lines, pictures=pictures)


def test_the_page_s_example_is_read(tmp_path):
    folder = write_page(tmp_path / "own")
    records = [json.loads(line) for line in page_lines()]
    items = read(folder)
    assert [item.id for item in items] == [record["id"] for record in records]
    assert {type(item.truth) for item in items} == {Choice, YesNo, Number, ShortText}
    assert any(isinstance(piece, int) for item in items for o in item.options for piece in o)
    assert any(item.group for item in items)
    for item, record in zip(items, records, strict=True):
        for picture, name in zip(item.images, record["images"], strict=True):
            assert picture.read() == (folder / name).read_bytes()
    assert JSONL.categories(folder) == list(
        dict.fromkeys(record.get("category", "questions") for record in records)
    )


def test_each_kind_of_answer(tmp_path):
    lines = [
        CHOICE,
        YES,
        {**YES, "id": "3", "answer": "yes"},
        {**YES, "id": "4", "kind": "number", "answer": 3},
        {**YES, "id": "5", "kind": "number", "answer": -1.5, "tolerance": 0.25},
        {**YES, "id": "6", "kind": "short_text", "answer": ["a car", "an automobile"]},
    ]
    assert [item.truth for item in read(write(tmp_path / "own", lines))] == [
        Choice(1, ("one", "two")),
        YesNo(False),
        YesNo(True),
        Number(3),
        Number(-1.5, 0.25),
        ShortText(("a car", "an automobile")),
    ]


def test_images_stand_at_their_marks_in_question_and_options(tmp_path):
    line = {
        **CHOICE,
        "question": "Like <image>, which?",
        "images": ["a.png", "b.png", "a.png"],
        "options": ["<image>", "this: <image>", "neither"],
    }
    (item,) = read(write(tmp_path / "own", [line]))
    assert item.question == ("Like ", 0, ", which?")
    assert item.options == ((1,), ("this: ", 2), ("neither",))
    assert item.truth == Choice(1, ("", "", "neither"))
    assert [picture.read() for picture in item.images] == [scene(0), scene(1), scene(0)]
    assert JSONL.templates["ours"](item) == (
        *("Like ", 0, ", which?\nA. ", 1, "\nB. this: ", 2),
        "\nC. neither\nAnswer with the option's letter.",
    )


def test_without_marks_images_come_first(tmp_path):
    (item,) = read(write(tmp_path / "own", [{**YES, "images": ["a.png", "b.png"]}]))
    assert item.question == (0, 1, "Is it?")
    assert JSONL.templates["ours"](item) == (0, 1, "Is it? Answer with yes or no.")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"answer": "C"}, "its gold 'C' is not one of its options A to B"),
        ({"images": ["a.png", "c.png"]}, "its image 'c.png' is missing"),
        ({"question": "<image> and <image>?"}, "2 placeholders <image> and 1 images"),
        ({"options": ["<image>", "<image>"]}, "2 placeholders <image> and 1 images"),
    ],
)
def test_an_impossible_question_is_refused(tmp_path, changes, said):
    folder = write(tmp_path / "own", [{**CHOICE, **changes}, YES])
    assert read(folder)[0] == Refused("1", said)
    assert read(folder)[1].id == "2"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: Invalid JSON"),
        ("[]", "line 2: "),
        ({**CHOICE, "question": None}, "line 2: question=None: Input should be a valid string"),
        ({"kind": "yes_no", "id": "3"}, "line 2: question: Field required"),
        ({"id": "3"}, "line 2: Unable to extract tag using discriminator 'kind'"),
        ({**YES, "kind": "essay"}, "line 2: Input tag 'essay' found using 'kind'"),
        ({**YES, "answer": "maybe"}, "line 2: answer='maybe': Input should be 'yes' or 'no'"),
        ({**YES, "answer": True}, "line 2: answer=True: Input should be 'yes' or 'no'"),
        ({**YES, "id": 3}, "line 2: id=3: Input should be a valid string"),
        ({**YES, "id": " "}, "line 2: id=' ': Value error, must not be blank"),
        ({**YES, "images": []}, "line 2: images=[]: List should have at least 1 item"),
        ({**YES, "images": "a.png"}, "line 2: images='a.png': Input should be"),
        (
            {**YES, "images": ["../a.png"]},
            "line 2: images.0='../a.png': Value error, must be a file",
        ),
        ({**YES, "images": ["/a.png"]}, "line 2: images.0='/a.png': Value error, must"),
        ({**YES, "anwser": "no"}, "line 2: anwser='no': Extra inputs are not permitted"),
        ({**YES, "role": "normal"}, "line 2: Value error, role: only a question of a group"),
        ({**YES, "group": "g"}, "line 2: group: 'g' has one question; a group has several"),
        ({**YES, "id": "1"}, "line 2: id: '1' is that of line 1"),
        ({**CHOICE, "options": ["one"]}, "line 2: options=['one']: List should have at"),
        ({**CHOICE, "options": ["one", ""]}, "line 2: options.1='': Value error, must not"),
        ({**CHOICE, "options": ["one", "one"]}, "options: 'one' is there twice"),
        ({**CHOICE, "answer": "two"}, "line 2: answer='two': String should match"),
        ({**YES, "kind": "number", "answer": "3"}, "line 2: answer='3': Input should be a valid"),
        ({**YES, "kind": "number", "answer": 1, "tolerance": -1}, "line 2: tolerance=-1: Input"),
        ({**YES, "kind": "short_text", "answer": []}, "line 2: answer=[]: List should"),
        ({**YES, "kind": "short_text", "answer": "car"}, "line 2: answer='car': Input"),
    ],
)
def test_a_wrong_line_is_named_with_its_field(tmp_path, line, said):
    folder = write(tmp_path / "own", [CHOICE, line])
    for use in (read, JSONL.categories):
        with pytest.raises(SuiteError) as error:
            use(folder)
        assert said in str(error.value)


def test_every_wrong_line_is_named_up_to_twenty(tmp_path):
    folder = write(tmp_path / "own", [{**YES, "id": str(n), "answer": n} for n in range(25)])
    with pytest.raises(SuiteError) as error:
        read(folder)
    lines = str(error.value).splitlines()
    assert len(lines) == 1 + 20 + 1
    assert lines[-1] == "and 5 more"
    assert lines[20].startswith("line 20: answer=19: ")


def test_a_file_without_questions_is_refused(tmp_path):
    with pytest.raises(SuiteError, match="no line is a question"):
        read(write(tmp_path / "own", ["", " "]))
    with pytest.raises(SuiteError, match="has no questions; looked for 'questions.jsonl'"):
        read(tmp_path)


TEXTS = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() and "<image>" not in text)


@st.composite
def questions(draw):
    """A line of any kind, and the truth that its reader should find."""
    options = draw(st.lists(TEXTS, min_size=2, max_size=26, unique=True))
    place = draw(st.integers(0, len(options) - 1))
    number = draw(st.floats(-1e9, 1e9))
    accepted = draw(st.lists(TEXTS, min_size=1, max_size=3))
    yes = draw(st.booleans())
    kinds = {
        "multiple_choice": (
            {"options": options, "answer": chr(ord("A") + place)},
            Choice(place, tuple(options)),
        ),
        "yes_no": ({"answer": "yes" if yes else "no"}, YesNo(yes)),
        "number": ({"answer": number}, Number(number)),
        "short_text": ({"answer": accepted}, ShortText(tuple(accepted))),
    }
    kind = draw(st.sampled_from(sorted(kinds)))
    fields, truth = kinds[kind]
    line = {"question": draw(TEXTS), "category": draw(TEXTS), "images": ["a.png"], **fields}
    return {"kind": kind, **line}, truth


@given(st.lists(questions(), min_size=1, max_size=5))
def test_what_was_written_is_read(made):
    with tempfile.TemporaryDirectory() as name:
        lines = [{"id": str(place), **line} for place, (line, _) in enumerate(made)]
        items = read(write(Path(name), lines))
    for item, line, (_, truth) in zip(items, lines, made, strict=True):
        assert (item.id, item.category, item.truth) == (line["id"], line["category"], truth)
        assert item.question == (0, line["question"])
        assert [text for (text,) in item.options] == line.get("options", [])
