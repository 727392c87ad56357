"""A model behind an OpenAI-compatible endpoint: vLLM, SGLang, `transformers serve`.

The client (openai's) retries what may pass (429, 5xx, cut connections) with back-off and jitter; a
case whose request failed for good fails alone. Pictures go as PNG data URLs, lossless. The key
comes from the environment (OPENAI_API_KEY) and leaves this module only in the requests' headers.
"""

from __future__ import annotations

import asyncio
import base64
import io
import os
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import openai

from mimic_checks.errors import AnswerError, ModelLoadError
from mimic_checks.models.options import ModelOptions
from mimic_checks.models.prompt import Prompt, PromptImage
from mimic_checks.models.vlm import Capabilities

_NO_KEY = "EMPTY"
"""What servers without authentication are sent."""
_FATAL = (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError)
"""Errors that every other request would meet as well."""


class ServerVLM:
    """The model `name` at `options.base_url`; at most `options.concurrency` requests at a time,
    each with `options.request_timeout` seconds and `retries` further tries."""

    capabilities: ClassVar = Capabilities.of(otherwise="the server shows texts only")
    # The weights behind a name can change.
    complete_identity = False

    def __init__(self, name: str, options: ModelOptions, *, retries: int = 5) -> None:
        assert options.base_url
        self.name, self.options, self.retries = name, options, retries
        self._key = os.environ.get("OPENAI_API_KEY") or _NO_KEY
        self._reach()

    def answer(self, prompts: Sequence[Prompt]) -> list[str | AnswerError]:
        """Greedy answers, stripped, in order; a request that failed for good is an `AnswerError` in
        its place.

        Raises:
            ModelLoadError: the server knows neither key nor model: no request can succeed.
        """
        return asyncio.run(self._all(prompts))

    def identity(self) -> dict[str, Any]:
        """What could change an answer and can be seen from here; the server's own settings
        cannot."""
        return {
            "name": self.name,
            "server": self.options.base_url,
            "max_new_tokens": self.options.max_new_tokens,
            "temperature": 0,
            "client": f"openai {openai.__version__}",
        }

    async def _all(self, prompts: Sequence[Prompt]) -> list[str | AnswerError]:
        slots = asyncio.Semaphore(self.options.concurrency)
        # A client lives in one event loop, and every `answer` has a loop of its own.
        async with self._client() as client:
            return await asyncio.gather(*(self._one(client, prompt, slots) for prompt in prompts))

    async def _one(
        self, client: openai.AsyncOpenAI, prompt: Prompt, slots: asyncio.Semaphore
    ) -> str | AnswerError:
        async with slots:
            # Encoded in a thread, so that requests under way go on, and only with a slot in hand,
            # so that few pictures are held at once. Plain dictionaries, where the client has a type
            # for every kind of message.
            messages: Any = await asyncio.to_thread(chat_request, prompt)
            try:
                completion = await client.chat.completions.create(
                    model=self.name,
                    messages=messages,
                    max_tokens=self.options.max_new_tokens,
                    temperature=0,
                )
            except _FATAL as error:
                raise self._refused(error) from None
            except openai.OpenAIError as error:
                return AnswerError(self._message(error))
        if not completion.choices:
            return AnswerError("the server sent no answer")
        return (completion.choices[0].message.content or "").strip()

    def _reach(self) -> None:
        """Asks the server for its models, so that a wrong address, key or name is known before any
        case is asked."""

        async def models() -> list[str]:
            async with self._client() as client:
                return [model.id async for model in client.models.list()]

        try:
            known = asyncio.run(models())
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise self._refused(error) from None
        # A server that cannot list its models may still answer.
        except openai.APIStatusError:
            return
        except openai.OpenAIError as error:
            raise ModelLoadError(
                f"base-url={self.options.base_url!r} does not answer ({self._message(error)}); is"
                " the server running, and does the address end in /v1?"
            ) from None
        if known and self.name not in known:
            raise ModelLoadError(
                f"model={self.name!r} is not among those that the server has:"
                f" {', '.join(map(repr, known))}"
            )

    def _refused(self, error: openai.OpenAIError) -> ModelLoadError:
        hint = (
            "check OPENAI_API_KEY"
            if not isinstance(error, openai.NotFoundError)
            else "check the model's name and --vlm-base-url"
        )
        return ModelLoadError(
            f"model={self.name!r}: the server refuses every request ({self._message(error)});"
            f" {hint}"
        )

    def _client(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            base_url=self.options.base_url,
            api_key=self._key,
            max_retries=self.retries,
            timeout=self.options.request_timeout,
        )

    def _message(self, error: Exception) -> str:
        """An error's message, never with the key in it."""
        return f"{type(error).__name__}: {error}".replace(self._key, "***")[:500]


def chat_request(prompt: Prompt) -> list[dict[str, Any]]:
    """A prompt's messages as the chat-completions interface takes them: every image placeholder
    becomes a data URL."""
    images = iter(prompt.images)
    return [
        {"role": message["role"], "content": [_part(part, images) for part in message["content"]]}
        for message in prompt.messages
    ]


def _part(part: dict[str, Any], images: Iterator[PromptImage]) -> dict[str, Any]:
    if part["type"] != "image":
        return part
    return {"type": "image_url", "image_url": {"url": _data_url(next(images))}}


def _data_url(image: PromptImage) -> str:
    # Lossless at every level; the lowest is the fastest.
    stream = io.BytesIO()
    image.open().save(stream, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
