"""Rules and windows by themselves: what they allow and refuse, as the documentation shows it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.attention import ImageLocal, Knockout, LayerWindow, TokenType, WindowedRule
from mimic_checks.attention.edit import layer_rules
from mimic_checks.attention.family_mask import rule_function
from mimic_checks.errors import AttentionError
from tests.attention.test_segmented import token_map

ROW = [("text", 1), ("image", 2), ("text", 1), ("image", 2), ("text", 2)]


def picture(rules, rows=(ROW,)):
    """What the rules allow, a row of text per query: "o" a key that it sees, "-" one cut."""
    mapped = token_map(list(rows), max(sum(n for _, n in row) for row in rows))
    positions = torch.arange(mapped.length)
    allowed = rule_function(rules, mapped)(
        torch.tensor(0), torch.tensor(0), positions[:, None], positions[None, :]
    )
    return [
        "".join("o" if allowed[q, k] else "-" for k in range(q + 1)) for q in range(mapped.length)
    ]


def test_image_local_is_what_its_docstring_draws():
    assert picture([ImageLocal()]) == [
        "o",
        "-o",
        "-oo",
        "oooo",
        "----o",
        "----oo",
        "ooooooo",
        "oooooooo",
    ]


def test_knockouts():
    assert picture([Knockout("images", "generated")])[-2:] == ["ooooooo", "o--o--oo"]
    assert picture([Knockout("images", "question")])[3] == "o--o"
    assert picture([Knockout("images", "question")])[-2:] == ["o--o--o", "oooooooo"]
    assert picture([Knockout("images", "text")])[-2:] == ["o--o--o", "o--o--oo"]
    assert picture([Knockout(0, 1)])[4:6] == ["o--oo", "o--ooo"]
    assert picture([Knockout(1, "text")])[-1] == "oooo--oo"
    assert picture([Knockout(0, 0)])[1:3] == ["oo", "o-o"], "a position always sees itself"


def test_rules_do_not_bite_where_there_is_nothing_to_cut():
    one = [("text", 1), ("image", 3), ("text", 1)]
    assert picture([ImageLocal()], [one]) == ["o" * (q + 1) for q in range(5)]
    assert picture([Knockout(1, "text")], [one]) == ["o" * (q + 1) for q in range(5)]


@given(first=st.integers(-2, 30), last=st.integers(-2, 30), depth=st.integers(1, 28))
def test_windows_by_index_hold_both_ends_or_are_refused(first, last, depth):
    if 0 <= first <= last < depth:
        assert list(LayerWindow(first, last).layers(depth)) == [
            k for k in range(depth) if first <= k <= last
        ]
    else:
        with pytest.raises(
            AttentionError, match=rf"is outside the model; allowed: layers 0 to {depth - 1}"
        ):
            LayerWindow(first, last).layers(depth)


@given(cut=st.floats(0.01, 0.99), depth=st.integers(2, 80))
def test_windows_by_share_part_the_depth(cut, depth):
    edge = round(cut * depth)
    if 0 < edge < depth:
        first, second = LayerWindow(0.0, cut), LayerWindow(cut, 1.0)
        assert [*first.layers(depth), *second.layers(depth)] == list(range(depth))


def test_the_papers_windows():
    assert LayerWindow.parse("deep").layers(24) == range(12, 24)
    assert LayerWindow.parse("deep").layers(28) == range(14, 28)
    assert LayerWindow.parse("12-23").layers(24) == range(12, 24)
    assert LayerWindow.parse("all").layers(24) == range(24)


def test_bad_windows_and_groups():
    with pytest.raises(
        AttentionError,
        match="layers='12..23' is no window; allowed: 'all', 'deep', 'shallow', '12-23', '0.5-1.0'",
    ):
        LayerWindow.parse("12..23")
    with pytest.raises(
        AttentionError, match="target='answer' is no group of tokens; allowed: 'images', 'question'"
    ):
        Knockout("images", "answer")  # type: ignore[arg-type]
    with pytest.raises(AttentionError, match="source=-1 is no group"):
        Knockout(-1, "text")


def test_rules_of_layers_add_up():
    by_layer = layer_rules(
        [
            WindowedRule(ImageLocal(), LayerWindow(1, 2)),
            WindowedRule(Knockout(0, "text"), LayerWindow(2, 3)),
        ],
        4,
    )
    assert by_layer == {
        1: (ImageLocal(),),
        2: (ImageLocal(), Knockout(0, "text")),
        3: (Knockout(0, "text"),),
    }


def test_padding_is_never_text():
    mapped = token_map([[("image", 2), ("image", 2), ("text", 1)]], 8)
    assert (mapped.kind[0, :3] == TokenType.PADDING).all()
    positions = torch.arange(8)
    allowed = rule_function([Knockout("text", "text")], mapped)(
        torch.tensor(0), torch.tensor(0), positions[:, None], positions[None, :]
    )
    assert allowed[7, :7].all()
