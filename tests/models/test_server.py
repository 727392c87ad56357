"""Models behind an OpenAI-compatible endpoint: a server that misbehaves on purpose, and a real one
with the built-in model.
"""

from __future__ import annotations

import base64
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from mimic_checks.errors import AnswerError, InvalidArgument, ModelLoadError
from mimic_checks.models import ModelOptions, PromptImage, prompt_for
from mimic_checks.models.backends import BUILTIN_FOLDER
from mimic_checks.models.server import ServerVLM
from mimic_checks.models.spec import check_vlm, load_vlm
from mimic_checks.runs import Runner

KEY = "sk-very-secret-0123456789"


class Misbehaving(BaseHTTPRequestHandler):
    """Answers with the number of pictures; `trouble` by question: how often which status or deed
    comes first."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.headers["Authorization"] != f"Bearer {KEY}":
            return self._send(
                401,
                {
                    "error": {
                        "message": (
                            f"Incorrect API key provided: {self.headers['Authorization'][7:]}"
                        )
                    }
                },
            )
        return self._send(
            200,
            {
                "object": "list",
                "data": [{"id": "tiny", "object": "model", "created": 0, "owned_by": "us"}],
            },
        )

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.now += 1
            server.most = max(server.most, server.now)
            server.requests.append(asked)
        try:
            self._answer(asked)
        finally:
            with server.lock:
                server.now -= 1

    def _answer(self, asked):
        parts = asked["messages"][0]["content"]
        question = "".join(part["text"] for part in parts if part["type"] == "text").strip()
        deed, times = self.server.trouble.get(question, ("", 0))
        if times:
            self.server.trouble[question] = deed, times - 1
            if deed == "cut":
                return self.connection.shutdown(socket.SHUT_RDWR)
            if deed == "sleep":
                time.sleep(3)
            else:
                return self._send(
                    int(deed), {"error": {"message": f"no, {self.headers['Authorization']}"}}
                )
        time.sleep(self.server.slow_s)
        images = [part for part in parts if part["type"] == "image_url"]
        message = {"role": "assistant", "content": f" {len(images)} \n"}
        return self._send(
            200,
            {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": asked["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            },
        )

    def _send(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    made = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    made.daemon_threads = True
    made.lock, made.now, made.most, made.requests, made.trouble, made.slow_s = (
        threading.Lock(),
        0,
        0,
        [],
        {},
        0.0,
    )
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def options(server, **more):
    return ModelOptions(base_url=f"http://127.0.0.1:{server.server_address[1]}/v1", **more)


def ask(number, images=1):
    """A question about pictures of known colours."""
    colours = [(10 * k, 20, 30) for k in range(images)]
    shown = [
        PromptImage(f"i{k}", lambda c=colour: Image.new("RGB", (8, 6), c))
        for k, colour in enumerate(colours)
    ]
    return prompt_for(shown, f"q{number}", f"case{number}")


def test_pictures_arrive_lossless_and_in_order(server):
    assert ServerVLM("tiny", options(server, max_new_tokens=7)).answer([ask(0, images=3)]) == ["3"]
    (request,) = server.requests
    assert (request["model"], request["max_tokens"], request["temperature"]) == ("tiny", 7, 0)
    urls = [
        part["image_url"]["url"]
        for part in request["messages"][0]["content"]
        if part["type"] == "image_url"
    ]
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,"))))
        for url in urls
    ]
    assert [picture.getpixel((3, 3)) for picture in pictures] == [
        (0, 20, 30),
        (10, 20, 30),
        (20, 20, 30),
    ]


def test_concurrency_is_used_and_bounded(server):
    server.slow_s = 0.05
    assert (
        ServerVLM("tiny", options(server, concurrency=3)).answer([ask(k) for k in range(12)])
        == ["1"] * 12
    )
    assert server.most == 3


@pytest.mark.parametrize("deed", ["429", "500", "503", "cut"])
def test_what_passes_is_tried_again(server, deed):
    server.trouble = {"q1": (deed, 2)}
    assert ServerVLM("tiny", options(server)).answer([ask(0), ask(1), ask(2)]) == ["1", "1", "1"]
    assert len(server.requests) == 5


def test_what_does_not_pass_fails_alone_and_without_the_key(server):
    server.trouble = {"q1": ("500", 99), "q2": ("400", 99)}
    answers = Runner(ServerVLM("tiny", options(server), retries=1), batch=4).answer(
        [ask(k) for k in range(4)]
    )
    assert [answers[f"case{k}"].text for k in (0, 3)] == ["1", "1"]
    assert answers["case1"].error.startswith("InternalServerError: ")
    assert answers["case2"].error.startswith("BadRequestError: ")
    assert KEY not in str(answers)
    assert "***" in answers["case1"].error
    assert sum("q1" in json.dumps(request) for request in server.requests) == 2, (
        "a failing case does not make the others asked again"
    )
    assert len(server.requests) == 5


def test_a_request_has_a_time_limit(server):
    server.trouble = {"q0": ("sleep", 99)}
    began = time.monotonic()
    (found,) = ServerVLM("tiny", options(server, request_timeout=0.3), retries=0).answer([ask(0)])
    assert time.monotonic() - began < 2.5
    assert isinstance(found, AnswerError)
    assert "timed out" in str(found)


def test_a_wrong_key_name_or_address_stops_before_any_case(server, monkeypatch):
    with pytest.raises(
        ModelLoadError, match="model='big' is not among those that the server has: 'tiny'"
    ):
        ServerVLM("big", options(server))
    server.trouble = {"q0": ("404", 99)}
    with pytest.raises(ModelLoadError, match="check the model's name"):
        ServerVLM("tiny", options(server)).answer([ask(0)])
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with pytest.raises(ModelLoadError, match="check OPENAI_API_KEY") as error:
        ServerVLM("tiny", options(server))
    assert "sk-wrong" not in str(error.value)
    with pytest.raises(ModelLoadError, match="does not answer .* is the server running"):
        ServerVLM("tiny", ModelOptions(base_url="http://127.0.0.1:9/v1"), retries=0)
    assert not [request for request in server.requests if "q1" in json.dumps(request)]


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


def test_a_run_leaves_no_key_behind(server, pytester):
    """Reports, journals, logs: whatever the server says back."""
    server.trouble = {"How many": ("500", 99)}
    arguments = (
        "--pyargs",
        "mimic_checks.checks",
        "-p",
        "no:cacheprovider",
        "--vlm-cases",
        "40",
        "-k",
        "test_unbalanced",
        "--vlm",
        "openai:tiny",
        "--vlm-base-url",
        options(server).base_url,
        "--vlm-batch",
        "40",
    )
    result = pytester.runpytest_subprocess(*arguments)
    assert result.ret == 1, "it counts pictures, not things"
    written = [
        path.read_bytes() for path in (pytester.path / "mimic-report").rglob("*") if path.is_file()
    ]
    assert len(written) > 4
    assert not any(KEY.encode() in data for data in written)
    assert KEY not in result.stdout.str() + result.stderr.str()


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
