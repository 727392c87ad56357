"""What a server sent back, read: a text, a text that is no answer and why, or an error.

Servers differ, proxies stand between, and some send a page of HTML with status 200. Whatever is no
chat completion is an error that shows its beginning; nothing else becomes a text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from mimic_checks.errors import AnswerError
from mimic_checks.models.reply import Answered, Reply
from mimic_checks.models.server_client import LONGEST_WAIT_S, Response, asked_wait_s, wait_in_words
from mimic_checks.tasks.unread import CUT_OFF, ONLY_REASONING, REFUSED

_SHOWN = 200
"""Characters of a body that an error shows."""
_SHORTEST_SECRET = 12
"""Keys from this length on are taken out of answers too; shorter ones ("EMPTY", "x") are words that
an answer may use."""
_WHOLE = frozenset(
    {
        "",
        "stop",
        "eos",
        "eos_token",
        "end_turn",
        "stop_sequence",
        "stop_token",
        "tool_calls",
        "function_call",
        "complete",
        "completed",
    }
)
"""Why an answer that is whole ends. There is no list of the others, which every server makes up
as it goes: a reason that is not known may mean a text that breaks off."""
_CUT_OFF = frozenset({"length", "max_tokens", "max_length", "model_length", "max_output_tokens"})
_FILTERED = frozenset({"content_filter", "safety", "refusal", "prohibited_content"})
_MESSAGES = ("error", "message", "detail", "msg")
_THOUGHTS = ("reasoning_content", "reasoning")
_TEXT_PARTS = frozenset({"text", "output_text"})
_THOUGHT_PARTS = frozenset({"thinking", "reasoning"})


class Reader:
    """Reads the responses to requests that carried `key`, which is in nothing that is read."""

    def __init__(self, key: str) -> None:
        # As it may stand inside a JSON text, too.
        spellings = {key, json.dumps(key)[1:-1], key.replace("/", "\\/")} - {""}
        self._spellings = sorted(spellings, key=len, reverse=True)
        self._is_secret = len(key) >= _SHORTEST_SECRET

    def answer(self, response: Response) -> Answered:
        """What a response says, stripped."""
        if not _is_success(response):
            return self._refused(response)
        found = _parsed(response.body)
        if not isinstance(found, dict):
            return AnswerError(f"the server sent no answer: {self._start(response)}")
        if _says_error(found):
            message = shorten(self.redacted(_error_message(found))) or self._start(response)
            return AnswerError(f"the server sent an error (HTTP {response.status}): {message}")
        read = _choice(found)
        if isinstance(read, AnswerError):
            return AnswerError(shorten(self.redacted(str(read))))
        if read is None:
            return AnswerError(f"the server sent no answer: {self._start(response)}")
        if not self._is_secret:
            return read
        if isinstance(read, Reply):
            return Reply(self.redacted(read.text), read.remark)
        return self.redacted(read)

    def error(self, response: Response) -> str:
        """What is wrong, in words, with a response that is no answer."""
        found = _parsed(response.body)
        message = _error_message(found) if isinstance(found, dict | list) else ""
        told = shorten(self.redacted(message)) or self._start(response)
        asked_s = asked_wait_s(response.wait)
        wait = (
            f" (Retry-After: {wait_in_words(asked_s)}; waits are at most {LONGEST_WAIT_S:.0f} s)"
            if asked_s is not None
            else ""
        )
        return f"HTTP {response.status}: {told}{wait}{_advice(message)}"

    def redacted(self, text: str) -> str:
        """A text without the key."""
        for spelling in self._spellings:
            text = text.replace(spelling, "***")
        return text

    def _refused(self, response: Response) -> Answered:
        error = _parsed(response.body)
        inner = error.get("error") if isinstance(error, dict) else None
        # Azure's filter answers so to a prompt.
        code = inner.get("code") if isinstance(inner, dict) else None
        if response.status == 400 and code == "content_filter":
            return Reply(self.redacted(_error_message(error)), REFUSED)
        return AnswerError(self.error(response))

    def _start(self, response: Response) -> str:
        """The start of a body in one line, with what it says it is unless that is JSON."""
        # The key goes before the text is cut: half of it is no longer found.
        start = shorten(self.redacted(response.body.decode(errors="replace"))) or "nothing"
        kind = response.kind.partition(";")[0].strip()
        return start if "json" in kind or not kind else f"{self.redacted(kind)[:60]}: {start}"


def models_of(response: Response) -> list[str] | None:
    """The names in a list of models; None if it is none."""
    found = _parsed(response.body) if _is_success(response) else None
    listed = found.get("data") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        return None
    names = [one.get("id") for one in listed if isinstance(one, dict)]
    return [name for name in names if isinstance(name, str)]


def shorten(text: str) -> str:
    """The start of a foreign text, in one line, without control characters."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 3] + "..."


def _parsed(body: bytes) -> Any:
    """The JSON of a body; None if it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _is_success(response: Response) -> bool:
    return 200 <= response.status < 300


def _says_error(found: dict[str, Any]) -> bool:
    return bool(found.get("error")) or found.get("object") == "error"


def _error_message(found: Any, depth: int = 3) -> str:
    """The message in an error's JSON; "" if none is found."""
    if isinstance(found, str):
        return found
    if isinstance(found, list):
        found = found[0] if found else None
    if not isinstance(found, dict) or not depth:
        return ""
    inner = (_error_message(found.get(key), depth - 1) for key in _MESSAGES)
    return next(filter(None, inner), "")


def _advice(message: str) -> str:
    """What helps against an error that names a parameter as one that it does not take."""
    text = message.casefold()
    if not re.search(r"unsupported|not supported|does not support|unrecognized|unknown", text):
        return ""
    if "max_completion_tokens" in text:
        return "; next step: --vlm-request-length max_completion_tokens"
    if "max_tokens" in text:
        return "; next step: --vlm-request-length none, or the name that the server has for it"
    if "temperature" in text:
        return "; next step: --vlm-request-temperature none"
    return ""


def _choice(found: dict[str, Any]) -> Answered | None:
    """What the first choice of a completion says; None if there is none."""
    choices = found.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    # OpenRouter tells so of a provider that failed in the middle.
    if isinstance(first, dict) and first.get("error"):
        told = _error_message(first["error"]) or json.dumps(first["error"])
        return AnswerError(f"the server sent an error with its answer: {told}")
    message = first.get("message") if isinstance(first, dict) else None
    parts = _Parts.of(message) if isinstance(message, dict) else None
    if parts is None or not isinstance(first, dict) or not isinstance(message, dict):
        return None
    reason = _reason(first)
    if reason in _CUT_OFF:
        return Reply(parts.text or parts.thoughts, CUT_OFF)
    if parts.refusal or reason in _FILTERED:
        return Reply(parts.refusal or parts.text, REFUSED)
    if reason not in _WHOLE:
        return AnswerError(
            "the server broke its answer off, or ended it in a way that is not known"
            f" (finish_reason={reason!r})"
        )
    if parts.text:
        return parts.text
    if parts.thoughts:
        return Reply(parts.thoughts, ONLY_REASONING)
    # An empty text is an answer, if a poor one; none at all is not.
    return "" if message.get("content") is not None else None


def _reason(choice: dict[str, Any]) -> str:
    reason: Any = choice.get("finish_reason")
    # SGLang's own form.
    reason = reason.get("type") if isinstance(reason, dict) else reason
    if reason is None:
        return ""
    return reason.strip().casefold() if isinstance(reason, str) else repr(reason)


class _Parts:
    """What a message holds: texts, thoughts and a refusal, each stripped."""

    def __init__(self, texts: Sequence[str], thoughts: Sequence[str], refusals: Sequence[str]):
        self.text, self.thoughts, self.refusal = (
            "".join(kind).strip() for kind in (texts, thoughts, refusals)
        )

    @classmethod
    def of(cls, message: dict[str, Any]) -> _Parts | None:
        """None: the content is of a kind that is not known, and so is what it says."""
        content = message.get("content")
        listed = [] if content is None else content if isinstance(content, list) else [content]
        texts: list[str] = []
        thoughts = [message[key] for key in _THOUGHTS if isinstance(message.get(key), str)][:1]
        refusals = [message["refusal"]] if isinstance(message.get("refusal"), str) else []
        for part in listed:
            if isinstance(part, str):
                texts.append(part)
                continue
            kind = _text_of(part, "type") if isinstance(part, dict) else None
            if kind in _THOUGHT_PARTS:
                thoughts.append(_text_of(part, "thinking", "reasoning", "text") or "")
            elif kind == "refusal":
                refusals.append(_text_of(part, "refusal", "text") or "refused")
            elif kind in _TEXT_PARTS and (text := _text_of(part, "text")) is not None:
                texts.append(text)
            else:
                return None
        return cls(texts, thoughts, refusals)


def _text_of(part: dict[str, Any], *keys: str) -> str | None:
    return next((part[key] for key in keys if isinstance(part.get(key), str)), None)
