"""A model behind an OpenAI-compatible endpoint: vLLM, SGLang, `transformers serve`.

A case whose request failed for good fails alone; what every other request would meet as well stops
the run. Pictures go as PNG data URLs, lossless. The key comes from the environment (OPENAI_API_KEY)
and leaves this module only in the requests' headers.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, TypeVar

import httpx2

from mimic_checks.errors import AnswerError, ModelLoadError
from mimic_checks.models.options import ModelOptions
from mimic_checks.models.prompt import Prompt, PromptImage
from mimic_checks.models.reply import Answered
from mimic_checks.models.server_client import Client, RequestFailed, Response, Unreachable
from mimic_checks.models.server_reply import Reader, models_of
from mimic_checks.models.vlm import Capabilities

_NO_KEY = "EMPTY"
"""What servers without authentication are sent."""
_NAMED_AT_MOST = 20
_TOO_MUCH = frozenset({400, 413, 414, 422})
"""What servers answer to a prompt that they will not take, however often it is sent."""
_FOR_ALL = {
    401: "check OPENAI_API_KEY",
    403: "check OPENAI_API_KEY",
    404: "check the model's name and --vlm-base-url",
    405: "check --vlm-base-url",
}
"""What every other request would meet as well, and what to do."""
_CHAT = "/chat/completions"

T = TypeVar("T")


class ServerVLM:
    """The model `name` at `options.base_url`; at most `options.concurrency` requests at a time,
    each with `options.request_timeout` seconds and, for what may pass, `retries` further tries."""

    capabilities: ClassVar = Capabilities.of("limits", otherwise="the server shows texts only")
    # The weights behind a name can change.
    complete_identity = False

    def __init__(
        self,
        name: str,
        options: ModelOptions,
        *,
        retries: int = 5,
        first_wait_s: float = 0.5,
        key: str | None = None,
    ) -> None:
        assert options.base_url
        self.name, self.options, self.retries = name, options, retries
        self._first_wait_s, self._address = first_wait_s, options.base_url.rstrip("/")
        self._key = (
            _sendable(key, "the key of the judge's server") if key else _key_of_environment()
        )
        # Only what is a secret is taken out of texts.
        self._reader = Reader("" if self._key == _NO_KEY else self._key)
        self._limit: tuple[int, str] | None = None
        self._reach()

    def answer(self, prompts: Sequence[Prompt]) -> list[Answered]:
        """Greedy answers, stripped, in order; in the place of a request that failed for good an
        `AnswerError`, of one that was cut off, refused or held thoughts alone a `Reply`.

        Raises:
            ModelLoadError: no request can succeed (key, name, address).
        """
        return _run(self._all(prompts))

    def identity(self) -> dict[str, Any]:
        """What could change an answer and can be seen from here; the server's own settings
        cannot."""
        options = self.options
        return {
            "name": self.name,
            "server": options.base_url,
            "max_new_tokens": options.max_new_tokens,
            "length_parameter": options.request_length,
            "temperature": 0 if options.request_temperature == "0" else "the server's own",
            "chat_template_args": json.dumps(dict(options.chat_template_args), sort_keys=True),
            "client": f"httpx2 {httpx2.__version__}",
        }

    def why_refused(self, prompt: Prompt) -> str:
        """Asks a prompt; why the server will not take it, in its own words, or "" if it answers.

        Raises:
            AnswerError: neither came of it.
            ModelLoadError: no request can succeed.
        """
        response = _run(self._response(prompt))
        answered = self._reader.answer(response)
        if not isinstance(answered, AnswerError):
            return ""
        if response.status not in _TOO_MUCH:
            raise answered
        return str(answered)

    def limit_images(self, most: int, why: str) -> None:
        """From now on, prompts of more than `most` images are not sent: their answer is the error
        `why`."""
        self._limit = most, why

    async def _all(self, prompts: Sequence[Prompt]) -> list[Answered]:
        slots = asyncio.Semaphore(self.options.concurrency)
        # A client lives in one event loop, and every `answer` has a loop of its own.
        async with self._client() as client:
            return await asyncio.gather(*(self._one(client, prompt, slots) for prompt in prompts))

    async def _one(self, client: Client, prompt: Prompt, slots: asyncio.Semaphore) -> Answered:
        if self._limit and len(prompt.images) > self._limit[0]:
            return AnswerError(self._limit[1])
        async with slots:
            try:
                return self._reader.answer(await self._ask(client, prompt))
            except RequestFailed as error:
                message = self._reader.redacted(str(error))
                if isinstance(error, Unreachable):
                    await self._refuse_lost(client, message)
                return AnswerError(message)

    async def _refuse_lost(self, client: Client, message: str) -> None:
        """Stops if there is no server any more: every case left would become an error, slowly.

        Raises:
            ModelLoadError: it answers nothing at all.
        """
        try:
            await client.send("GET", f"{self._address}/models")
        except Unreachable:
            raise ModelLoadError(
                f"the server at base-url={self.options.base_url!r} does not answer any more"
                f" ({message}); what it has answered is kept: run the same command again to go on"
            ) from None
        except RequestFailed:
            return

    async def _response(self, prompt: Prompt) -> Response:
        async with self._client() as client:
            try:
                return await self._ask(client, prompt)
            except RequestFailed as error:
                raise AnswerError(self._reader.redacted(str(error))) from None

    async def _ask(self, client: Client, prompt: Prompt) -> Response:
        # Encoded in a thread, so that requests under way go on, and only with a slot in hand, so
        # that few pictures are held at once.
        body = await asyncio.to_thread(self._body, prompt)
        response = await client.send("POST", self._address + _CHAT, body)
        self._refuse_useless(response)
        return response

    def _body(self, prompt: Prompt) -> bytes:
        options = self.options
        body: dict[str, Any] = {"model": self.name, "messages": chat_request(prompt)}
        if options.request_length != "none":
            body[options.request_length] = options.max_new_tokens
        if options.request_temperature != "none":
            body["temperature"] = 0
        if options.chat_template_args:
            body["chat_template_kwargs"] = dict(options.chat_template_args)
        return json.dumps(body).encode()

    def _reach(self) -> None:
        """Asks the server for its models, so that a wrong address, key or name is known before any
        case is asked.

        Raises:
            ModelLoadError: it is; names the address that works, if one does.
        """
        response, there = _run(self._look_for_models())
        if response.status in (401, 403) or 300 <= response.status < 400:
            self._refuse_useless(response)
        if there:
            raise ModelLoadError(
                f"base-url={self.options.base_url!r} has no models"
                f" ({self._reader.error(response)}); {there!r} has: use --vlm-base-url {there}"
            )
        # A server that cannot list its models may still answer.
        known = models_of(response)
        if known and self.name not in known:
            more = len(known) - _NAMED_AT_MOST
            raise ModelLoadError(
                f"model={self.name!r} is not among those that the server has:"
                f" {', '.join(map(repr, known[:_NAMED_AT_MOST]))}"
                + (f" and {more} more" if more > 0 else "")
            )

    async def _look_for_models(self) -> tuple[Response, str]:
        """What the address answers when asked for its models, and, if that is no list of models, a
        neighbouring address that has one ("": none)."""
        async with self._client() as client:
            try:
                response = await client.send("GET", f"{self._address}/models")
            except Unreachable as error:
                raise ModelLoadError(
                    f"base-url={self.options.base_url!r} does not answer"
                    f" ({self._reader.redacted(str(error))}); is the server running, and does the"
                    " address end in /v1?"
                ) from None
            except RequestFailed as error:
                raise ModelLoadError(
                    f"base-url={self.options.base_url!r} cannot be used"
                    f" ({self._reader.redacted(str(error))})"
                ) from None
            if models_of(response) is None and not 300 <= response.status < 400:
                for address in _neighbours(self._address):
                    if await self._has_models(client, address):
                        return response, address
        return response, ""

    async def _has_models(self, client: Client, address: str) -> bool:
        try:
            return models_of(await client.send("GET", f"{address}/models")) is not None
        except RequestFailed:
            return False

    def _refuse_useless(self, response: Response) -> None:
        """Stops at what every other request would meet as well.

        Raises:
            ModelLoadError: it is met; with what to do.
        """
        if 300 <= response.status < 400:
            where = self._reader.redacted(response.location)[:200]
            raise ModelLoadError(
                f"base-url={self.options.base_url!r} redirects (HTTP {response.status}) to"
                f" {where!r}; redirects are not followed, since pictures and key go only where you"
                " named: give the address that it leads to as --vlm-base-url, if you trust it"
            )
        if response.status in _FOR_ALL:
            raise ModelLoadError(
                f"model={self.name!r}: the server refuses every request"
                f" ({self._reader.error(response)}); {_FOR_ALL[response.status]}"
            )

    def _client(self) -> Client:
        return Client(
            self._key,
            timeout_s=self.options.request_timeout,
            retries=self.retries,
            first_wait_s=self._first_wait_s,
        )


def chat_request(prompt: Prompt) -> list[dict[str, Any]]:
    """A prompt's messages as the chat-completions interface takes them: every image placeholder
    becomes a data URL."""
    images = iter(prompt.images)
    return [
        {"role": message["role"], "content": [_part(part, images) for part in message["content"]]}
        for message in prompt.messages
    ]


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result, also where a loop is running already (a notebook, an async test)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def _key_of_environment() -> str:
    return _sendable(os.environ.get("OPENAI_API_KEY", "").strip() or _NO_KEY, "OPENAI_API_KEY")


def _sendable(key: str, name: str) -> str:
    # A line break at its end is how keys come out of files.
    if not (key.isascii() and key.isprintable()):
        raise ModelLoadError(
            f"{name} holds characters that no key may have (line breaks, or none of ASCII);"
            " set it again"
        )
    return key


def _neighbours(address: str) -> list[str]:
    """Where the interface may stand if not here."""
    if address.endswith(_CHAT):
        return [address.removesuffix(_CHAT)]
    return [address.removesuffix("/v1") if address.endswith("/v1") else f"{address}/v1"]


def _part(part: dict[str, Any], images: Iterator[PromptImage]) -> dict[str, Any]:
    if part["type"] != "image":
        return part
    return {"type": "image_url", "image_url": {"url": _data_url(next(images))}}


def _data_url(image: PromptImage) -> str:
    # Lossless at every level; the lowest is the fastest.
    stream = io.BytesIO()
    image.open().save(stream, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
