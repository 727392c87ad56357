"""Cases of misleading twins: the same question to a normal picture and to one that suggests a wrong
answer (MVI-Bench, 2511.14159, section 3).

The options stand in the same order under the same letters for both, so that nothing but the picture
differs.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from mimic_checks.cases import pools
from mimic_checks.cases.case import Case, FactorValue, TextPart
from mimic_checks.cases.choice import ChoiceQuestion
from mimic_checks.cases.group import Group, clustered
from mimic_checks.cases.pools import DrawValue, TemplateChoice
from mimic_checks.catalog.misleading import MisleadingCatalog
from mimic_checks.errors import EmptyPool, InvalidArgument
from mimic_checks.tasks.task import Template, check_template

ROLES = ("normal", "misleading")


def misleading_inputs(
    catalog: MisleadingCatalog, *, categories: Sequence[str], template: TemplateChoice = "plain"
) -> st.SearchStrategy[tuple[Group, ...]]:
    """A normal and a misleading case for every category. The factor `lure` of the misleading one
    names the answer that its picture suggests.

    Raises:
        InvalidArgument: a catalog of no misleading twins, or an unknown template.
        EmptyPool: a category that the catalog has no twins of.
    """
    if not isinstance(catalog, MisleadingCatalog):
        raise InvalidArgument("catalog", catalog.name, allowed="'misleading'")
    check_template(template)
    numbers = {category: catalog.of(category) for category in categories}
    if empty := [category for category, found in numbers.items() if not found]:
        raise EmptyPool(f"catalog={catalog.name!r} has no twins of the category {empty[0]!r}")

    @st.composite
    def draws(draw: DrawValue) -> tuple[Group, ...]:
        groups = []
        for category in categories:
            number = int(pools.choose(draw, numbers[category]))
            first, chosen = draw(st.integers(0, 3)), pools.choose_template(draw, template)
            rows = (2 * number, 2 * number + 1)
            pools.assume_readable(catalog, rows)
            cases = tuple(_case(catalog, row, first, chosen) for row in rows)
            groups.append(Group(cases, roles=ROLES))
        return clustered(groups)

    return draws()


def _case(catalog: MisleadingCatalog, row: int, first: int, template: Template) -> Case:
    twin, lure = catalog.twins[row // 2], catalog.lure(row)
    factors: dict[str, FactorValue] = {"category": twin.category}
    question = ChoiceQuestion(
        twin.stem,
        tuple(TextPart(option) for option in twin.options),
        twin.options.index(catalog.answer(row)),
        (catalog.manifest.id(row),),
        template,
        factors | ({} if lure is None else {"lure": lure}),
    )
    return question.case(first)
