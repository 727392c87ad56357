"""Model options: what may be said of a model, and how it is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.errors import InvalidArgument
from mimic_checks.models import ModelOptions, check_vlm

NAMES = st.from_regex(r"arg_[a-z]{1,5}", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=2),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("enable_thinking=false", {"enable_thinking": False}),
        ("enable_thinking=False", {"enable_thinking": False}),
        ("thinking_budget=0, mode=short answers,", {"mode": "short answers", "thinking_budget": 0}),
        ('{"enable_thinking": false, "tools": ["a", {"b": 1}]}', None),
        ("", {}),
    ],
)
def test_template_arguments_are_read(text, args):
    found = ModelOptions(chat_template_args=text).chat_template_args
    assert found == (json.loads(text) if args is None else args)
    assert list(found) == sorted(found)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_template_arguments_are_the_same_however_they_are_given(args):
    as_text = ModelOptions(chat_template_args=json.dumps(args))
    assert as_text == ModelOptions(chat_template_args=args)
    assert hash(as_text) == hash(ModelOptions(chat_template_args=args))
    assert as_text.chat_template_args == args


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("enable_thinking", "allowed: a JSON object, or key=value with commas between"),
        ("a=1,a=2", "allowed: a JSON object"),
        ("no-name=1", "allowed: a JSON object"),
        ("=1", "allowed: a JSON object"),
        ("{'a': 1}", "allowed: a JSON object"),
        ('{"a": 1', "allowed: a JSON object"),
        ({"a": object()}, "allowed: a JSON object"),
        ({1: 2}, "allowed: a JSON object"),
        ("add_generation_prompt=false", "add_generation_prompt is set by the suite"),
        ({"messages": [], "tokenize": True}, "messages, tokenize is set by the suite"),
    ],
)
def test_what_is_no_template_argument_is_refused(given, message):
    with pytest.raises(InvalidArgument, match=f"vlm-chat-template-args=.*{message}"):
        ModelOptions(chat_template_args=given)


def test_a_stub_has_no_template(scenes):
    with pytest.raises(InvalidArgument, match="none with stubs, which have no chat template"):
        check_vlm("stub:oracle", ModelOptions(chat_template_args="a=1"), scenes)
