"""A class name reads as itself, whatever is in it; what cannot be told apart is refused before a
model is loaded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.catalog.labels import Labels, plural, read_labels
from mimic_checks.errors import InvalidArgument
from mimic_checks.tasks import TASKS, Choice, Counts, Names, ShortText, Unread, Vocabulary
from tests.tasks.reading import kind

STRANGE = (
    "do_not_turn_r",
    "no entry",
    "not_a_dog",
    "3d printer",
    "toy car",
    "image",
    "none of these",
    "cat and dog",
    "no-parking (any time)",
    "either or",
    "at least one",
    "first image",
    "answer: x",
    "狗",
    "дорожный знак",
    "Straße",
    "*starred*",
    "C++",
    "wait",
    "total",
    "left turn only",
    "I cannot see",
)
NAMES = st.one_of(
    st.sampled_from(STRANGE),
    st.lists(
        st.one_of(
            st.sampled_from("no not none any 3 image dog and or at least the a total".split()),
            st.text(st.characters(categories=["L"]), min_size=2, max_size=8),
        ),
        min_size=1,
        max_size=4,
    ).flatmap(lambda words: st.sampled_from([" ".join(words), "_".join(words), "-".join(words)])),
).filter(lambda name: (any(letter.isalpha() for letter in name) and len(name) > 2) or name == "狗")


@pytest.mark.parametrize("task", ["listing", "common", "odd_one"])
def test_a_name_reads_as_itself(task):
    @given(NAMES)
    def itself(name):
        vocabulary = Vocabulary((name,))
        assert kind(task, name, Names((name,)), vocabulary) == "right"

    itself()


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("task", ["listing", "common", "odd_one"])
def test_a_strange_name_among_others(task, name):
    vocabulary = Vocabulary((*STRANGE, "dog", "cat"))
    assert kind(task, name, Names((name,)), vocabulary) == "right"
    assert kind(task, f"{name}.", Names((name,)), vocabulary) == "right"


@given(NAMES, st.integers(0, 99), st.integers(0, 99))
def test_counts_of_a_name(name, count, other):
    truth = Counts(((name, count), ("zebra", other)))
    vocabulary = Vocabulary((name, "zebra"))
    assert kind("counting", truth.text, truth, vocabulary) == "right"
    one = Counts(((name, count),))
    assert kind("counting", one.text, one, vocabulary) == "right"


@given(NAMES)
def test_an_option_reads_as_itself(name):
    truth = Choice(1, ("zebra crossing", name))
    assert kind("multiple_choice", name, truth) == "right"


@given(NAMES)
def test_a_name_as_a_short_text_agrees_with_itself(name):
    if kind("short_text", name, ShortText((name,))) != "right":
        # Refused before a model is loaded, as it reads as no answer.
        read = TASKS.get("short_text").read(name, ShortText((name,)), (), Vocabulary(()))
        assert isinstance(read, Unread)


@pytest.mark.parametrize(
    ("name", "several"),
    [
        ("glasses", "glasses"),
        ("sunglasses", "sunglasses"),
        ("scissors", "scissors"),
        ("knife", "knives"),
        ("mouse", "mice"),
        ("person", "people"),
        ("sheep", "sheep"),
        ("bus", "buses"),
        ("sports ball", "sports balls"),
        ("wine glass", "wine glasses"),
    ],
)
def test_plurals(name, several):
    assert plural(name) == several


def test_a_question_shows_no_underscore():
    ask = TASKS.get("counting").question
    assert ask("plain", classes=["traffic_cone"], images=2) == (
        "How many traffic cones are there in these images? Answer with a number."
    )
    assert (
        TASKS.get("listing")
        .question("plain", category="road_sign", images=1)
        .startswith("Which kinds of road sign are")
    )


def test_names_of_a_users_file(tmp_path):
    file = tmp_path / "names.toml"
    file.write_text(
        '[do_not_turn_r]\ndisplay = "no-right-turn sign"\nplural = "no-right-turn signs"\n'
        'synonyms = ["right turn ban"]\n[dog]\nsynonyms = ["wauwau"]\n'
    )
    classes = ("do_not_turn_r", "dog")
    labels = read_labels(file, classes)
    ask = TASKS.get("counting").question
    assert "no-right-turn signs" in ask("plain", classes=classes, images=2, labels=labels)
    assert "every no-right-turn sign" in ask("singular", classes=classes, images=2, labels=labels)
    vocabulary = Vocabulary(classes, labels=labels)
    for said in ("no-right-turn sign", "right turn bans", "do_not_turn_r", "do not turn r"):
        assert kind("common", said, Names(("do_not_turn_r",)), vocabulary) == "right"
    assert kind("common", "a wauwau", Names(("dog",)), vocabulary) == "right"
    truth = Counts((("do_not_turn_r", 2), ("dog", 1)))
    assert kind("counting", "2 no-right-turn signs, 1 wauwau", truth, vocabulary) == "right"
    assert labels == Labels(**labels.describe() | {"synonyms": labels.synonyms})


@pytest.mark.parametrize(
    "text",
    [
        '[cat]\ndisplay = "dog"\n',
        '[cat]\nplural = "dogs"\n',
        '[cat]\nplural = "Dogs\u200b"\n',
        '[cat]\nsynonyms = ["kitty"]\n[dog]\nsynonyms = ["kitties"]\n',
        '[cat]\nsynonyms = ["dog"]\n',
        '[cat]\ndisplay = "dog"\n[dog]\ndisplay = "hound"\n',
        '[dog]\ndisplay = "women\u2019s cat"\n[cat]\nsynonyms = ["women\'s cats"]\n',
    ],
)
def test_a_names_file_that_gives_two_classes_one_name_is_refused(tmp_path, text):
    file = tmp_path / "names.toml"
    file.write_text(text, encoding="utf-8")
    for classes in (("cat", "dog"), ("dog", "cat")):
        with pytest.raises(InvalidArgument, match="no answer could tell them apart") as refused:
            read_labels(file, classes)
        assert "'cat' and 'dog' are both" in str(refused.value).replace(
            "'dog' and 'cat'", "'cat' and 'dog'"
        )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[horse]\n[cow]\n", "no such class: 'horse', 'cow'"),
        ("[dog]\ncolour = 1\n", "see 'dog'"),
        ("[dog]\nsynonyms = 'pup'\n", "see 'dog'"),
        ("dog = 1\n", "see 'dog'"),
        ("[dog\n", "a TOML file with a table per class"),
    ],
)
def test_a_wrong_names_file_is_refused(tmp_path, text, says):
    file = tmp_path / "names.toml"
    file.write_text(text)
    with pytest.raises(InvalidArgument, match="vlm-names") as refused:
        read_labels(file, ("dog",))
    assert says in str(refused.value)
    with pytest.raises(InvalidArgument, match="vlm-names"):
        read_labels(tmp_path / "missing.toml", ("dog",))
