"""MMVP: pairs in `Questions.csv`, three answer keys, and what each harness makes of an answer."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.errors import SuiteError
from mimic_checks.suites.item import Refused, SuiteItem
from mimic_checks.suites.mmvp import MMVP, split_options
from mimic_checks.suites.rotation import rotations
from tests.suites.scenes import write_scene

HEADER = ["Index", "Question", "Options", "Correct Answer"]
OPTIONS = "(a) Open (b) Closed"


def write(folder, rows, *, header=HEADER, pictures=None):
    """A folder as the data set has it. `rows`: question, options, answer."""
    folder.mkdir(exist_ok=True)
    with (folder / "Questions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([index, *row] for index, row in enumerate(rows, start=1))
    for number in range(1, len(rows) + 1) if pictures is None else pictures:
        write_scene(folder / "MMVP Images" / f"{number}.jpg", number % 64)
    return folder


@pytest.fixture
def folder(tmp_path):
    rows = [
        ("Is the door open?", OPTIONS, "(a)"),
        ("Is the door open?", OPTIONS, "(b)"),
        ("How many, say, dogs?", "(a) Two (b) One", "(b)"),
        ("How many, say, dogs?", "(a) Two (b) One", "(a)"),
    ]
    return write(tmp_path / "mmvp", rows)


def full_key(letters):
    """300 rows whose rows 99, 100, 279 and 280 have these answers."""
    answers = {number: "ab"[number % 2 == 0] for number in range(1, 301)}
    answers |= dict(zip((99, 100, 279, 280), letters, strict=True))
    return [("Open?", OPTIONS, f"({letter})") for letter in answers.values()]


def read(folder, **options):
    return list(MMVP.read(folder, **options))


def reasons(folder, **options):
    return {item.id: item.reason for item in read(folder, **options) if isinstance(item, Refused)}


def points(harness, item, answer):
    return MMVP.scores[harness].rule(item, answer).expected


def test_every_row_is_an_item_as_the_file_has_it(folder):
    with (folder / "Questions.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    items = read(folder)
    for (index, question, options, answer), item in zip(rows, items, strict=True):
        words = options.replace("(a) ", "").split(" (b) ")
        assert (item.id, item.question) == (index, (0, question))
        assert [option for (option,) in item.options] == words
        assert item.options[item.truth.index] == (words["(a)(b)".index(answer) // 3],)
        (picture,) = item.images
        assert picture.read() == (folder / "MMVP Images" / f"{index}.jpg").read_bytes()
    assert [item.group for item in items] == ["1/2", "1/2", "3/4", "3/4"]
    assert list(MMVP.categories(folder)) == ["pairs"]


@pytest.mark.parametrize(
    ("letters", "key"),
    [
        ("abab", "as first published"),
        ("aaaa", "one row of the pairs 99/100 and 279/280 corrected"),
        ("baba", "both rows of the pairs 99/100 and 279/280 corrected"),
        ("abba", "unknown (abba in rows 99, 100, 279 and 280)"),
    ],
)
def test_the_answer_key_is_named(tmp_path, letters, key):
    folder = write(tmp_path / "mmvp", full_key(letters))
    assert MMVP.key(folder) == key
    assert MMVP.key(folder, drop_doubtful=True) == f"{key}; pairs 99/100 and 279/280 left out"


def test_a_file_without_the_pairs_in_doubt_says_so(folder):
    assert MMVP.key(folder) == "without the pairs in doubt"


def test_a_pair_of_which_one_row_was_corrected_is_refused(tmp_path):
    folder = write(tmp_path / "mmvp", full_key("aaaa"))
    refused = reasons(folder)
    assert set(refused) == {"99", "100", "279", "280"}
    assert "row 100, the other of its pair, has the same answer 'Open'" in refused["99"]


@pytest.mark.parametrize("letters", ["abab", "aaaa", "baba"])
def test_the_two_pairs_in_doubt_can_be_left_out(tmp_path, letters):
    folder = write(tmp_path / "mmvp", full_key(letters))
    items = read(folder, drop_doubtful=True)
    asked = [item for item in items if isinstance(item, SuiteItem)]
    assert len({item.group for item in asked}) == 148
    assert reasons(folder, drop_doubtful=True).keys() == {"99", "100", "279", "280"}


def test_options_in_another_order_are_another_answer(tmp_path):
    rows = [("Open?", OPTIONS, "(a)"), ("Open?", "(a) Closed (b) Open", "(a)")]
    assert reasons(write(tmp_path / "mmvp", rows)) == {}


@pytest.mark.parametrize(
    ("row", "picture", "said"),
    [
        (("Open?", OPTIONS, "(c)"), True, "its gold '(c)' is not one of its options (a), (b)"),
        (("Open?", OPTIONS, ""), True, "its gold '' is not one of its options (a), (b)"),
        (("Open?", "Open or closed", "(a)"), True, "its options 'Open or closed' are not like"),
        (("Open?", "(b) Open (a) Closed", "(a)"), True, "are not like"),
        (("Open?", OPTIONS, "(b)"), False, "its picture '2.jpg' is missing"),
    ],
)
def test_an_impossible_row_is_refused_with_its_pair(tmp_path, row, picture, said):
    rows = [("Open?", OPTIONS, "(a)"), row, *[("Red?", OPTIONS, answer) for answer in "ab"]]
    folder = write(tmp_path / "mmvp", rows, pictures=[1, 2, 3, 4] if picture else [1, 3, 4])
    refused = reasons(folder)
    assert set(refused) == {"1", "2"}
    assert said in refused["2"]
    assert refused["1"].startswith("row 2, the other of its pair: ")


def test_rows_that_are_no_pair_are_refused(tmp_path):
    rows = [("Open?", OPTIONS, "(a)"), ("Red?", OPTIONS, "(b)"), ("Blue?", OPTIONS, "(b)")]
    refused = reasons(write(tmp_path / "mmvp", rows))
    assert refused["1"] == "row 2, the other of its pair, asks another question"
    assert refused["3"] == "it has no second row to be a pair with"


def test_a_file_in_another_order_is_refused(folder):
    path = folder / "Questions.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[2], lines[1], *lines[3:]]))
    with pytest.raises(SuiteError, match=r"line 2: Index='2' is not allowed; allowed: 1"):
        read(folder)


def test_other_columns_are_refused_at_load(tmp_path):
    folder = write(tmp_path / "mmvp", [], header=["lmms", "Question", "Options", "answer"])
    (folder / "MMVP Images").mkdir()
    with pytest.raises(SuiteError, match="no column 'Index', 'Correct Answer'; it has 'lmms'"):
        read(folder)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(SuiteError, match="is not a folder"):
        read(tmp_path / "nothing")
    with pytest.raises(SuiteError, match="no questions; looked for 'Questions.csv'"):
        read(tmp_path)
    (tmp_path / "Questions.csv").write_text("Index\n")
    with pytest.raises(SuiteError, match="no folder of pictures; looked for 'MMVP Images'"):
        read(tmp_path)


WORDS = (
    st.text("abc (),.xyz'", min_size=1)
    .map(str.strip)
    .filter(lambda text: text and not any(f"({letter})" in text for letter in "abcxyz"))
)


@given(st.lists(WORDS, min_size=2, max_size=5), st.sampled_from([" ", "  ", "\n"]))
def test_options_are_split_at_their_letters(options, between):
    text = between.join(f"({'abcde'[n]}) {option}" for n, option in enumerate(options))
    assert split_options(text) == tuple(options)


@pytest.mark.parametrize(
    "text", ["", "Open", "(a)", "(a) (b) Closed", "(a) x (a) y", "is (a) x (b) y"]
)
def test_other_options_are_none(text):
    assert split_options(text) == ()


def test_prompts(folder):
    item = read(folder)[2]
    assert MMVP.templates["official"](item) == (0, "How many, say, dogs? (a) Two (b) One")
    assert MMVP.templates["lmms-eval"](item) == (
        0,
        "How many, say, dogs?\nA. Two\nB. One"
        "\nAnswer with the option's letter from the given choices directly.",
    )
    assert MMVP.templates["VLMEvalKit"](item) == (
        0,
        "Question: How many, say, dogs?\nOptions:\nA. Two\nB. One\n"
        "Please select the correct answer from the options above. \n",
    )
    assert MMVP.templates["ours"](item) == (
        0,
        "How many, say, dogs?\nA. Two\nB. One\nAnswer with the option's letter.",
    )
    assert next(iter(MMVP.templates)) == "official"
    turned = rotations(item)[1]
    assert MMVP.templates["official"](turned) == (0, "How many, say, dogs? (a) One (b) Two")


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("A", "A"),
        ("(b).", "B"),
        ("B. Closed", "B"),
        ("The answer is (b)", "B"),
        ("Option b, surely", "B"),
        ("It is open, so I take A", "A"),
        ("A closed door", "A"),  # the article
        ("banana", "A"),  # the end of a word
        ("below", "B"),  # its beginning
        ("Closed", ""),
        ("", ""),
    ],
)
def test_lmms_eval_takes_the_letter(folder, answer, letter):
    right_a, right_b = read(folder)[:2]
    assert points("lmms-eval", right_a, answer) == (letter == "A")
    assert points("lmms-eval", right_b, answer) == (letter == "B")


@pytest.mark.parametrize("letters", ["abab", "baba"])
def test_lmms_eval_has_a_key_of_its_own(tmp_path, letters):
    """Both rows of the doubtful pairs as they were corrected, whatever the file says."""
    folder = write(tmp_path / "mmvp", full_key(letters))
    items = {item.id: item for item in read(folder)}
    said = {"99": "B", "100": "A", "279": "B", "280": "A", "1": "A", "2": "B"}
    assert all(points("lmms-eval", items[number], answer) == 1 for number, answer in said.items())
    own = [points("VLMEvalKit", items[number], said[number]) for number in ("99", "100")]
    assert own == ([0, 0] if letters == "abab" else [1, 1])


def test_a_pair_counts_if_both_are_right(folder):
    items = read(folder)
    pairs, single = (
        MMVP.scores[name].aggregate for name in ("lmms-eval", "lmms-eval, per question")
    )
    right = list(zip(items, [1, 1, 1, 0], strict=True))
    assert (pairs(right), single(right)) == (0.5, 0.75)
    constant = list(zip(items, [1, 0, 0, 1], strict=True))
    assert (pairs(constant), single(constant)) == (0, 0.5)


def test_the_official_number_needs_its_judge():
    assert "GPT-4 judges" in MMVP.scores["official"].why_not
