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
        Unread,
        check_template,
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
]

_TASK = ("TASKS", "TEMPLATES", "Score", "Task", "Template", "Unread", "check_template")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "task" if name in _TASK else "vocabulary" if name == "Vocabulary" else "truth"
    return getattr(import_module(f"{__name__}.{home}"), name)
