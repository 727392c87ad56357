"""What a kind of question is to the suite.

Everything that depends on the kind of question is a method here, so that the rest of the house
never asks for a task's name. Methods take the truth, the names offered and a vocabulary, never a
case: training data and stubs, which have no cases, use the same objects.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from mimic_checks.errors import ExtensionError, InvalidArgument, refusing
from mimic_checks.registry import Registry
from mimic_checks.tasks.truth import Truth
from mimic_checks.tasks.unread import TOO_LONG, Unread
from mimic_checks.tasks.vocabulary import Vocabulary

LONGEST_ANSWER = 200_000
"""Characters of an answer that is read, in a second or two; long thoughts have fewer."""

Template = Literal["plain", "instruct", "mimic", "singular"]
TEMPLATES: tuple[Template, ...] = get_args(Template)
"""Wordings of a question: `plain` asks, `instruct` orders, `mimic` is the wrapper that the released
MIMIC evaluation puts around its questions (MIMIC, released `create_prompt_oe`), `singular` orders
without a plural of a class name."""
MIXED_TEMPLATES: tuple[Template, ...] = ("plain", "instruct", "mimic")
"""What `any` draws from, and training data: the cases of a seed stay what they were."""


@dataclass(frozen=True, slots=True)
class Score:
    """How good a prediction is: right or not, and in part (in [0, 1]; None: this kind of question
    knows no partial score)."""

    right: bool
    partial: float | None = None


class Task(ABC):
    """A kind of question. Besides these methods, a task has a method `question(...)` of its own
    that words it: what goes into a wording differs from task to task, and only the strategies that
    make its cases call it."""

    name: ClassVar[str]
    truth_type: ClassVar[type]
    """The member of `Truth` that its cases carry."""

    @abstractmethod
    def read(
        self, answer: str, truth: Truth, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Truth | Unread:
        """What an answer says, as a value of the truth's type; `Unread` where it does not say one
        thing (never a guess). `truth` tells what was asked for (classes, options), never what is
        right. `offered`: the names that the question offers, or stands for."""

    def score(self, prediction: Truth, truth: Truth) -> Score:
        """How good a prediction is; by default right if it claims what the truth says."""
        return Score(prediction.value == truth.value)

    @property
    def no_prediction(self) -> Score:
        """The score of an answer that could not be read, or of an error."""
        return Score(False)

    def blind_answers(
        self, truth: Truth, images: int, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Mapping[str, Truth]:
        """Answers that need no look at the images, by name ("one of each", "all members"): what a
        model could say that knows the question's text and the number of images only. The most
        frequent true answers of a level are tried beside them, for every task."""
        return {}

    def repeated(self, said: Truth, truth: Truth) -> Truth | None:
        """What the words of an answer say where they are said again, to the question whose answer
        is `truth` (which tells what is asked for, as in `read`); None: nothing."""
        return said

    def released_scores(self, answers: Sequence[tuple[str, Truth]]) -> Mapping[str, float]:
        """What the scorers that others released say of (answer, truth) pairs, by scorer; for
        comparison with published numbers, never for a verdict."""
        return {}


TASKS: Registry[Task] = Registry(
    "mimic_checks.tasks",
    "task",
    ("name", "truth_type", "read", "score", "blind_answers", "repeated", "released_scores"),
)


def read_answer(
    task: Task, answer: str, truth: Truth, offered: Sequence[str], vocabulary: Vocabulary
) -> Truth | Unread:
    """What a task reads in an answer, whoever wrote the task.

    Raises:
        ExtensionError: it raised, or gave something that is neither `Unread` nor of its own
            `truth_type`; names the task.
    """
    # Not read by its end: thoughts that began before it would pass for an answer.
    if len(answer) > LONGEST_ANSWER:
        return Unread(TOO_LONG)
    with refusing(f"task {task.name!r}: its read() failed"):
        reading = task.read(answer, truth, offered, vocabulary)
    if not isinstance(reading, (Unread, task.truth_type)):
        raise ExtensionError(
            f"task {task.name!r}: its read() gave {reading!r:.200}; allowed: a"
            f" {task.truth_type.__name__}, or Unread(reason) where an answer does not say one thing"
        )
    return reading


def blind_answers_of(
    task: Task, truth: Truth, images: int, offered: Sequence[str], vocabulary: Vocabulary
) -> Mapping[str, Truth]:
    """A task's answers that need no look at the images, whoever wrote the task.

    Raises:
        ExtensionError: it raised, or gave something that is not of its own `truth_type`; names the
            task.
    """
    with refusing(f"task {task.name!r}: its blind_answers() failed"):
        answers = dict(task.blind_answers(truth, images, offered, vocabulary))
    if wrong := {k: said for k, said in answers.items() if not isinstance(said, task.truth_type)}:
        raise ExtensionError(
            f"task {task.name!r}: its blind_answers() gave {wrong!r:.200}; allowed: values of type"
            f" {task.truth_type.__name__}, by name"
        )
    return answers


def check_template(template: str, allowed: Sequence[str] = (*TEMPLATES, "any")) -> None:
    """Stops an unknown template.

    Raises:
        InvalidArgument: it is none of `allowed`.
    """
    if template not in allowed:
        raise InvalidArgument("template", template, allowed=allowed)
