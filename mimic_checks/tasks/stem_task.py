"""What the tasks share whose question somebody else words."""

from __future__ import annotations

from typing import ClassVar

from mimic_checks.tasks.task import Task, Template
from mimic_checks.tasks.wording import Wording


class StemTask(Task):
    """A question of any kind, the stem, to which `wording` adds in which form to answer."""

    wording: ClassVar[Wording]

    def question(self, template: Template, *, stem: str) -> str:
        """The question, and in which form to answer.

        Raises:
            InvalidArgument: unknown template.
        """
        return self.wording.text(template, stem=stem)
