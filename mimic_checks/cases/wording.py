"""How a question and its true answer are worded.

Data in: the task, a template name, class names, how many images. Data out: the question text and
the answer text. Templates are a factor (`template=`): `plain` asks, `instruct` orders, `mimic` is
the wrapper that the released MIMIC evaluation puts around its questions (MIMIC, released
`create_prompt_oe`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from mimic_checks.catalog.labels import plural
from mimic_checks.errors import InvalidArgument

Task = Literal["counting", "listing", "common", "odd_one"]
Template = Literal["plain", "instruct", "mimic"]
TASKS: tuple[Task, ...] = get_args(Task)
TEMPLATES: tuple[Template, ...] = get_args(Template)

_QUESTIONS: dict[Task, tuple[str, str]] = {
    "counting": (
        "How many {classes} are there in {images}? Answer with a number.",
        "Count the {classes} in {images}. Give only the total number.",
    ),
    "listing": (
        "Which kinds of {supercategory} are in {images}? Answer with a list of names.",
        "List every kind of {supercategory} in {images}. Give only the names, separated by commas.",
    ),
    "common": (
        "Which kind of object is in all of {images}? Answer with its name.",
        "Name the object that every one of {images} shows. Give only the name.",
    ),
    "odd_one": (
        "Which kind of object is in fewer of {images} than the others? Answer with its name.",
        "Name the object that the fewest of {images} show. Give only the name.",
    ),
}
_SEVERAL = (
    "How many {classes} are there in {images}? Answer in the form {form}.",
    "Count the {classes} in {images}. Give only the totals in the form {form}.",
)
_SHORT: dict[Task, str] = {
    "counting": "How many {classes} are there in {images}?",
    "listing": (
        "Which kinds of {supercategory} are in {images}? Please provide the list of category names"
        " directly."
    ),
    "common": "Which kind of object is in all of {images}?",
    "odd_one": "Which kind of object is in fewer of {images} than the others?",
}
_SHORT_SEVERAL = "How many {classes} are there in {images}, in the form {form}?"


def question(
    *,
    task: Task,
    template: Template,
    images: int,
    classes: Sequence[str] = (),
    supercategory: str = "",
) -> str:
    """The question of a case.

    `classes` are the asked classes (counting: one or more), `supercategory` belongs to listing.

    Raises:
        InvalidArgument: unknown task or template.
    """
    if task not in TASKS:
        raise InvalidArgument("task", task, allowed=TASKS)
    if template not in TEMPLATES:
        raise InvalidArgument("template", template, allowed=TEMPLATES)
    several = len(classes) > 1
    if template == "mimic":
        text = "Question: " + (_SHORT_SEVERAL if several else _SHORT[task]) + "\nAnswer:"
    else:
        text = (_SEVERAL if several else _QUESTIONS[task])[TEMPLATES.index(template)]
    return text.format(
        classes=_enumerate([plural(name) for name in classes]),
        form=", ".join(f"{name}: number" for name in classes),
        supercategory=supercategory,
        images="this image" if images == 1 else "these images",
    )


def counts_text(counts: Mapping[str, int]) -> str:
    """The answer to a counting case: `"3"` for one class, `"apple: 2, boat: 1"` for several."""
    if len(counts) == 1:
        return str(next(iter(counts.values())))
    return ", ".join(f"{name}: {count}" for name, count in counts.items())


def names_text(names: Sequence[str]) -> str:
    """The answer to a listing case: the names in the order given, or `"none"`."""
    return ", ".join(names) or "none"


def _enumerate(words: Sequence[str]) -> str:
    return (
        words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
    )
