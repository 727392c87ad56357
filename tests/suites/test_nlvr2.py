"""NLVR2: official JSON lines with photos, and TIGER-Lab's Parquet form."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from mimic_checks.errors import InvalidArgument, SuiteError
from mimic_checks.suites.item import Refused
from mimic_checks.suites.nlvr2 import NLVR2
from mimic_checks.tasks.truth import Choice, YesNo
from tests.suites import hub_parquet
from tests.suites.scenes import scene, write_scene

ASKED = " Here is a statement about the images. Is it true or false?\n"


def line(identifier, label="True", **changes):
    made = {
        "sentence": f"There are dogs ({identifier[-1]}).",
        "label": label,
        "identifier": identifier,
        "left_url": "https://example.org/l.jpg",
        "right_url": "https://example.org/r.jpg",
        "validation": {"1": label},
        "synset": "dog",
    }
    return {**made, **changes}


LINES = [
    line("test1-0-0-0"),
    line("test1-0-1-0", "False"),
    line("test1-0-0-1"),
    line("test1-7-2-0", "False"),
]


def write_lines(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))


def write(folder, lines, *, file="test1.json", photos="test1", missing=()):
    write_lines(folder / file, lines)
    for number, one in enumerate(lines):
        stem = "-".join(one["identifier"].split("-")[:3])
        for side in (0, 1):
            name = f"{stem}-img{side}.png"
            if name not in missing:
                write_scene(folder / photos / name, (2 * number + side) % 64)
    return folder


def read(folder, **options):
    return list(NLVR2.read(folder, **options))


@pytest.mark.parametrize(
    ("file", "photos"),
    [
        ("test1.json", "test1"),
        ("test1.json", "images/test1"),
        ("data/test1.json", "images"),
        ("nlvr2/data/test1.json", "nlvr2/images/test1"),
        ("test1.json", "."),
    ],
)
def test_every_line_is_an_item_as_the_file_has_it(tmp_path, file, photos):
    folder = write(tmp_path, LINES, file=file, photos=photos)
    for item, one in zip(read(folder), LINES, strict=True):
        split, set_, pair, sentence = one["identifier"].split("-")
        assert item.id == one["identifier"]
        assert item.question == (0, 1, ASKED + one["sentence"])
        assert item.truth == YesNo(one["label"] == "True")
        assert item.group == f"{split}-{set_}-{sentence}"
        for side, picture in enumerate(item.images):
            photo = folder / photos / f"{split}-{set_}-{pair}-img{side}.png"
            assert picture.read() == photo.read_bytes()
    assert NLVR2.key(folder) == "the labels of test1.json"


def test_sub_sets_are_categories_where_their_files_are(tmp_path):
    folder = write(tmp_path, LINES, file="data/test1.json")
    assert NLVR2.categories(folder) == ["pairs"]
    write_lines(folder / "data" / "balanced" / "balanced_test1.json", LINES[:1])
    write_lines(folder / "data" / "unbalanced" / "unbalanced_test1.json", LINES[1:3])
    write_lines(folder / "data" / "balanced" / "balanced_dev.json", LINES[3:])
    assert NLVR2.categories(folder) == ["balanced", "unbalanced", "pairs"]
    categories = [item.category for item in read(folder)]
    assert categories == ["balanced", "unbalanced", "unbalanced", "pairs"]


def test_a_split_is_chosen(tmp_path):
    folder = write(tmp_path, [line("dev-1-0-0")], file="dev.json", photos="dev")
    assert [item.id for item in read(folder, split="dev")] == ["dev-1-0-0"]
    assert NLVR2.key(folder, split="dev") == "the labels of dev.json"
    with pytest.raises(SuiteError, match="no sentences; looked for 'test1.json'"):
        read(folder)
    with pytest.raises(InvalidArgument, match="split='train' is not allowed"):
        read(folder, split="train")


def test_a_dead_link_refuses_its_pair_by_name(tmp_path):
    folder = write(tmp_path, LINES, missing=["test1-0-1-img1.png"])
    refused = [item for item in read(folder) if isinstance(item, Refused)]
    assert refused == [Refused("test1-0-1-0", "its photo 'test1-0-1-img1.png' is missing")]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": "Maybe"}, "its label 'Maybe' is neither 'True' nor 'False'"),
        ({"label": None}, "it has no answer"),
        ({"label": ""}, "it has no answer"),
    ],
)
def test_an_impossible_line_is_refused(tmp_path, changes, said):
    items = read(write(tmp_path, [LINES[0], {**LINES[1], **changes}]))
    assert items[1] == Refused("test1-0-1-0", said)


def test_hidden_labels_are_refused_at_load(tmp_path):
    lines = [{key: value for key, value in one.items() if key != "label"} for one in LINES]
    with pytest.raises(SuiteError, match="test1.json' hides its answers .*split=dev"):
        read(write(tmp_path, lines))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{\n", "line 1: not JSON"),
        ("3\n", "line 1: 3 is not an object"),
        ('{"identifier": "test1-0-0-0"}\n', "line 1: sentence=None is not allowed"),
        ('{"identifier": "x", "sentence": "y"}\n', "identifier='x' is not allowed; allowed: split"),
    ],
)
def test_other_layouts_are_refused_at_load(tmp_path, text, said):
    (tmp_path / "test1.json").write_text(text)
    with pytest.raises(SuiteError, match=said):
        read(tmp_path)


def test_photos_elsewhere_are_looked_for_by_name(tmp_path):
    write_lines(tmp_path / "test1.json", LINES)
    with pytest.raises(SuiteError, match="no photos named like 'test1-0-0-img0.png' in '/test1'"):
        read(tmp_path)


def parquet_row(identifier, right, *, order=("True", "False"), **changes):
    made = {
        "id": identifier,
        "question_type": "multi-choice",
        "question": f"<image><image>{ASKED}There are dogs.",
        "images": [scene(1), scene(2)],
        "options": [f"({letter}) {word}" for letter, word in zip("AB", order, strict=True)],
        "answer": "AB"[order.index(right)],
        "category": "logical reasoning",
        "data_source": "nlvr2_test",
    }
    return {**made, **changes}


def write_parquet(folder, *rows):
    for number, one in enumerate(rows):
        path = folder / "nlvr2" / f"test-{number:05}-of-{len(rows):05}.parquet"
        hub_parquet.write(path, {name: [one[name]] for name in one}, lists=["images"])
    return folder


def test_the_parquet_form_asks_with_letters_in_either_order(tmp_path):
    folder = write_parquet(
        tmp_path,
        parquet_row("test1-0-0-0", "True"),
        parquet_row("test1-0-1-0", "True", order=("False", "True")),
        parquet_row("odd", "False"),
    )
    first, second, third = read(folder)
    assert first.question == (0, 1, f"{ASKED}There are dogs.")
    assert first.truth == Choice(0, ("True", "False"))
    assert second.truth == Choice(1, ("False", "True"))
    assert [picture.read() for picture in first.images] == [scene(1), scene(2)]
    assert (first.group, second.group, third.group) == ("test1-0-0", "test1-0-0", "")
    assert NLVR2.categories(folder) == ["logical reasoning"]
    assert NLVR2.key(folder) == "TIGER-Lab's letters, of test1"


def test_impossible_rows_of_the_parquet_form_are_refused(tmp_path):
    folder = write_parquet(
        tmp_path,
        parquet_row("test1-0-0-0", "True"),
        parquet_row("test1-0-1-0", "True", answer="C"),
        parquet_row("test1-0-2-0", "True", images=[scene(1)]),
    )
    _, gold, images = read(folder)
    assert gold == Refused("test1-0-1-0", "its gold 'C' is not one of its options A to B")
    assert images == Refused("test1-0-2-0", "2 placeholders <image> and 1 images")


def test_prompts(tmp_path):
    (official,) = read(write(tmp_path / "lines", LINES[:1]))
    (lettered,) = read(write_parquet(tmp_path / "parquet", parquet_row("test1-0-0-0", "True")))
    words = f"{ASKED}There are dogs"
    assert {name: template(official) for name, template in NLVR2.templates.items()} == {
        "official": (0, 1, f"{words} (0)."),
        "ours": (0, 1, f"{words} (0). Answer with yes or no."),
        "MIMIC": (0, 1, f"{words} (0)."),
    }
    assert {name: template(lettered) for name, template in NLVR2.templates.items()} == {
        "official": (
            *(0, 1),
            f"{words}.\n (A) True\n (B) False"
            "\nAnswer with the option's letter from the given choices directly.",
        ),
        "ours": (0, 1, f"{words}.\nA. True\nB. False\nAnswer with the option's letter."),
        "MIMIC": (0, 1, f"{words}."),
    }


@pytest.mark.parametrize(
    ("answer", "official", "mimic", "mantis"),
    [
        ("True", 1, 1, 1),  # T is no option, so the word counts
        ("true ", 1, 1, 1),
        ("True.", 0, 0, 1),
        ("Yes", 0, 1, 0),
        ("B", 0, 0, 1),
        ("(B) True", 0, 0, 1),
        ("A", 0, 0, 0),
        ("Based on the images, false", 0, 0, 1),  # its B counts as an answer
        ("It is true, not false", 0, 0, 0),  # both words
        ("The statement is true", 0, 0, 1),
        ("False", 0, 0, 0),
        ("No", 0, 0, 0),
        ("", 0, 0, 0),
    ],
)
def test_what_each_harness_makes_of_an_answer(tmp_path, answer, official, mimic, mantis):
    row = parquet_row("test1-0-0-0", "True", order=("False", "True"))
    (item,) = read(write_parquet(tmp_path, row))
    points = {name: score.rule(item, answer).expected for name, score in NLVR2.scores.items()}
    assert points == {
        "official": official,
        "official, consistency": official,
        "MIMIC": mimic,
        "Mantis": mantis,
    }


def test_sentences_of_the_official_form_are_scored_alike(tmp_path):
    true, false = read(write(tmp_path, LINES[:2]))
    for answer, is_true in (("TRUE", True), ("false", False), ("yes", None), ("B", None)):
        rule = NLVR2.scores["official"].rule
        assert rule(true, answer).expected == (is_true is True)
        assert rule(false, answer).expected == (is_true is False)
    assert NLVR2.scores["MIMIC"].rule(true, "yes").expected == 1
    assert NLVR2.scores["Mantis"].rule(false, "surely false").expected == 1


def test_consistency_is_the_share_of_sentences_with_every_pair_right(tmp_path):
    """By identifiers without their pair; the words of two sentences may be the same."""
    lines = [line(f"test1-{s}-{p}-{n}") for s in (0, 1) for p in range(3) for n in (0, 1)]
    items = read(write(tmp_path, lines))
    wrong = {"test1-0-1-0", "test1-1-2-1", "test1-1-0-1"}
    points = [one["identifier"] not in wrong for one in lines]
    by_sentence = defaultdict(list)
    for one, right in zip(lines, points, strict=True):
        parts = one["identifier"].split("-")
        by_sentence[parts[1], parts[3]].append(right)
    expected = sum(map(all, by_sentence.values())) / len(by_sentence)
    scored = list(zip(items, map(float, points), strict=True))
    assert NLVR2.scores["official, consistency"].aggregate(scored) == expected == 0.5
    assert NLVR2.scores["official"].aggregate(scored) == 0.75
