"""Conditions: cases answered in one way.

A condition is plain data (its transform and intervention are frozen values, not closures), known
before the first answer, so that it can be shared between processes or sent to another machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mimic_checks.cases import Case, Item, cases_of
from mimic_checks.models import Prompt

if TYPE_CHECKING:
    from mimic_checks.models.intervention import Intervention


def unchanged(prompt: Prompt) -> Prompt:
    """The prompt as the case has it."""
    return prompt


@dataclass(frozen=True)
class Condition:
    """Cases to be answered, journalled under `name`. `transform` changes what the model is shown,
    `intervention` what happens inside it, `batch` how many prompts are answered together (None: as
    many as the run measured)."""

    name: str
    cases: Sequence[Case]
    transform: Callable[[Prompt], Prompt] = unchanged
    intervention: Intervention | None = None
    batch: int | None = None


def distinct_cases(items: Iterable[Item | None]) -> list[Case]:
    """All cases of items, each once, in the order of their first appearance: levels and groups may
    share a case, which is asked once."""
    return list({case.id: case for case in cases_of(items)}.values())
