"""Pieces that the wordings of several tasks share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mimic_checks.tasks.task import TEMPLATES, Template, check_template


@dataclass(frozen=True, slots=True)
class Wording:
    """A question in every template, with `{parts}` to fill in. `stem`: the bare question, which the
    `mimic` template wraps; `singular`: "" where `instruct` has no plural anyway."""

    plain: str
    instruct: str
    stem: str
    singular: str = ""

    def text(self, template: Template, **parts: str) -> str:
        """The question.

        Raises:
            InvalidArgument: unknown template.
        """
        check_template(template, TEMPLATES)
        if template == "mimic":
            return f"Question: {self.stem.format(**parts)}\nAnswer:"
        if template == "plain":
            return self.plain.format(**parts)
        singular = self.singular if template == "singular" else ""
        return (singular or self.instruct).format(**parts)


def images_shown(number: int) -> str:
    """How a question refers to its images."""
    return "this image" if number == 1 else "these images"


def enumerated(words: Sequence[str]) -> str:
    """`"cats, dogs and keys"`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
