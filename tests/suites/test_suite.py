"""A suite opened: cases, pictures, identity, refusals; and what stands before a model is loaded."""

from __future__ import annotations

import hashlib
import json

import pytest

from mimic_checks.cases import Group, ImagePart, TextPart, cases_of
from mimic_checks.catalog import load_catalog
from mimic_checks.errors import InvalidArgument, SuiteError
from mimic_checks.suites import SUITES
from mimic_checks.suites.suite import categories_of, open_suite, suite_name, with_option
from tests.suites import toy


@pytest.fixture(scope="module", autouse=True)
def registered():
    SUITES.add("toy", toy.TOY)


@pytest.fixture
def folder(tmp_path):
    return toy.write(tmp_path / "toy")


def asked(suite):
    return {name: cases_of(items) for name, items in suite.asked.items()}


def test_items_become_cases_with_pictures_where_the_question_puts_them(folder):
    suite = open_suite(f"toy:{folder}")
    rows = json.loads((folder / "items.json").read_text())
    cases = asked(suite)
    assert list(cases) == ["is there", "which one"]
    assert [len(found) for found in cases.values()] == [20, 20]
    row, case = rows[1], cases["which one"][0]
    ids = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in row["files"]]
    assert case.content == (
        TextPart(f"Which picture is {row['asked']}?\n(A) "),
        ImagePart(ids[0]),
        TextPart("\n(B) "),
        ImagePart(ids[1]),
        TextPart("\n(C) "),
        ImagePart(ids[2]),
        TextPart("\nAnswer: "),
    )
    assert case.truth.text == "ABC"[row["shown"].index(row["asked"])]
    assert suite.manifest.open(ids[2]).getpixel((23, 23)) == toy.COLOURS[row["shown"][2]]
    assert suite.items[case.id].id == "q1"


def test_what_has_no_answer_is_named_and_not_asked(folder):
    suite = open_suite(f"toy:{folder}")
    reasons = {refused.id: refused.reason for refused in suite.refused}
    assert set(reasons) == {"no picture", "bad gold"}
    assert "gone.png" in reasons["no picture"]
    assert reasons["bad gold"] == "its gold 'J' is not an option"


def test_the_hash_is_of_pictures_answers_and_words_and_of_nothing_else(folder):
    before = open_suite(f"toy:{folder}")
    assert before.data_hash == open_suite(f"toy:{folder}?template=as_in_the_file").data_hash
    rows = json.loads((folder / "items.json").read_text())
    rows[0]["asked"] = "green" if rows[0]["asked"] != "green" else "red"
    (folder / "items.json").write_text(json.dumps(rows))
    changed = open_suite(f"toy:{folder}").data_hash
    toy._picture(folder, "3-0", "green", 77)
    assert len({before.data_hash, changed, open_suite(f"toy:{folder}").data_hash}) == 3


def test_so_many_of_every_category_are_a_seeded_choice(folder):
    some = asked(open_suite(f"toy:{folder}?items=7"))
    assert [len(found) for found in some.values()] == [7, 7]
    assert some == asked(open_suite(f"toy:{folder}?items=7"))
    every = asked(open_suite(f"toy:{folder}"))
    assert all(case in every[name] for name, found in some.items() for case in found)


def test_rotated_options_are_one_item_that_is_right_only_in_all(folder):
    suite = open_suite(with_option(f"toy:{folder}", "rotate", "true"))
    groups = suite.asked["which one"]
    assert all(isinstance(group, Group) and len(group.cases) == 3 for group in groups)
    for group in groups:
        assert {case.truth.text for case in group.cases} == set("ABC")
        turned = [suite.items[case.id] for case in group.cases]
        assert [item.truth for item in turned] == [case.truth for case in group.cases]
        assert len({item.options for item in turned}) == 3
    with pytest.raises(InvalidArgument, match="as_in_the_file.*shows item 'q1' as the file has it"):
        open_suite(f"toy:{folder}?rotate=true&template=as_in_the_file")


def test_images_that_a_template_does_not_place_stand_first(folder):
    case = asked(open_suite(f"toy:{folder}?template=as_in_the_file"))["which one"][0]
    assert [part.type for part in case.content] == ["image", "image", "image", "text"]


def test_the_same_item_twice_is_refused(folder):
    rows = json.loads((folder / "items.json").read_text())
    rows.append({**rows[0], "id": "again"})
    (folder / "items.json").write_text(json.dumps(rows))
    found = {r.id: r.reason for r in open_suite(f"toy:{folder}").refused}
    assert found["again"] == "the same question as q0"
    rows.append(rows[0])
    (folder / "items.json").write_text(json.dumps(rows))
    with pytest.raises(SuiteError, match="two items have the id 'q0'"):
        open_suite(f"toy:{folder}")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("tory:x", "did you mean 'toy'"),
        ("toy", "allowed: toy:<folder>"),
        ("toy:x?tempalte=a", "vlm-suite option='tempalte'"),
        ("toy:{}?template=ours", "template of suite 'toy'='ours'.*'official', 'as_in_the_file'"),
        ("toy:{}?items=-1", "items=-1"),
        ("toy:{}?items=few", "vlm-suite option items='few'"),
    ],
)
def test_what_is_not_allowed(folder, spec, message):
    with pytest.raises(InvalidArgument, match=message):
        open_suite(spec.format(folder))


def test_nothing_to_ask_is_refused_with_reasons(folder):
    rows = json.loads((folder / "items.json").read_text())
    (folder / "items.json").write_text(json.dumps(rows[-2:]))
    with pytest.raises(SuiteError, match=r"no item can be asked; no picture: .*bad gold: its gold"):
        open_suite(f"toy:{folder}")


def test_a_suite_is_a_catalog_and_its_name_opens_it_again(folder):
    suite = open_suite(f"toy:{folder}?items=3")
    again = load_catalog(suite.name)
    assert again.data_hash == suite.data_hash
    assert [again.manifest.id(row) for row in range(len(again))] == list(suite.picture_ids)


def test_names_and_categories_without_reading_items(folder, monkeypatch):
    monkeypatch.setattr(toy, "read", lambda *given, **more: pytest.fail("items were read"))
    assert categories_of(f"toy:{folder}") == ("is there", "which one")
    assert suite_name(f"toy:{folder}") == "toy"
    assert suite_name(f"toy:{folder}?name=old") == "old"
