"""Answers of earlier runs, by everything that could change them.

    <folder>/<digest of identity and suite>/
        identity.json     for people: whose answers these are
        budget            image tokens per batch, as measured for this model on this device
        <digest>.json     the answers to one batch

The key is the whole batch, in order: what a case is padded beside can flip its answer in half
precision, so an answer that was given in other company is another answer. Batches are planned as if
nothing were cached, so a hit never changes what others are asked beside.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mimic_checks
from mimic_checks.cases import RULE_VERSION
from mimic_checks.models import VLM, Prompt, has_complete_identity
from mimic_checks.runs.journal import Answer
from mimic_checks.runs.whole_file import replace_file


class AnswerCache:
    """The cached answers of the model with this identity.

    A cache that cannot be written is warned of once, and costs no run.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        key = {"identity": dict(identity), "rules": RULE_VERSION, "suite": mimic_checks.__version__}
        self.key = json.dumps(key, sort_keys=True, indent=1)
        self.folder = folder / _digest(self.key)[:32]
        self._writes = True

    def get(self, prompts: Sequence[Prompt]) -> dict[str, Answer] | None:
        """The answers to a batch, by case id.

        None if it has not been answered, or the cached answers cannot be read.
        """
        path = self._path(prompts)
        try:
            known = json.loads(path.read_text())
            return {prompt.case_id: _answer(**known[prompt.case_id]) for prompt in prompts}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            warnings.warn(
                f"cached answers {str(path)!r} cannot be read"
                f" ({type(error).__name__}: {error}) and are asked again",
                stacklevel=3,
            )
            return None

    def put(self, prompts: Sequence[Prompt], answers: Mapping[str, Answer]) -> None:
        """Caches the answers to a batch, unless there is an error among them."""
        # An error may be the machine's (time, memory), not the model's: the next run asks again.
        if all(answer.error is None for answer in answers.values()):
            said = {
                prompt.case_id: {
                    "text": answers[prompt.case_id].text,
                    "remark": answers[prompt.case_id].remark,
                }
                for prompt in prompts
            }
            self._write(self._path(prompts), json.dumps(said))

    def budget(self) -> int | None:
        """Image tokens per batch, as once measured."""
        try:
            return int((self.folder / "budget").read_text())
        except (OSError, ValueError):
            return None

    def keep_budget(self, budget: int) -> None:
        """Caches a measured budget.

        With another one, batches would differ and no answer would be found again.
        """
        self._write(self.folder / "budget", str(budget))

    def _path(self, prompts: Sequence[Prompt]) -> Path:
        batch = [
            [prompt.case_id, [image.id for image in prompt.images], prompt.messages]
            for prompt in prompts
        ]
        return self.folder / f"{_digest(json.dumps(batch))[:32]}.json"

    def _write(self, path: Path, text: str) -> None:
        if not self._writes:
            return
        try:
            # With the first answer: a model whose answers are never kept leaves no folder.
            if not (self.folder / "identity.json").is_file():
                replace_file(self.folder / "identity.json", self.key.encode())
            replace_file(path, text.encode(), durable=False)
        except OSError as error:
            self._writes = False
            warnings.warn(
                f"answers cannot be kept in {str(self.folder)!r} ({error.strerror});"
                " the run goes on without",
                stacklevel=4,
            )


def cache_of(model: VLM, folder: Path | None) -> AnswerCache | None:
    """The cached answers of a model; None without a folder, or if its identity does not tell it
    from every model that could answer otherwise."""
    known = folder is not None and has_complete_identity(model)
    return AnswerCache(folder, model.identity()) if folder and known else None


def _answer(text: str, remark: str) -> Answer:
    return Answer(str(text), remark=str(remark))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
