"""The checks of the suites that a run names: one a suite, its levels the suite's categories.

Light, for it is imported when checks are collected: a suite's file is opened when `--vlm-suite`
names it, and then for its categories alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from mimic_checks.checks.check import Check, Survey
from mimic_checks.errors import InvalidArgument

if TYPE_CHECKING:
    from mimic_checks.cases import Draw, Level, Scored
    from mimic_checks.catalog import Catalog
    from mimic_checks.verdicts.result import Panel

PREFIX = "suites."


class SuiteChecks:
    """A check for every suite that `--vlm-suite` names."""

    def checks(self, option: Callable[[str], Any]) -> Sequence[Check]:
        specs = option("vlm_suite") or ()
        if specs and option("vlm_rotate_options"):
            from mimic_checks.suites.suite import with_option

            specs = [with_option(spec, "rotate", "true") for spec in specs]
        checks = [_check_of(spec) for spec in specs]
        named = Counter(check.check_id for check in checks)
        if twice := [check_id for check_id, times in named.items() if times > 1]:
            raise InvalidArgument(
                "vlm-suite",
                list(specs),
                allowed=f"one suite that is called {twice[0]!r}",
                hint="name the other: <format>:<folder>?name=<word>",
            )
        return checks


@cache
def _check_of(spec: str) -> Check:
    """One object for a suite, however often it is collected."""
    from mimic_checks.suites.suite import categories_of, suite_name, title_of

    categories = categories_of(spec)
    return Survey(
        check_id=PREFIX + suite_name(spec),
        title=title_of(spec),
        factor="category",
        moves="the suite's categories, judged one by one",
        levels=categories,
        cases=_draws,  # type: ignore[arg-type]
        catalog=f"suite:{spec}",
        given=True,
        shown=_shown,
        docs="docs/suites.md",
    )


def _draws(catalog: Catalog, *, levels: Sequence[Any], template: Any) -> list[Draw]:
    from mimic_checks.suites.suite import Suite

    return cast(Suite, catalog).draws(levels)


def _shown(
    outcomes: Mapping[Level, Sequence[Scored]], alpha: float, catalog: Catalog
) -> Sequence[Panel]:
    from mimic_checks.checks.measures.groups import group_panels
    from mimic_checks.checks.measures.published import published_panels

    return (*group_panels(outcomes, alpha), *published_panels(outcomes, catalog))


SUITES = SuiteChecks()
