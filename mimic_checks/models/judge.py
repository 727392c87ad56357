"""A judge: a model behind a server that is asked whether a free answer means what is true.

Its key is MIMIC_CHECKS_JUDGE_KEY, or else OPENAI_API_KEY, and goes to the judge's address only.
Objects are scored as in "What's in the Image?" (arXiv 2411.17491): F1 of the objects in both, left
out and added; against what is true, not against another answer of the model.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mimic_checks.cases import Case, TextPart
from mimic_checks.errors import InvalidArgument
from mimic_checks.models.options import ModelOptions
from mimic_checks.models.prompt import Prompt
from mimic_checks.models.reply import Answered
from mimic_checks.tasks.truth import Names, ShortText

PROMPTS = Path(__file__).with_name("judge.toml")
_PREFIX = "openai:"
_VERDICT = re.compile(r"(yes|no)\.?", re.IGNORECASE)
_COUNTS = re.compile(r"(\d{1,4})[ ,]+(\d{1,4})[ ,]+(\d{1,4})\.?")
_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a judge found: whether the answer is right and, of a list of objects, its F1."""

    right: bool
    f1: float | None = None


class Judge:
    """The model of `spec` ("openai:<name>") at an address of its own.

    Raises:
        ModelLoadError: it cannot be reached, or no request can succeed.
    """

    def __init__(self, spec: str, options: ModelOptions) -> None:
        # Only runs that have a judge need what talks to servers.
        from mimic_checks.models.server import ServerVLM

        self._prompts = tomllib.loads(PROMPTS.read_text("utf-8"))
        self._server = ServerVLM(judge_name(spec), options, key=_key())
        self._identity = json.dumps(self._server.identity(), sort_keys=True)

    def key(self, case: Case, answer: str) -> str:
        """What a ruling is kept under: who judges, and all that it is asked."""
        asked = json.dumps([self._identity, self._question(case, answer)])
        return hashlib.sha256(asked.encode()).hexdigest()

    def ask(self, asked: Sequence[tuple[Case, str]]) -> list[Answered]:
        """What the judge says to every case and answer, in order, as a model answers."""
        prompts = [
            Prompt(case.id, (TextPart(self._question(case, answer)),)) for case, answer in asked
        ]
        return self._server.answer(prompts)

    def _question(self, case: Case, answer: str) -> str:
        truth = case.truth
        assert isinstance(truth, ShortText | Names)
        known = truth.accepted if isinstance(truth, ShortText) else truth.names
        # One pass, so that a placeholder in an answer stays what it is.
        texts = {"question": case.question, "truth": list(known), "answer": answer}
        return re.sub(
            r"\{(question|truth|answer)\}",
            lambda found: json.dumps(texts[found[1]], ensure_ascii=False),
            self._prompts[case.task].strip(),
        )


def judged(case: Case) -> bool:
    """Whether a case's answer is free text that a judge has a prompt for."""
    return case.task in ("short_text", "listing") and isinstance(case.truth, ShortText | Names)


def ruling(case: Case, said: str) -> Ruling | None:
    """What a judge's words come to; None if they are not what it was asked for, or counts that do
    not add up to the objects there are."""
    text = said.strip()
    if isinstance(case.truth, ShortText):
        verdict = _VERDICT.fullmatch(text)
        return Ruling(verdict[1].lower() == "yes") if verdict else None
    assert isinstance(case.truth, Names)
    counts = _COUNTS.fullmatch(text)
    if not counts:
        return None
    both, left_out, added = (int(count) for count in counts.groups())
    if both + left_out != len(set(case.truth.names)):
        return None
    total = 2 * both + left_out + added
    return Ruling(not left_out and not added, 2 * both / total if total else 1.0)


def judge_options(base_url: str, like: ModelOptions) -> ModelOptions:
    """How a judge is asked: at its address, as patiently as the model.

    Raises:
        InvalidArgument: the address is none.
    """
    return ModelOptions(
        base_url=base_url,
        max_new_tokens=_TOKENS,
        concurrency=like.concurrency,
        request_timeout=like.request_timeout,
    )


def judge_name(spec: str) -> str:
    """The name of the model that judges.

    Raises:
        InvalidArgument: it is not named as a model of a server is.
    """
    name = spec.removeprefix(_PREFIX)
    if not spec.startswith(_PREFIX) or not name:
        raise InvalidArgument("vlm-judge", spec, allowed="'openai:<name>'")
    return name


def _key() -> str | None:
    """The judge's own key; None: that of the environment which servers get."""
    return os.environ.get("MIMIC_CHECKS_JUDGE_KEY", "").strip() or None
