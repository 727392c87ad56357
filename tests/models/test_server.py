"""Models behind an OpenAI-compatible endpoint: a server that misbehaves on purpose, and a real one
with the built-in model.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import logging
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from PIL import Image

from mimic_checks.checks.limits import find_limit
from mimic_checks.errors import AnswerError, InvalidArgument, ModelLoadError
from mimic_checks.models import ModelOptions, Reply, server_client
from mimic_checks.models.backends import BUILTIN_FOLDER
from mimic_checks.models.server import ServerVLM
from mimic_checks.models.spec import check_vlm, load_vlm
from mimic_checks.runs import Runner
from mimic_checks.tasks.unread import CUT_OFF
from tests.models.chat_server import KEY, ask, completion, json_response, serving

HTML = (
    200,
    {"Content-Type": "text/html; charset=utf-8"},
    b"<!doctype html><p>Welcome, " + KEY.encode(),
)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving() as made:
        yield made


def vlm(server, name="tiny", *, retries=2, **options):
    """The model behind it, impatient."""
    return ServerVLM(name, server.options(**options), retries=retries, first_wait_s=0.01)


def test_pictures_arrive_lossless_and_in_order(server):
    assert vlm(server, max_new_tokens=7).answer([ask(0, images=3)]) == ["3"]
    (request,) = server.requests
    assert (request["model"], request["max_tokens"], request["temperature"]) == ("tiny", 7, 0)
    assert "chat_template_kwargs" not in request
    urls = [
        part["image_url"]["url"]
        for part in request["messages"][0]["content"]
        if part["type"] == "image_url"
    ]
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,"))))
        for url in urls
    ]
    colours = [(0, 20, 30), (10, 20, 30), (20, 20, 30)]
    assert [picture.getpixel((3, 3)) for picture in pictures] == colours


def test_concurrency_is_used_and_bounded(server):
    server.slow_s = 0.05
    assert vlm(server, concurrency=3).answer([ask(k) for k in range(12)]) == ["1"] * 12
    assert server.most == 3


@pytest.mark.parametrize("deed", ["408", "429", "500", "503", "cut"])
def test_what_passes_is_tried_again(server, deed):
    server.trouble = {"q1": (deed, 2)}
    assert vlm(server).answer([ask(0), ask(1), ask(2)]) == ["1", "1", "1"]
    assert len(server.requests) == 5


def test_what_does_not_pass_fails_alone_and_without_the_key(server):
    server.trouble = {"q1": ("500", 99), "q2": ("400", 99)}
    answers = Runner(vlm(server, retries=1), batch=4).answer([ask(k) for k in range(4)])
    assert [answers[f"case{k}"].text for k in (0, 3)] == ["1", "1"]
    assert answers["case1"].error == "HTTP 500: no, Bearer ***"
    assert answers["case2"].error == "HTTP 400: no, Bearer ***"
    assert KEY not in str(answers)
    assert sum("q1" in json.dumps(request) for request in server.requests) == 2, (
        "a failing case does not make the others asked again"
    )
    assert len(server.requests) == 5


def test_a_server_that_is_gone_stops_the_run_and_one_that_cuts_a_question_does_not(server):
    server.trouble = {"q1": ("cut", 99)}
    model = vlm(server)
    fine, cut = model.answer([ask(0), ask(1)])
    assert fine == "1"
    assert isinstance(cut, AnswerError)
    server.shutdown()
    server.server_close()
    with pytest.raises(ModelLoadError, match="does not answer any more .* command again to go on"):
        model.answer([ask(0)])


@pytest.mark.parametrize("deed", ["sleep", "drip"])
def test_a_request_has_a_time_limit_in_all(server, deed):
    """Also one of which a byte comes now and then."""
    server.trouble = {"q0": (deed, 99)}
    began = time.monotonic()
    (found,) = vlm(server, request_timeout=0.3).answer([ask(0)])
    assert time.monotonic() - began < 2.5
    assert isinstance(found, AnswerError)
    assert "timed out: no whole answer within 0.3 s (--vlm-request-timeout)" in str(found)
    assert len(server.requests) == 1, "what is slow is not tried again"


def test_an_answer_has_a_largest_size(server, monkeypatch):
    monkeypatch.setattr(server_client, "LARGEST_BODY", 2**22)
    server.trouble = {"q0": ("endless", 1)}
    huge, fine = vlm(server).answer([ask(0), ask(1)])
    assert str(huge) == "HTTP 200: more than 4 MiB came back, which is no answer"
    assert fine == "1"


def test_packed_answers_are_read_once_and_bounded(server, monkeypatch):
    def packed(body, times=1):
        status, headers, _ = completion("")
        for _ in range(times):
            body = gzip.compress(body)
        return status, {**headers, "Content-Encoding": ", ".join(["gzip"] * times)}, body

    monkeypatch.setattr(server_client, "LARGEST_BODY", 2**20)
    server.sends = {
        "q0": packed(completion("2")[2]),
        "q1": packed(b" " * 2**21),
        "q2": packed(completion("2")[2], times=2),
        "q3": (200, {"Content-Encoding": "gzip"}, b"no gzip"),
    }
    fine, large, twice, broken = vlm(server).answer([ask(k) for k in range(4)])
    assert fine == "2"
    assert str(large) == "HTTP 200: more than 1 MiB came back, which is no answer"
    assert str(twice) == "HTTP 200: a body that is packed several times"
    assert str(broken).startswith("DecodingError")


def test_a_server_that_asks_to_wait_is_heard_within_a_bound(server, monkeypatch, caplog):
    waits = []

    async def slept(seconds):
        waits.append(seconds)

    monkeypatch.setattr(server_client.asyncio, "sleep", slept)
    busy = json_response(429, {"error": {"message": "busy"}})
    busy[1]["Retry-After"] = "3600"
    server.sends = {"q0": busy}
    with caplog.at_level(logging.WARNING):
        (found,) = vlm(server).answer([ask(0)])
    assert waits == [60.0, 60.0]
    assert str(found) == "HTTP 429: busy (Retry-After: 3600 s; waits are at most 60 s)"
    assert [record.getMessage() for record in caplog.records] == [
        "the server (HTTP 429) asks to wait 3600 s (Retry-After); trying again in 60 s"
    ], "one line for all requests that wait"
    waits.clear()
    busy[1]["Retry-After"] = "2"
    vlm(server).answer([ask(0)])
    assert waits == [2.0, 2.0]


@pytest.mark.parametrize("header", ["", "soon", "-5", "nan", "inf", "1e999", "Mon, 99 Nov 2026"])
def test_a_wait_of_no_sense_is_none(header):
    assert server_client.asked_wait_s(header) is None


def test_a_wait_may_be_a_date():
    assert server_client.asked_wait_s("Fri, 01 Jan 2100 00:00:00 GMT") > 1e8
    assert server_client.asked_wait_s("Fri, 01 Jan 2021 00:00:00 GMT") is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("when", ["models", "answer"])
def test_redirects_are_refused_and_never_followed(server, status, when):
    with serving() as elsewhere:
        target = f"{elsewhere.address}/v1/chat/completions?{KEY}"
        redirect = status, {"Location": target}, b""
        if when == "models":
            server.models = redirect
        else:
            server.send_all = redirect
        with pytest.raises(ModelLoadError, match=f"redirects \\(HTTP {status}\\) to ") as error:
            vlm(server).answer([ask(0)])
        assert repr(target.replace(KEY, "***")) in str(error.value)
        assert elsewhere.seen == []


def test_an_address_without_v1_is_told_the_one_that_works(server):
    for wrong in (server.address, f"{server.address}/", f"{server.address}/v1/chat/completions"):
        with pytest.raises(ModelLoadError, match=f"use --vlm-base-url {server.address}/v1$"):
            vlm(server, base_url=wrong)
    server.prefix = ""
    with pytest.raises(ModelLoadError, match=f"use --vlm-base-url {server.address}$"):
        vlm(server)
    assert server.requests == []


def test_a_server_that_lists_no_models_may_answer(server):
    for models in (HTML, json_response(404, {}), json_response(200, {"data": None})):
        server.models = models
        assert vlm(server).answer([ask(0)]) == ["1"]


def test_a_wrong_key_name_or_address_stops_before_any_case(server, monkeypatch):
    with pytest.raises(
        ModelLoadError, match="model='big' is not among those that the server has: 'tiny'"
    ):
        vlm(server, "big")
    server.trouble = {"q0": ("404", 99)}
    with pytest.raises(ModelLoadError, match="check the model's name"):
        vlm(server).answer([ask(0)])
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with pytest.raises(ModelLoadError, match="check OPENAI_API_KEY") as error:
        vlm(server)
    assert "sk-wrong" not in str(error.value)
    with pytest.raises(ModelLoadError, match="does not answer .* is the server running"):
        ServerVLM("tiny", ModelOptions(base_url="http://127.0.0.1:9/v1"), retries=0)
    for address in ("http://[/v1", "http://localhost:99999/v1"):
        with pytest.raises(ModelLoadError, match="base-url=.* (cannot be used|does not answer)"):
            ServerVLM("tiny", ModelOptions(base_url=address), retries=0)
    assert not [request for request in server.requests if "q1" in json.dumps(request)]


def test_a_key_out_of_a_file_loses_its_line_break_and_one_of_other_letters_is_refused(
    server, monkeypatch
):
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    assert vlm(server).answer([ask(0)]) == ["1"]
    for key in ("sk-geheim-schlüssel", "sk-two\nlines"):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        with pytest.raises(ModelLoadError, match="OPENAI_API_KEY holds characters") as error:
            vlm(server)
        assert key not in str(error.value)


def test_parameters_can_be_renamed_and_left_out(server):
    template = {"enable_thinking": False}
    for options, sent, absent in (
        ({"request_length": "max_completion_tokens"}, "max_completion_tokens", "max_tokens"),
        ({"request_length": "none"}, "temperature", "max_tokens"),
        ({"request_temperature": "none"}, "max_tokens", "temperature"),
        ({"chat_template_args": template}, "chat_template_kwargs", "enable_thinking"),
    ):
        model = vlm(server, **options)
        assert model.answer([ask(0)]) == ["1"]
        request = server.requests[-1]
        assert sent in request
        assert absent not in request
        assert model.identity() != vlm(server).identity()
    assert request["chat_template_kwargs"] == template
    for name in ("max tokens", "", "messages", "model"):
        with pytest.raises(InvalidArgument, match=f"vlm-request-length='{name}' is not allowed"):
            ModelOptions(request_length=name)
    with pytest.raises(InvalidArgument, match="vlm-request-temperature='0.7' is not allowed"):
        ModelOptions(request_temperature="0.7")


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use"
            " 'max_completion_tokens' instead.",
            "--vlm-request-length max_completion_tokens",
        ),
        ("Unsupported parameter: 'max_tokens'", "--vlm-request-length none"),
        (
            "Unsupported value: 'temperature' does not support 0 with this model.",
            "--vlm-request-temperature none",
        ),
        ("'max_tokens' or 'max_completion_tokens' is too large: 64.", ""),
        ("At most 2 images", ""),
    ],
)
def test_a_parameter_that_is_not_taken_is_told_with_the_option(server, said, advice):
    server.send_all = json_response(400, {"error": {"message": said}})
    (found,) = vlm(server).answer([ask(0)])
    assert str(found).startswith(f"HTTP 400: {said}")
    assert advice in str(found)
    assert ("next step" in str(found)) == bool(advice)


def test_what_a_server_will_not_take_is_told_from_what_goes_wrong(server):
    server.most_images = 2
    model = vlm(server)
    assert model.why_refused(ask(0, images=2)) == ""
    assert model.why_refused(ask(0, images=3)) == (
        "HTTP 400: At most 2 image(s) may be provided in one prompt (got 3)."
    )
    server.trouble = {"q1": ("503", 99)}
    with pytest.raises(AnswerError, match="HTTP 503: no"):
        model.why_refused(ask(1))
    model.limit_images(2, "too many")
    asked = len(server.requests)
    found = model.answer([ask(0, images=3), ask(0, images=2)])
    assert (str(found[0]), found[1]) == ("too many", "2")
    assert len(server.requests) == asked + 1


@pytest.mark.parametrize(
    ("sends", "message"),
    [
        (HTML, "the server sent no answer: text/html: <!doctype html><p>Welcome, \\*\\*\\*"),
        ((307, {"Location": "http://127.0.0.1:9/v1"}, b""), "redirects \\(HTTP 307\\) to "),
        (json_response(200, {"choices": None}), "the server sent no answer: "),
        (
            json_response(400, {"error": {"message": "Unsupported parameter: 'max_tokens'"}}),
            "not answer a single question .*--vlm-request-length",
        ),
    ],
)
def test_a_server_that_answers_nothing_is_no_model(server, sends, message):
    server.send_all = sends
    with pytest.raises(ModelLoadError, match=message):
        find_limit(vlm(server), [ask(0), ask(1, images=2)])


def test_answers_are_given_where_a_loop_runs_already(server):
    """In a notebook, or a test that is a coroutine."""
    import asyncio

    async def inside():
        return vlm(server).answer([ask(0)])

    assert asyncio.run(inside()) == ["1"]


def test_a_remark_reaches_the_run(server):
    server.sends = {"q0": completion("2 + 2 is", "length")}
    answers = Runner(vlm(server), batch=1).answer([ask(0)])
    assert (answers["case0"].text, answers["case0"].remark) == ("2 + 2 is", CUT_OFF)
    assert vlm(server).answer([ask(0)]) == [Reply("2 + 2 is", CUT_OFF)]


def test_options_are_refused_before_anything_is_asked():
    with pytest.raises(InvalidArgument, match="--vlm-base-url http://host:port/v1"):
        check_vlm("openai:tiny", ModelOptions(), None)
    with pytest.raises(
        InvalidArgument,
        match="vlm-mask='deep' is not allowed; allowed: 'auto' with models behind a server",
    ):
        check_vlm("openai:tiny", ModelOptions(base_url="http://x/v1", mask="deep"), None)
    for address in ("localhost:8000", "http://user:secret@x/v1", "http://x/v1?key=secret"):
        with pytest.raises(InvalidArgument, match="vlm-base-url=") as error:
            ModelOptions(base_url=address)
        assert "secret" not in str(error.value)


@pytest.mark.slow
def test_a_real_server_answers_as_the_model_does_in_process(tmp_path):
    """`transformers serve` with the built-in model."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        "from transformers.cli.transformers import main; main()",
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--device",
        "cpu",
        "--dtype",
        "float32",
        str(BUILTIN_FOLDER),
    ]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/health", process, tmp_path / "log")
        from mimic_checks.cases import counting_cases, draw
        from mimic_checks.catalog import load_catalog
        from mimic_checks.models import prompt_of

        catalog = load_catalog("rendered?scenes=200&families=0")
        cases = draw(counting_cases(catalog, spread=2, instances=(1, 2)), 6, 0)
        prompts = [prompt_of(case, catalog.manifest) for case in cases]
        served = ServerVLM(
            str(BUILTIN_FOLDER), ModelOptions(base_url=f"{address}/v1", concurrency=2)
        ).answer(prompts)
        assert served == list(load_vlm("builtin", ModelOptions(), catalog).answer(prompts))
        assert len(set(served)) > 1
    finally:
        process.kill()
        process.wait()


def _wait_for(address, process, log):
    for _ in range(240):
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(log.read_text()[-2000:])
