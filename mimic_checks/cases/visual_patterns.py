"""Cases of visual patterns: twins, one question, opposite answers (MMVP, section 2).

A model that does not look gives one answer to both, and has no pair right, whichever answer it
likes. In which order the two options stand, and how they are lettered, is drawn for every pair:
neither may matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from hypothesis import strategies as st

from mimic_checks.cases import pools
from mimic_checks.cases.case import Case, FactorValue, TextPart, images_first, make_case
from mimic_checks.cases.choice import ChoiceQuestion
from mimic_checks.cases.group import Group, clustered
from mimic_checks.cases.pools import DrawValue, TemplateChoice
from mimic_checks.catalog.twins import TwinCatalog
from mimic_checks.errors import EmptyPool, InvalidArgument
from mimic_checks.tasks.multiple_choice import MULTIPLE_CHOICE
from mimic_checks.tasks.task import Template, check_template
from mimic_checks.tasks.truth import Choice

Notation = Literal["lines", "inline"]
NOTATIONS: tuple[Notation, ...] = get_args(Notation)
"""`lines`: "A. left", each in a line; `inline`: "(a) left (b) right", as in the official file."""


def visual_patterns(
    catalog: TwinCatalog, *, patterns: Sequence[str], template: TemplateChoice = "plain"
) -> st.SearchStrategy[tuple[Group, ...]]:
    """A pair of cases for every pattern, right only if both are.

    Raises:
        InvalidArgument: a catalog of no twins, or an unknown template.
        EmptyPool: a pattern that the catalog has no twins of.
    """
    if not isinstance(catalog, TwinCatalog):
        raise InvalidArgument("catalog", catalog.name, allowed="a catalog of twins: 'twins'")
    check_template(template)
    numbers = {pattern: catalog.of(pattern) for pattern in patterns}
    if empty := [pattern for pattern, found in numbers.items() if not found]:
        raise EmptyPool(f"catalog={catalog.name!r} has no twins of the pattern {empty[0]!r}")

    @st.composite
    def draws(draw: DrawValue) -> tuple[Group, ...]:
        groups = []
        for pattern in patterns:
            number = int(pools.choose(draw, numbers[pattern]))
            first, notation = draw(st.integers(0, 1)), pools.choose(draw, NOTATIONS)
            chosen = pools.choose_template(draw, template)
            groups.append(_pair(catalog, number, first, notation, chosen))
        return clustered(groups)

    return draws()


def _pair(
    catalog: TwinCatalog, number: int, first: int, notation: Notation, template: Template
) -> Group:
    rows = (2 * number, 2 * number + 1)
    pools.assume_readable(catalog, rows)
    cases = [_case(catalog, row, first, notation, template) for row in rows]
    return Group(tuple(cases))


def _case(
    catalog: TwinCatalog, row: int, first: int, notation: Notation, template: Template
) -> Case:
    """The question about one of the twins; option `first` stands first."""
    twin = catalog.twins[row // 2]
    options = (twin.options[first], twin.options[1 - first])
    factors: dict[str, FactorValue] = {
        "pattern": twin.pattern,
        "first": options[0],
        "order": first,
        "notation": notation,
    }
    right = options.index(catalog.answer(row))
    image_id = catalog.manifest.id(row)
    if notation == "lines":
        texts = tuple(TextPart(option) for option in options)
        question = ChoiceQuestion(twin.stem, texts, right, (image_id,), template, factors)
        return question.case()
    asked = inline_question(twin.stem, options)
    return make_case(
        task=MULTIPLE_CHOICE.name,
        template=template,
        content=images_first([image_id], asked),
        truth=Choice(right, options),
        offered=options,
        factors=factors,
    )


def inline_question(stem: str, options: Sequence[str]) -> str:
    """A question with its options in one line, as MMVP's file has them."""
    said = " ".join(f"({letter}) {option}" for letter, option in zip("abcd", options, strict=False))
    return f"{stem} {said}\nAnswer with the option's letter."
