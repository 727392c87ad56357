"""What the tasks share whose answer is the name of one class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from mimic_checks.tasks import mimic_release
from mimic_checks.tasks.names import offered_names, read_names
from mimic_checks.tasks.task import Task, Template
from mimic_checks.tasks.truth import Names, Truth
from mimic_checks.tasks.unread import Unread
from mimic_checks.tasks.vocabulary import Vocabulary
from mimic_checks.tasks.wording import Wording, images_shown


class NamingTask(Task):
    """A question about all images whose answer is one name; `wording` and `decides` are each task's
    own."""

    truth_type = Names
    wording: ClassVar[Wording]
    decides: ClassVar[re.Pattern[str]]
    """Of an answer that tells of several classes, words of the sentence that names the one."""

    def question(self, template: Template, *, images: int) -> str:
        """The question about so many images.

        Raises:
            InvalidArgument: unknown template.
        """
        return self.wording.text(template, images=images_shown(images))

    def stem(self, *, images: int) -> str:
        """The bare question, for a form with options."""
        return self.wording.stem.format(images=images_shown(images))

    def read(
        self, answer: str, truth: Truth, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Names | Unread:
        """The name in it: a list of two is a wrong answer, not an unreadable one."""
        return read_names(answer, vocabulary, decides=self.decides)

    def blind_answers(
        self, truth: Truth, images: int, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Mapping[str, Names]:
        """The offered name at each place, if names were offered."""
        return offered_names(offered)

    def released_scores(self, answers: Sequence[tuple[str, Truth]]) -> Mapping[str, float]:
        """The share of right answers by MIMIC's scorer."""
        return mimic_release.share_right(
            mimic_release.name_right(answer, truth.text) for answer, truth in answers
        )
