"""What kinds of question there are: each one's wording, truth, reader and score.

Names are imported when they are used, so that collecting checks stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimic_checks.tasks.task import (
        TASKS,
        TEMPLATES,
        Score,
        Task,
        Template,
        check_template,
        read_answer,
    )
    from mimic_checks.tasks.truth import (
        Choice,
        Counts,
        Names,
        Number,
        ShortText,
        Truth,
        YesNo,
        of_type,
    )
    from mimic_checks.tasks.unread import Unread
    from mimic_checks.tasks.vocabulary import Vocabulary

__all__ = [
    "TASKS",
    "TEMPLATES",
    "Choice",
    "Counts",
    "Names",
    "Number",
    "Score",
    "ShortText",
    "Task",
    "Template",
    "Truth",
    "Unread",
    "Vocabulary",
    "YesNo",
    "check_template",
    "of_type",
    "read_answer",
]

_HOMES = {"Vocabulary": "vocabulary", "Unread": "unread"} | dict.fromkeys(
    ("TASKS", "TEMPLATES", "Score", "Task", "Template", "check_template", "read_answer"), "task"
)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'truth')}"), name)
