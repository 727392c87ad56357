"""Records: what is written is read back equal, groups are put together again, types survive."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.cases import Group, GroupOutcome, ImagePart, Level, Outcome, TextPart, make_case
from mimic_checks.characters import whole
from mimic_checks.errors import RunFolderError
from mimic_checks.tasks import Choice, Counts, Names, Number, ShortText, YesNo
from mimic_checks.verdicts.files import numbered_lines, read_models
from mimic_checks.verdicts.record import Record, records_of, scored_by_level
from tests.scored import case, group, outcome, records

ANSWERS = (
    st.text()
    | st.text("\u2028\u2029\x85\x0b\x1c\r\n\\\"'\x00{}")
    | st.text(st.characters(categories=["Cs", "Lu"])).map(whole)
)
WORDS = st.text(min_size=1, max_size=8)
TRUTHS = st.one_of(
    st.lists(st.tuples(WORDS, st.integers(0, 99)), min_size=1, max_size=3).map(
        lambda counts: Counts(tuple(counts))
    ),
    st.lists(WORDS, max_size=3).map(lambda names: Names(tuple(names))),
    st.lists(st.text(max_size=4), min_size=1, max_size=4).flatmap(
        lambda options: st.integers(0, len(options) - 1).map(
            lambda index: Choice(index, tuple(options))
        )
    ),
    st.booleans().map(YesNo),
    st.builds(Number, st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 10)),
    st.lists(WORDS, min_size=1, max_size=3).map(lambda words: ShortText(tuple(words))),
)
PARTS = st.lists(
    WORDS.map(TextPart) | st.integers(0, 9).map(lambda k: ImagePart(f"img{k}")), min_size=1
).map(tuple)
FACTORS = st.dictionaries(
    WORDS, st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text() | st.booleans()
)
LEVELS = st.builds(
    Level,
    st.sampled_from(["spread", "position"]),
    st.integers(0, 9) | st.floats(0.1, 9.5) | st.sampled_from(["middle", "Ende", "3"]),
    st.sampled_from(["", "in the middle"]),
)


@st.composite
def outcomes(draw):
    """Any outcome of any case."""
    content = draw(PARTS)
    images = sum(isinstance(part, ImagePart) for part in content)
    asked = make_case(
        task=draw(WORDS),
        template="plain",
        content=content,
        truth=draw(TRUTHS),
        offered=draw(st.lists(WORDS, max_size=3)),
        needles=draw(st.lists(st.integers(0, images - 1), max_size=3)) if images else (),
        factors=draw(FACTORS),
    )
    kind = draw(st.sampled_from(["right", "wrong", "unparseable", "error"]))
    partial = draw(st.none() | st.floats(0, 1))
    return Outcome(asked, draw(ANSWERS), kind, partial, draw(st.none() | TRUTHS))


@given(outcomes(), LEVELS)
def test_any_record_is_one_line_and_is_read_back_equal(answered, level):
    (record,) = records([answered], level)
    line = record.model_dump_json().encode()
    assert b"\n" not in line
    again = Record.model_validate_json(line)
    assert again == record
    assert Record.model_validate(record.model_dump(mode="json")) == record
    assert again.level.label == level.label
    assert type(again.level.value) is type(level.value)
    assert type(again.outcome.case.truth) is type(answered.case.truth)
    assert list(map(type, again.outcome.case.content)) == list(map(type, answered.case.content))
    kept = again.outcome.case.factors
    assert {name: type(value) for name, value in kept.items()} == {
        name: type(value) for name, value in answered.case.factors.items()
    }


@given(st.lists(ANSWERS, min_size=1, max_size=4))
def test_lines_end_at_the_line_feed_and_nowhere_else(answers):
    items = [outcome(k, "wrong", answer) for k, answer in enumerate(answers)]
    data = b"".join(r.model_dump_json().encode() + b"\n" for r in records(items))
    assert [number for number, _ in numbered_lines(data)] == list(range(1, len(answers) + 1))


def test_cases_and_groups_come_back_in_order_level_by_level():
    pair = group(1, ["right", "wrong"], roles=("normal", "misleading"))
    rotations = group(2, ["right", "right", "right"], rule="consistent")
    alone = outcome(3, "unparseable", "hm")
    one, two = Level("position", "middle"), Level("position", "end")
    lines = records([pair, alone, rotations], one) + records([alone, pair], two)
    assert scored_by_level(lines) == {one: [pair, alone, rotations], two: [alone, pair]}


def test_a_case_in_two_groups_stays_in_both():
    """Two groups may share a member, and one draw may repeat another's case in its own cluster."""
    shared, a, b = (outcome(k, "right", count=k) for k in (1, 2, 3))
    groups = [
        GroupOutcome(Group((first.case, second.case)), (first, second))
        for first, second in ((shared, a), (shared, b))
    ]
    elsewhere = replace(shared, case=replace(shared.case, cluster="another draw"))
    items = [*groups, shared, elsewhere]
    (again,) = scored_by_level(records(items)).values()
    assert again == items
    assert again[3].cluster == "another draw"


def test_a_torn_group_is_refused():
    lines = records([group(1, ["right", "wrong"]), outcome(2, "right")])
    for torn in (lines[:1], [lines[0], lines[2]], [lines[1]]):
        with pytest.raises(RunFolderError, match="has not all of its 2 cases"):
            scored_by_level(torn)
    with pytest.raises(RunFolderError, match="has other cases than were recorded"):
        scored_by_level([lines[1], lines[0]])


def test_rows_are_those_of_the_images():
    assert records([outcome(1, "right", images=3)])[0].rows == (0, 1, 2)
    nowhere = records_of("x", Level("a", 1), [outcome(1, "right")], lambda image: -1)
    assert nowhere[0].rows == (-1, -1)


def test_broken_lines_are_named(tmp_path):
    path = tmp_path / "x.jsonl"
    good = records([outcome(1, "right")])[0].model_dump_json()
    for bad, message in (
        ("{}", "Field required"),
        (good.replace('"answer"', '"more":1,"answer"'), "Unexpected keyword argument"),
        (good.replace('"value":2', '"value":"__"'), "a name with a letter"),
    ):
        path.write_text(f"{good}\n{bad}\n")
        with pytest.raises(RunFolderError, match=f"x.jsonl:2' is not a Record: .*{message}"):
            read_models(Record, path)


def test_a_record_says_what_a_stranger_needs():
    """The field names are read by people and by scripts."""
    (record,) = records([outcome(1, "wrong")])
    written = record.model_dump(mode="json")
    assert list(written) == ["check", "level", "outcome", "rows", "group"]
    assert written["level"] == {"factor": "spread", "value": 2, "label": "spread=2"}
    keys = ["case", "answer", "kind", "partial", "prediction", "remark"]
    assert list(written["outcome"]) == keys
    assert written["outcome"]["case"]["truth"] == {"counts": [["cat", 3]], "kind": "counts"}
    assert written["outcome"]["case"]["content"][0] == {"image": "img0", "type": "image"}
    assert case(1).id == written["outcome"]["case"]["id"]
