"""What the report of the visual patterns shows beside the verdicts. Light: imported when checks are
collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimic_checks.cases import Level, Scored
    from mimic_checks.catalog import Catalog
    from mimic_checks.verdicts.result import Panel


def shown(
    outcomes: Mapping[Level, Sequence[Scored]], alpha: float, catalog: Catalog
) -> Sequence[Panel]:
    """Whole pairs by pattern; what the order and the lettering of the options change."""
    from mimic_checks.checks.measures.groups import group_panels
    from mimic_checks.checks.measures.presentation import presentation_panel

    return (
        *group_panels(outcomes, alpha),
        presentation_panel(outcomes, {"order": "order of options", "notation": "lettering"}, alpha),
    )
