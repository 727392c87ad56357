"""Requests to a server, and all that may happen on their way.

What may pass (408, 425, 429, 5xx, cut connections) is tried again with back-off and jitter, after
as long as the server asks for, within a bound. Redirects are never followed: they would carry
pictures and key to an address that nobody named. Time and size are limited over the whole answer,
for a server may also send a byte now and then, or never come to an end.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType

import httpx2

from mimic_checks.errors import AnswerError, message_of

LARGEST_BODY = 16 * 2**20
"""Bytes that a server may answer with."""
LONGEST_WAIT_S = 60.0
"""The longest wait before another try, whatever the server asks for."""
_LONGEST_BACK_OFF_S = 8.0
_LONGEST_SHOWN_S = 86_400.0
_PASSES = frozenset({408, 425, 429})
_TOLD_FROM_S = 5.0
"""Waits from this length on are logged."""
_LOG = logging.getLogger(__name__)


class RequestFailed(Exception):
    """No answer came, or none that could be taken whole; the message may hold the key."""


class Unreachable(RequestFailed):
    """No connection, or one that broke, after all tries."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a server sent: `kind` is its content type, `location` where a redirect leads, `wait`
    what it asked for in a Retry-After."""

    status: int
    body: bytes
    kind: str = ""
    location: str = ""
    wait: str = ""


class Client:
    """Sends requests with a key, each try at most `timeout_s` seconds, and `retries` more of
    them."""

    def __init__(self, key: str, *, timeout_s: float, retries: int, first_wait_s: float) -> None:
        self._timeout_s, self._retries, self._first_wait_s = timeout_s, retries, first_wait_s
        headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        # The whole try has a limit; httpx's own are for each read.
        # How many are sent at once is decided elsewhere; one that waits for a connection would use
        # up its time.
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        self._http = httpx2.AsyncClient(
            headers=headers, timeout=None, follow_redirects=False, limits=limits
        )
        self._told = 0.0

    async def send(self, method: str, url: str, body: bytes | None = None) -> Response:
        """What the server answers in the end; of what may pass, the last.

        Raises:
            RequestFailed: nothing whole came.
        """
        number = 0
        while True:
            response: Response | None = None
            try:
                response = await self._try(method, url, body)
                if not _passes(response.status) or number == self._retries:
                    return response
            except Unreachable:
                if number == self._retries:
                    raise
            await asyncio.sleep(self._wait_s(number, response))
            number += 1

    async def _try(self, method: str, url: str, body: bytes | None) -> Response:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream(method, url, content=body, headers=headers) as response,
            ):
                return Response(
                    response.status_code,
                    await _limited(response),
                    response.headers.get("content-type", ""),
                    response.headers.get("location", ""),
                    response.headers.get("retry-after", ""),
                )
        # Not tried again: whatever is slow has had the full time.
        except TimeoutError:
            raise RequestFailed(
                f"the request timed out: no whole answer within {self._timeout_s:g} s"
                " (--vlm-request-timeout)"
            ) from None
        except (httpx2.TransportError, OSError) as error:
            raise Unreachable(_named(error)) from None
        # What says something already, or concerns more than this request (a time limit of the run).
        except (RequestFailed, AnswerError, MemoryError):
            raise
        # Bodies that are not what their header says, addresses that are none, and what else the
        # client's own layers let through.
        except Exception as error:
            raise RequestFailed(_named(error)) from None

    def _wait_s(self, number: int, response: Response | None) -> float:
        back_off_s: float = min(_LONGEST_BACK_OFF_S, self._first_wait_s * 2**number)
        wait_s = back_off_s * random.uniform(0.75, 1.0)
        asked_s = asked_wait_s(response.wait) if response else None
        if response is None or asked_s is None:
            return wait_s
        wait_s = max(wait_s, min(asked_s, LONGEST_WAIT_S))
        # Many requests wait together; one line tells of all.
        now = time.monotonic()
        if wait_s >= _TOLD_FROM_S and now >= self._told:
            self._told = now + wait_s
            _LOG.warning(
                "the server (HTTP %d) asks to wait %s (Retry-After); trying again in %.0f s",
                response.status,
                wait_in_words(asked_s),
                wait_s,
            )
        return wait_s

    async def __aenter__(self) -> Client:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(kind, error, trace)


def asked_wait_s(header: str) -> float | None:
    """Seconds that a Retry-After asks for, from now; None if it says nothing of sense."""
    try:
        seconds = float(header)
    except ValueError:
        try:
            until = parsedate_to_datetime(header)
        except (ValueError, OverflowError):
            return None
        # A date without a zone is one in UTC, as all dates of HTTP are.
        until = until.replace(tzinfo=until.tzinfo or UTC)
        seconds = (until - datetime.now(UTC)).total_seconds()
    return seconds if 0 <= seconds < float("inf") else None


def wait_in_words(seconds: float) -> str:
    """A wait that was asked for; of one without sense, only that it is one."""
    return f"{seconds:.0f} s" if seconds <= _LONGEST_SHOWN_S else "more than a day"


def _passes(status: int) -> bool:
    return status in _PASSES or status >= 500


async def _limited(response: httpx2.Response) -> bytes:
    # One that was packed several times may unpack to any size before its first bytes are seen.
    if "," in response.headers.get("content-encoding", ""):
        raise RequestFailed(f"HTTP {response.status_code}: a body that is packed several times")
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_BODY:
            raise RequestFailed(
                f"HTTP {response.status_code}: more than {LARGEST_BODY >> 20} MiB came back, which"
                " is no answer"
            )
    return b"".join(chunks)


def _named(error: Exception) -> str:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return message_of(error) if str(error) else type(error).__name__
