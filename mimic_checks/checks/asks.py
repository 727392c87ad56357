"""What a check asks: lists of cases, each under a name, perhaps with other pictures or of a model
under an edit.

Data in: a check's draws. Data out: `Ask`s, known before the first answer, so that processes which
share a run can share any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mimic_checks.cases import Case
from mimic_checks.models import VLM, Prompt


def unedited(prompt: Prompt) -> Prompt:
    """The prompt as the case has it."""
    return prompt


@dataclass(frozen=True)
class Ask:
    """Cases to be answered, journalled under `name`; `edit` may change what the model is shown,
    `model` is the run's model under an edit (None: as it is), `batch` another number of prompts per
    batch."""

    name: str
    cases: Sequence[Case]
    edit: Callable[[Prompt], Prompt] = unedited
    model: VLM | None = None
    batch: int | None = None


def asks_of_sweep(name: str, draws: Sequence[Sequence[Case]]) -> Ask:
    """All cases of a sweep's draws; a case that several levels share is asked once."""
    return Ask(name, distinct(case for group in draws for case in group))


def distinct(cases: Iterable[Case]) -> list[Case]:
    """The cases, each once, in the order of their first appearance."""
    return list({case.id: case for case in cases}.values())
