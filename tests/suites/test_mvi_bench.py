"""MVI-Bench: normal and misleading twins without pair ids, and options in a seeded order."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from mimic_checks.errors import SuiteError
from mimic_checks.suites.item import Refused, SuiteItem
from mimic_checks.suites.mvi_bench import MVI_BENCH
from tests.suites.scenes import write_scene

CHOICES = ["one", "two", "three", "four"]


def entry(image, type_, *, gold="one", question="How many cups?", category="mirror", **changes):
    choices = [gold, *(text for text in CHOICES if text != gold)]
    made = {"image": image, "category": category, "type": type_, "question": question}
    return {**made, "choices": choices, "answer": gold, **changes}


def write(folder, entries, *, missing=()):
    folder.mkdir(exist_ok=True)
    for number, one in enumerate(entries):
        if one["image"] not in missing:
            write_scene(folder / one["image"], number % 64)
    (folder / "annotations.json").write_text(json.dumps(entries))
    return folder


def twins(number):
    """As many pairs, each with a question of its own."""
    return [
        entry(f"{type_}/{n}.jpg", type_, gold=gold, question=f"How many cups, in room {n}?")
        for n in range(number)
        for type_, gold in (("normal", "one"), ("misleading", "two"))
    ]


def read(folder, **options):
    return list(MVI_BENCH.read(folder, **options))


def reasons(folder):
    return {item.id: item.reason for item in read(folder) if isinstance(item, Refused)}


def test_every_entry_is_an_item_as_the_file_has_it(tmp_path):
    folder = write(tmp_path / "mvi", twins(3))
    entries = json.loads((folder / "annotations.json").read_text())
    for number, (item, one) in enumerate(zip(read(folder), entries, strict=True), start=1):
        assert item.id == f"{number} {one['image']}"
        assert (item.category, item.role) == (one["category"], one["type"])
        assert item.question == (0, one["question"])
        texts = [text for (text,) in item.options]
        assert Counter(texts) == Counter(one["choices"])
        assert texts[item.truth.index] == one["choices"][0] == one["answer"]
        (picture,) = item.images
        assert picture.read() == (folder / one["image"]).read_bytes()


def test_twins_are_a_group_and_see_the_same_options(tmp_path):
    items = read(write(tmp_path / "mvi", twins(20)))
    for normal, misleading in zip(items[::2], items[1::2], strict=True):
        assert normal.group == misleading.group != ""
        assert (normal.role, misleading.role) == ("normal", "misleading")
        assert normal.options == misleading.options
        assert normal.truth != misleading.truth
    assert len({item.group for item in items}) == 20


def test_the_order_of_options_goes_by_the_seed(tmp_path):
    """The same again every time; another seed moves right answers over all letters."""
    folder = write(tmp_path / "mvi", twins(64))
    first = read(folder)
    assert first == read(folder, shuffle_seed=0)
    other = read(folder, shuffle_seed=1)
    assert first != other
    places = Counter(item.truth.index for item in [*first, *other])
    # 256 answers over four letters: 64 +- 7 each.
    assert set(places) == {0, 1, 2, 3}
    assert max(places.values()) < 2 * min(places.values())
    assert MVI_BENCH.key(folder, shuffle_seed=1).endswith("shuffle_seed=1")


def test_a_shared_question_is_paired_by_file_name_or_not_at_all(tmp_path):
    named = [entry(f"{t}/{n}.jpg", t) for n in (1, 2) for t in ("normal", "misleading")]
    items = read(write(tmp_path / "named", named))
    assert items[0].group == items[1].group != items[2].group == items[3].group
    unnamed = [entry(f"{n}.jpg", t) for n, t in enumerate(["normal", "misleading"] * 2)]
    items = read(write(tmp_path / "unnamed", unnamed))
    assert {(item.group, item.role) for item in items} == {("", "")}
    assert [item.raw["type"] for item in items] == ["normal", "misleading"] * 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"answer": "five"}, "its gold 'five' is not one of its choices"),
        ({"answer": "two"}, "its gold 'two' is not the first of its choices, 'one'"),
        ({"choices": ["one"]}, "its choices ['one'] are not 2 to 4 texts"),
        ({"choices": [*CHOICES, "five"]}, "are not 2 to 4 texts"),
        ({"choices": ["one", " "]}, "are not 2 to 4 texts"),
        ({"choices": ["one", "two", "two"]}, "have one twice"),
        ({"image": "../a.jpg"}, "its picture '../a.jpg' is not in the folder"),
    ],
)
def test_an_impossible_entry_is_refused(tmp_path, changes, said):
    entries = [{**entry("a.jpg", "normal"), **changes}, *twins(1)]
    refused = reasons(write(tmp_path / "mvi", entries))
    ((name, reason),) = refused.items()
    assert name == f"1 {entries[0]['image']}"
    assert said in reason


def test_a_twin_of_a_missing_picture_is_refused_with_it(tmp_path):
    refused = reasons(write(tmp_path / "mvi", twins(2), missing=["misleading/1.jpg"]))
    assert refused == {
        "4 misleading/1.jpg": "its picture 'misleading/1.jpg' is missing",
        "3 normal/1.jpg": (
            "its twin 'misleading/1.jpg': its picture 'misleading/1.jpg' is missing"
        ),
    }


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([], "is not a list of annotations"),
        ({"a": 1}, "is not a list of annotations"),
        ([3], "entry 1: 3 is not an object"),
        ([{"image": "a.jpg"}], "entry 1: category=None is not allowed; allowed: a text"),
        ([entry("a.jpg", "odd")], "entry 1: type='odd' is not allowed; allowed: 'normal'"),
        ([entry("a.jpg", "normal", category="x")], "category='x' is not allowed"),
        ([entry("a.jpg", "normal", choices="one")], "choices='one' is not a list of texts"),
    ],
)
def test_other_layouts_are_refused_at_load(tmp_path, entries, said):
    (tmp_path / "annotations.json").write_text(json.dumps(entries))
    with pytest.raises(SuiteError, match=said):
        read(tmp_path)


def test_what_is_no_json_is_refused(tmp_path):
    (tmp_path / "annotations.json").write_text("[{]")
    with pytest.raises(SuiteError, match="is not JSON"):
        read(tmp_path)


def test_categories_come_in_the_order_of_the_paper(tmp_path):
    names = ("illusion", "occlusion", "resemblance")
    folder = write(tmp_path / "m", [entry(f"{n}.jpg", "normal", category=n) for n in names])
    assert MVI_BENCH.categories(folder) == ["resemblance", "occlusion", "illusion"]


def test_the_official_prompt(tmp_path):
    item = read(write(tmp_path / "mvi", twins(1)))[0]
    a, b, c, d = (text for (text,) in item.options)
    assert MVI_BENCH.templates["official"](item) == (
        0,
        f"How many cups, in room 0?\nChoices:\nA. {a}\nB. {b}\nC. {c}\nD. {d}"
        "\nAnswer with the letter from the given choices directly.",
    )


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        ("B. two", "B"),
        ("The answer is C.", "C"),
        ("A cup stands there: D", "A"),  # the article
        ("C or D", "C"),
        ("b", None),
        ("E", None),
        ("two", None),
        ("", None),
        ("D_1", None),
    ],
)
def test_the_official_letter(tmp_path, answer, letter):
    for item in read(write(tmp_path / "mvi", twins(4))):
        expected = letter is not None and "ABCD".index(letter) == item.truth.index
        assert MVI_BENCH.scores["official"].rule(item, answer).expected == expected


def test_a_letter_without_an_option_is_wrong(tmp_path):
    folder = write(tmp_path / "mvi", [entry("a.jpg", "normal", choices=["one", "two"])])
    (item,) = read(folder)
    assert isinstance(item, SuiteItem)
    assert MVI_BENCH.scores["official"].rule(item, "D").most == 0


@pytest.mark.parametrize(
    ("normal", "misleading", "accuracies", "sensitivity"),
    [
        ([1, 1, 1, 1], [1, 0, 0, 0], (1, 0.25), 0.75),
        ([1, 1, 0, 0], [1, 1, 1, 0], (0.5, 0.75), -0.5),  # better when misled
        ([0, 0, 0, 0], [1, 0, 0, 0], (0, 0.25), 0),  # undefined in the paper
    ],
)
def test_sensitivity_is_signed_in_code_and_absolute_in_the_paper(
    tmp_path, normal, misleading, accuracies, sensitivity
):
    items = read(write(tmp_path / "mvi", twins(4)))
    points = [value for pair in zip(normal, misleading, strict=True) for value in pair]
    scored = list(zip(items, points, strict=True))
    numbers = {name: score.aggregate(scored) for name, score in MVI_BENCH.scores.items()}
    assert numbers == {
        "official": accuracies[1],
        "official, normal": accuracies[0],
        "official, sensitivity": sensitivity,
        "paper, sensitivity": abs(sensitivity),
    }


def test_overall_is_micro(tmp_path):
    """One of four instances is right: not the mean of its categories, 1/2."""
    entries = [entry(f"{n}.jpg", "misleading", question=str(n)) for n in range(3)]
    entries.append(entry("3.jpg", "misleading", category="illusion"))
    items = read(write(tmp_path / "mvi", entries))
    scored = list(zip(items, [0, 0, 0, 1], strict=True))
    assert MVI_BENCH.scores["official"].aggregate(scored) == 0.25
