"""What a server sends back: every shape that was met, and any other."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mimic_checks.errors import AnswerError
from mimic_checks.models import Reply
from mimic_checks.models.server_client import Response
from mimic_checks.models.server_reply import Reader, models_of
from mimic_checks.tasks.unread import CUT_OFF, ONLY_REASONING, REFUSED
from tests.models.chat_server import KEY, completion, json_response

PNG_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00"


def read(sent, key=KEY):
    status, headers, body = sent
    return Reader(key).answer(Response(status, body, headers.get("Content-Type", "")))


def error(sent):
    found = read(sent)
    assert isinstance(found, AnswerError)
    return str(found)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (completion(" 2 \n"), "2"),
        (completion(""), ""),
        (completion("2", None), "2"),
        (completion("2", "eos_token"), "2"),
        (completion("2", {"type": "stop", "matched": 7}), "2"),
        (completion("2", refusal=None, reasoning_content=None, tool_calls=[]), "2"),
        (completion("2", reasoning_content="Two, I think. No, three."), "2"),
        (
            completion([{"type": "text", "text": "There are "}, {"type": "text", "text": "2."}]),
            "There are 2.",
        ),
        (completion([{"type": "output_text", "text": "2", "annotations": []}]), "2"),
        (completion(["2"]), "2"),
        (completion([{"type": "thinking", "thinking": "3?"}, {"type": "text", "text": "2"}]), "2"),
        (completion([]), ""),
    ],
)
def test_texts(sent, text):
    assert read(sent) == text


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        (completion("There are", "length"), Reply("There are", CUT_OFF)),
        (completion("There are", "max_tokens"), Reply("There are", CUT_OFF)),
        (completion("There are", "model_length"), Reply("There are", CUT_OFF)),
        (completion("There are", {"type": "length", "length": 64}), Reply("There are", CUT_OFF)),
        (completion(None, "length", reasoning_content="First, I"), Reply("First, I", CUT_OFF)),
        (completion(None, reasoning_content="3."), Reply("3.", ONLY_REASONING)),
        (completion("", reasoning="3."), Reply("3.", ONLY_REASONING)),
        (completion("\n", reasoning="3."), Reply("3.", ONLY_REASONING)),
        (completion([{"type": "thinking", "thinking": "3."}]), Reply("3.", ONLY_REASONING)),
        (completion(None, refusal="I cannot."), Reply("I cannot.", REFUSED)),
        (completion([{"type": "refusal", "refusal": "No."}]), Reply("No.", REFUSED)),
        (completion("There", "content_filter"), Reply("There", REFUSED)),
        (completion(None, "content_filter"), Reply("", REFUSED)),
        (
            json_response(
                400, {"error": {"code": "content_filter", "message": "The prompt was filtered."}}
            ),
            Reply("The prompt was filtered.", REFUSED),
        ),
    ],
)
def test_texts_that_are_no_answer(sent, reply):
    assert read(sent) == reply


HTML = 200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>\n <p>Sign in</p>"


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (HTML, "the server sent no answer: text/html: <html> <p>Sign in</p>"),
        ((200, {"Content-Type": "application/json"}, b""), "the server sent no answer: nothing"),
        ((200, {}, PNG_HEAD), "the server sent no answer: \ufffdPNG"),
        ((200, {}, b'data: {"id": 1}\n\n'), 'the server sent no answer: data: {"id": 1}'),
        (json_response(200, {"choices": None}), 'the server sent no answer: {"choices": null}'),
        (json_response(200, {"choices": []}), 'the server sent no answer: {"choices": []}'),
        (json_response(200, {"choices": [{}]}), 'the server sent no answer: {"choices": [{}]}'),
        (json_response(200, [1, 2]), "the server sent no answer: [1, 2]"),
        (json_response(200, "2"), 'the server sent no answer: "2"'),
        (json_response(200, 2), "the server sent no answer: 2"),
        (
            json_response(200, {"error": {"message": "out of memory", "code": 507}}),
            "the server sent an error (HTTP 200): out of memory",
        ),
        (
            json_response(200, {"object": "error", "message": "no such model"}),
            "the server sent an error (HTTP 200): no such model",
        ),
        (
            json_response(200, {"error": "overloaded"}),
            "the server sent an error (HTTP 200): overloaded",
        ),
        (json_response(200, {"error": 5}), 'the server sent an error (HTTP 200): {"error": 5}'),
        (
            json_response(422, {"detail": [{"loc": ["body"], "msg": "field required"}]}),
            "HTTP 422: field required",
        ),
        (json_response(400, "bad"), 'HTTP 400: "bad"'),
        (
            (502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway"),
            "HTTP 502: text/html: <h1>Bad Gateway",
        ),
    ],
)
def test_errors(sent, message):
    assert error(sent) == message


def test_a_key_that_a_cut_would_halve_is_not_shown():
    status, headers, body = completion("2")
    sent = json.loads(body)
    for length in range(120, 200):
        sent["choices"][0]["error"] = "x" * length + KEY
        message = error((status, headers, json.dumps(sent).encode()))
        assert KEY[:8] not in message
        assert len(message) <= 200


def test_a_wait_of_years_is_not_counted_in_seconds():
    response = Response(429, b"{}", wait="Wed, 21 Oct 2099 07:28:00 GMT")
    assert "Retry-After: more than a day;" in str(Reader(KEY).answer(response))


@pytest.mark.parametrize(
    "reason", ["abort", "insufficient_system_resource", "recitation", "time_limit", "Other", 7]
)
def test_an_answer_that_ends_for_an_unknown_reason_is_an_error_that_names_it(reason):
    message = error(completion("There are 2 in the first and", reason))
    assert f"finish_reason={str(reason).casefold()!r}" in message


@pytest.mark.parametrize("reason", ["stop", "STOP", "eos", "end_turn", "tool_calls", "complete"])
def test_an_answer_that_ends_for_a_known_reason_is_whole(reason):
    assert read(completion("2", reason)) == "2"


@pytest.mark.parametrize(
    ("inner", "said"),
    [({"message": f"upstream {KEY} died"}, "upstream *** died"), ({"code": 502}, '{"code": 502}')],
)
def test_an_error_beside_an_answer_is_an_error(inner, said):
    status, headers, body = completion("There are 2")
    sent = json.loads(body)
    sent["choices"][0]["error"] = inner
    message = error((status, headers, json.dumps(sent).encode()))
    assert message == f"the server sent an error with its answer: {said}"


@pytest.mark.parametrize(
    "content",
    [
        None,
        2,
        True,
        {"text": "2"},
        [2],
        [None],
        [{"text": "2"}],
        [{"type": "image_url"}],
        [{"type": "text", "text": 2}],
    ],
)
def test_content_of_an_unknown_kind_is_no_answer(content):
    assert error(completion(content)).startswith("the server sent no answer: {")


def test_messages_are_bounded_and_in_one_line():
    for sent in ((200, {}, b"x \r\n\x1b[31m" * 10**5), json_response(500, {"error": "y " * 10**5})):
        message = error(sent)
        assert len(message) < 300
        assert message.isprintable()


@given(st.integers(0, 260), st.sampled_from(["{}", '{{"error": {{"message": "{}"}}}}']))
def test_no_part_of_the_key_is_in_a_message_wherever_it_stands(before, form):
    body = form.format("a" * before + KEY).encode()
    for status in (200, 400, 500):
        assert "very-secret" not in error((status, {}, body))
    if before < 150:
        assert "***" in error((400, {}, body))


def test_the_key_is_in_no_answer_and_a_word_in_its_place_stays():
    assert read(completion(f"It is {KEY}.")) == "It is ***."
    assert read(completion(f"It is {KEY}", "length")) == Reply("It is ***", CUT_OFF)
    assert read(completion("4 boxes"), key="x") == "4 boxes"
    assert read(completion("EMPTY"), key="") == "EMPTY"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "choices message content text type finish_reason refusal reasoning error".split()
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
ANSWERS = ("2", {"type": "text", "text": "2"})


def texts_in(value):
    """Every text that may be read from a body: those of its first choice's message."""
    if isinstance(value, str):
        return {value.strip()}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {text for one in inner for text in texts_in(one)}


@given(JSON)
@example({"choices": {"0": {"message": {"content": "2"}}}})
@example({"choices": ["2"]})
@example({"choices": [{"text": "2"}]})
@example({"message": {"content": "2"}})
@example({"content": "2"})
def test_any_json_is_a_text_of_its_first_message_or_an_error(value):
    found = read(json_response(200, value))
    if isinstance(found, AnswerError):
        assert str(found)
        return
    message = value["choices"][0]["message"]
    text = found.text if isinstance(found, Reply) else found
    said = texts_in(message)
    assert isinstance(text, str)
    assert text == "" or text in said or all(piece in "".join(said) for piece in text.split())
    if not isinstance(found, Reply):
        content = message["content"]
        whole = (
            content
            if isinstance(content, str)
            else "".join(
                part if isinstance(part, str) else part.get("text", "")
                for part in content
                if isinstance(part, str) or part.get("type") in ("text", "output_text")
            )
        )
        assert found == whole.strip()


@given(JSON, JSON, st.sampled_from(["stop", "length", "content_filter", None]))
def test_any_content_is_itself_or_none(content, reasoning, reason):
    found = read(completion(content, reason, reasoning=reasoning))
    if isinstance(content, str) and content.strip() and reason in ("stop", None):
        assert found == content.strip()
    elif isinstance(found, str):
        assert found == "" or isinstance(content, list)


@given(st.binary(max_size=60), st.integers(200, 599))
@example(b"[" * 100000, 200)
@example(b'{"choices":' * 20000, 200)
@example(b"9" * 5000, 200)
@example("{}".encode("utf-16"), 200)
def test_any_bytes_are_an_error(body, status):
    assert isinstance(read((status, {}, body)), AnswerError)


def test_lists_of_models():
    def listed(value, status=200):
        return models_of(Response(status, json.dumps(value).encode()))

    assert listed({"data": [{"id": "a"}, {"id": "b"}]}) == ["a", "b"]
    assert listed({"data": []}) == []
    assert listed({"data": [{"id": 5}, "c", None]}) == []
    for other in ({"data": None}, {}, [], None, "data", {"data": {"id": "a"}}):
        assert listed(other) is None
    assert listed({"data": [{"id": "a"}]}, status=404) is None
