"""MMT-Bench: pictures in TSV cells, the hidden whole set, and what each harness makes of an
answer."""

from __future__ import annotations

import base64
import csv
import json
import pickle
import random
import re
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.errors import InvalidArgument, SuiteError
from mimic_checks.suites.item import Refused
from mimic_checks.suites.mmt import MMT, MMT_STITCHED, lmms_eval_letter
from mimic_checks.suites.scoring import Points
from mimic_checks.suites.tsv import Base64Picture, tsv_rows
from tests.suites.scenes import scene

COLUMNS = ["index", "image", "question", *"ABCDEFGHI", "answer", "category", "l2-category", "split"]


def encoded(number):
    return base64.b64encode(scene(number)).decode()


def row(index, *pictures, options=("one", "two"), **changes):
    cell = str([encoded(n) for n in pictures]) if len(pictures) != 1 else encoded(pictures[0])
    made = {"index": index, "image": cell, "question": "Which?", "answer": "B", "split": "VAL"}
    made |= {"category": "cats", "l2-category": "animals"}
    made |= dict(zip("ABCDEFGHI", options, strict=False))
    return {**made, **changes}


def write(folder, rows, *, name="MMT-Bench_VAL_MI.tsv", columns=COLUMNS):
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: one.get(key, "") for key in columns} for one in rows)
    return folder


def read(folder, suite=MMT, **options):
    return list(suite.read(folder, **options))


def oracle(path):
    """The rows as csv reads them, pictures decoded; nothing of the reader's."""
    csv.field_size_limit(2**31 - 1)
    with path.open(newline="", encoding="utf-8") as file:
        for one in csv.DictReader(file, delimiter="\t"):
            cell = one["image"]
            texts = cell.strip("[]").replace("'", "").split(", ") if cell[0] == "[" else [cell]
            options = [one[letter] for letter in "ABCDEFGHI" if one[letter]]
            yield one, [base64.b64decode(text) for text in texts], options


def test_every_row_is_an_item_as_the_file_has_it(tmp_path):
    folder = write(
        tmp_path,
        [
            row("7", 1, 2, 3, options=("one", "two", "three"), answer="C"),
            row("8", 4, question='Is it 5" or\na "tab\tof"?', options=("None", "N/A"), answer="A"),
            row("9", 5, 6, options=[f"is {n}" for n in range(9)], answer="I"),
        ],
    )
    rows = list(oracle(folder / "MMT-Bench_VAL_MI.tsv"))
    for item, (one, pictures, options) in zip(read(folder), rows, strict=True):
        assert item.id == one["index"]
        assert item.category == one["l2-category"]
        assert item.question == (*range(len(pictures)), one["question"])
        assert [text for (text,) in item.options] == options
        assert item.truth.text == one["answer"]
        assert [picture.read() for picture in item.images] == pictures
    assert MMT.key(folder) == "MMT-Bench_VAL_MI.tsv"


def test_a_picture_says_where_it_is_and_travels(tmp_path):
    folder = write(tmp_path, [row("7", 1, 2), row("8", 3)])
    first, second = read(folder)
    assert first.images[1].name == "MMT-Bench_VAL_MI.tsv row 1 image[1]"
    assert second.images[0].name == "MMT-Bench_VAL_MI.tsv row 2 image"
    travelled = pickle.loads(pickle.dumps(first.images[1]))
    assert travelled == first.images[1]
    assert travelled.read() == scene(2)


def test_lists_in_json_notation_are_read_too(tmp_path):
    rows = [row("7", 1, image=json.dumps([encoded(1), encoded(2)]))]
    (item,) = read(write(tmp_path, rows))
    assert [picture.read() for picture in item.images] == [scene(1), scene(2)]


def test_a_row_may_share_the_pictures_of_an_earlier_one(tmp_path):
    rows = [
        row("7", 1, 2),
        row("8", image="7", question="And?"),
        row("9", image="10"),
        row("10", 3),
    ]
    items = read(write(tmp_path, rows))
    assert items[1].images == items[0].images
    assert items[2] == Refused("9", "its image is neither base64 nor the index of an earlier row")


def test_a_picture_that_is_cut_off_cannot_be_read(tmp_path):
    folder = write(tmp_path, [row("7", 1)])
    (picture,) = read(folder)[0].images
    cut = Base64Picture(picture.path, 1, "image", picture.offset, picture.length - 1)
    with pytest.raises(OSError, match="row 1 image is not base64"):
        cut.read()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"answer": "J"}, "its gold 'J' is not one of its options A, B"),
        ({"answer": "C"}, "its gold 'C' is not one of its options A, B"),
        ({"answer": " "}, "it has no answer"),
        ({"B": "", "C": "three"}, "its options A, C leave out a letter"),
        ({"B": ""}, "its options A leave out a letter"),
        ({"image": "[]"}, "its image is neither base64 nor the index"),
        ({"image": ""}, "its image is neither base64 nor the index"),
        ({"image": f"['{encoded(1)}', 'abc']"}, "its image is neither base64 nor the index"),
        ({"image": f"['{encoded(1)}', '']"}, "its image is neither base64 nor the index"),
        ({"image": "http://" + "x" * 81}, "its image is neither base64 nor the index"),
        ({"question": "<image> or <image>?"}, "2 placeholders <image> and 1 images"),
    ],
)
def test_an_impossible_row_is_refused(tmp_path, changes, said):
    good, bad = read(write(tmp_path, [row("1", 1), row("22147", 2, **changes)]))
    assert good.id == "1"
    assert bad.id == "22147"
    assert said in bad.reason


def test_images_stand_at_their_marks_where_there_are_any(tmp_path):
    (item,) = read(write(tmp_path, [row("7", 1, 2, question="First <image>, then <image>?")]))
    assert item.question == ("First ", 0, ", then ", 1, "?")


@pytest.mark.parametrize("number", [3, 60])
def test_hidden_answers_are_refused_at_load(tmp_path, number):
    folder = write(tmp_path, [row(str(n), n % 64, answer="", split="TEST") for n in range(number)])
    with pytest.raises(SuiteError, match="hides its answers .* read the validation part"):
        read(folder)


@pytest.mark.parametrize("name", ["MMT-Bench_ALL.tsv", "MMT-Bench_ALL_MI.tsv"])
def test_the_whole_set_is_refused_by_name(tmp_path, name):
    folder = write(tmp_path, [row("7", 1)], name=name)
    with pytest.raises(SuiteError, match="whole set .* whose answers are hidden"):
        read(folder)


def test_stitched_pictures_are_another_suite(tmp_path):
    folder = write(tmp_path, [row("7", 1)], name="MMT-Bench_VAL.tsv")
    with pytest.raises(SuiteError, match="which is 'mmt_stitched'"):
        read(folder)
    (item,) = read(folder, MMT_STITCHED)
    assert item.images[0].read() == scene(1)
    assert "stitched" in MMT_STITCHED.title
    assert MMT_STITCHED.key(folder) == "MMT-Bench_VAL.tsv"


def test_levels_are_abilities_or_sub_tasks(tmp_path):
    folder = write(
        tmp_path, [row("7", 1), row("8", 2, category="dogs"), row("9", 3, **{"l2-category": "ocr"})]
    )
    assert MMT.categories(folder) == ["animals", "ocr"]
    assert MMT.categories(folder, level="category") == ["cats", "dogs"]
    assert [item.category for item in read(folder, level="category")] == ["cats", "dogs", "cats"]
    with pytest.raises(InvalidArgument, match="level='split' is not allowed"):
        read(folder, level="split")


def test_other_columns_are_refused_at_load(tmp_path):
    columns = [name for name in COLUMNS if name not in ("answer", "l2-category")]
    folder = write(tmp_path, [row("7", 1)], columns=columns)
    with pytest.raises(SuiteError, match="no column 'answer', 'l2-category'; it has 'index'"):
        read(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\tb\n1\n", "row 1: 1 cells under 2 columns"),
        ("a\tb\n1\t2\t3\n", "row 1: 3 cells under 2 columns"),
        ('a\tb\n1\t"2\n', "the quote at byte 6 never closes"),
        ('a\tb\n1\t"2"x\n', "text after the closing quote of cell 2"),
        ("a\ta\n1\t2\n", "has column 'a' twice"),
        ("", "no column 'a'"),
    ],
)
def test_a_broken_table_is_refused(tmp_path, text, said):
    (tmp_path / "t.tsv").write_text(text)
    with pytest.raises(SuiteError, match=said):
        list(tsv_rows(tmp_path / "t.tsv", ("a",)))


def test_half_a_character_is_refused(tmp_path):
    (tmp_path / "t.tsv").write_bytes(b"a\n\xff\n")
    (found,) = tsv_rows(tmp_path / "t.tsv", ("a",))
    with pytest.raises(SuiteError, match="row 1: a is not UTF-8"):
        found.text("a")


# A cell that is blank makes no row of one column, and "\0" no text of csv.
CELLS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=12)


@given(
    st.lists(st.tuples(CELLS, CELLS), max_size=6), st.sampled_from(["\n", "\r\n"]), st.booleans()
)
def test_cells_are_read_as_they_were_written(rows, end, marked):
    """Tabs, quotes and line ends in cells; either line end; a byte order mark or none. Where a cell
    is said to stand in the file, it stands."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "t.tsv"
        encoding = "utf-8-sig" if marked else "utf-8"
        with path.open("w", newline="", encoding=encoding) as file:
            writer = csv.writer(file, delimiter="\t", lineterminator=end)
            writer.writerows([("a", "b"), *rows])
        found = list(tsv_rows(path, ("a", "b")))
        data = path.read_bytes()
    assert [(one.text("a"), one.text("b")) for one in found] == rows
    for cell in (cell for one in found for cell in one.cells.values()):
        assert data[cell.offset : cell.offset + len(cell.content)] == cell.content


def test_one_row_is_in_memory_at_a_time(tmp_path):
    """Of 40 rows with a megabyte each, no more than a few megabytes."""
    cell = base64.b64encode(random.Random(0).randbytes(750_000)).decode()
    folder = write(
        tmp_path, [row(str(n), 1, image=f"['{cell}', '{cell[::-1]}']") for n in range(20)]
    )
    assert (folder / "MMT-Bench_VAL_MI.tsv").stat().st_size > 38_000_000
    tracemalloc.start()
    try:
        assert sum(len(item.images) for item in MMT.read(folder)) == 40
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


def test_prompts(tmp_path):
    (item,) = read(write(tmp_path, [row("7", 1, 2)]))
    official = (
        *(0, 1),
        "Question: Which?\nOptions:\nA. one\nB. two\n"
        "Please select the correct answer from the options above. \n",
    )
    assert MMT.templates["official"](item) == MMT.templates["VLMEvalKit"](item) == official
    assert MMT.templates["lmms-eval"](item) == (
        *("Question: ", 0, 1),
        "\nWhich?\nA: one\nB: two"
        "\nAnswer the question using a single character from the given options.",
    )
    assert MMT.templates["ours"](item) == (
        *(0, 1, "Which?\nA. one\nB. two\nAnswer with the option's letter."),
    )


def test_a_hint_stands_before_the_question(tmp_path):
    folder = write(tmp_path, [row("7", 1, hint="Look.")], columns=[*COLUMNS, "hint"])
    assert MMT.templates["official"](read(folder)[0])[1].startswith("Hint: Look.\nQuestion: Which?")


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        ("(B)", "B"),
        ("B.", "B"),
        ("The answer is B", "B"),
        ("It is B. two", "B"),
        ("A B", "B"),  # the last one
        ("A is not right, B is it", "B"),
        ("(A) or (B)", "A"),  # none stands between spaces: the first letter
        ("(B) not A ", "B"),  # brackets first
        ("b", None),
        ("C", None),  # no option
        ("", None),
    ],
)
def test_lmms_eval_takes_the_letter(answer, letter):
    assert lmms_eval_letter(answer, "AB") == letter


def oracle_letter(answer, letters):
    """The description, with regular expressions in the place of texts that are looked for."""
    text = answer.strip()
    for mark in ",.!?;:'":
        text = re.sub(rf"^{re.escape(mark)}+|{re.escape(mark)}+$", "", text)
    text = f" {text} "
    for form in (r"\({}\)", " {} ", r"{}\."):
        found = [letter for letter in letters if re.search(form.format(letter), text)]
        if found:
            between = re.findall(rf"(?<= )[{''.join(found)}](?= )", text)
            return between[-1] if len(found) > 1 and between else found[0]
    return None


@given(st.lists(st.sampled_from(["A", "B", "C", "(A)", "(B)", "B.", "or", ",", "a"]), max_size=6))
def test_any_answer_gives_the_letter_that_the_words_say(words):
    answer = " ".join(words)
    assert lmms_eval_letter(answer, "AB") == oracle_letter(answer, "AB")


def test_what_is_unparsed_counts_by_harness(tmp_path):
    options = ("one", "two", "three", "four")
    (item,) = read(write(tmp_path, [row("7", 1, options=options)]))
    points = {name: score.rule(item, "no idea") for name, score in MMT.scores.items()}
    assert points == {
        "official": Points(0, 1, None),  # a judge maps it
        "lmms-eval": Points(0, 1, 0.25),  # drawn
        "VLMEvalKit": Points(0, 0, 0),
    }
    refusal = {
        score.rule(item, "Cannot determine the answer").expected
        for score in (MMT.scores["official"], MMT.scores["VLMEvalKit"])
    }
    assert refusal == {0}, "a refusal is no case for the judge"
    assert all(score.rule(item, "B") == Points(1, 1, 1) for score in MMT.scores.values())
    assert all(score.rule(item, "A") == Points(0, 0, 0) for score in MMT.scores.values())
