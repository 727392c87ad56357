"""A chat-completions server in this process that misbehaves as it is told."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

from mimic_checks.models import ModelOptions, Prompt, PromptImage, prompt_for

KEY = "sk-very-secret-0123456789"


class ChatServer(ThreadingHTTPServer):
    """Answers with the number of pictures.

    `trouble`, by question: which deed comes first, and how often; a deed is a status, "cut",
    "sleep", "drip" or "endless". `sends`, by question: what it answers instead: a status, headers
    and a body. `most_images`: of more it says what vLLM says. `models`: status, headers and body of
    the list of models; `prefix`: where the interface stands.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock, self.now, self.most, self.slow_s = threading.Lock(), 0, 0, 0.0
        self.requests: list[dict[str, Any]] = []
        self.seen: list[tuple[str, str]] = []
        self.trouble: dict[str, tuple[str, int]] = {}
        self.sends: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.send_all: tuple[int, dict[str, str], bytes] | None = None
        self.answers: Callable[[str, int], str] = lambda question, images: f" {images} \n"
        self.most_images: int | None = None
        self.prefix = "/v1"
        listed = {"object": "list", "data": [{"id": "tiny", "object": "model"}]}
        self.models: tuple[int, dict[str, str], bytes] = json_response(200, listed)

    @property
    def address(self) -> str:
        """Its root, without the prefix."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def options(self, **more: Any) -> ModelOptions:
        return ModelOptions(**{"base_url": f"{self.address}/v1", **more})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ChatServer

    def do_GET(self) -> None:
        self.server.seen.append(("GET", self.path))
        if self.path != f"{self.server.prefix}/models":
            return self._send(*json_response(404, {"detail": "Not Found"}))
        if self.headers["Authorization"] != f"Bearer {KEY}":
            said = f"Incorrect API key provided: {self.headers['Authorization'][7:]}"
            return self._send(*json_response(401, {"error": {"message": said}}))
        return self._send(*self.server.models)

    def do_POST(self) -> None:
        server = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.seen.append(("POST", self.path))
        if self.path != f"{server.prefix}/chat/completions":
            return self._send(*json_response(404, {"detail": "Not Found"}))
        with server.lock:
            server.now += 1
            server.most = max(server.most, server.now)
            server.requests.append(json.loads(body))
        try:
            self._answer(json.loads(body))
        finally:
            with server.lock:
                server.now -= 1

    def _answer(self, asked: dict[str, Any]) -> None:
        server, parts = self.server, asked["messages"][0]["content"]
        question = "".join(part["text"] for part in parts if part["type"] == "text").strip()
        images = sum(part["type"] == "image_url" for part in parts)
        deed, times = server.trouble.get(question, ("", 0))
        if times:
            server.trouble[question] = deed, times - 1
            return self._do(deed)
        time.sleep(server.slow_s)
        if sent := server.sends.get(question, server.send_all):
            return self._send(*sent)
        if server.most_images is not None and images > server.most_images:
            said = (
                f"At most {server.most_images} image(s) may be provided in one prompt (got"
                f" {images})."
            )
            return self._send(*json_response(400, {"error": {"message": said, "code": 400}}))
        return self._send(*completion(server.answers(question, images)))

    def _do(self, deed: str) -> None:
        if deed == "cut":
            return self.connection.shutdown(socket.SHUT_RDWR)
        if deed == "sleep":
            time.sleep(1)
            return self._send(*completion("late"))
        if deed in ("drip", "endless"):
            return self._never_end(b" " if deed == "drip" else b" " * 2**20, deed == "drip")
        said = {"error": {"message": f"no, {self.headers['Authorization']}"}}
        return self._send(*json_response(int(deed), said))

    def _never_end(self, chunk: bytes, slowly: bool) -> None:
        """A body without an end, until the other side hangs up."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.close_connection = True
        try:
            for _ in range(100):
                self.wfile.write(chunk)
                self.wfile.flush()
                time.sleep(0.05 if slowly else 0)
        except OSError:
            return

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[ChatServer]:
    """A server that runs in a thread of this process."""
    with ChatServer() as server:
        # Polled often, so that no test waits for it to end.
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def json_response(status: int, value: object) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


def completion(content: object, finish_reason: object = "stop", **message: object):
    """A chat completion."""
    choice = {
        "index": 0,
        "finish_reason": finish_reason,
        "message": {"role": "assistant", "content": content, **message},
    }
    return json_response(200, {"id": "x", "object": "chat.completion", "choices": [choice]})


def ask(number: object, images: int = 1) -> Prompt:
    """A question about pictures of known colours."""
    colours = [(10 * k, 20, 30) for k in range(images)]
    shown = [
        PromptImage(f"i{k}", lambda c=colour: Image.new("RGB", (8, 6), c))
        for k, colour in enumerate(colours)
    ]
    return prompt_for(shown, f"q{number}", f"case{number}")
