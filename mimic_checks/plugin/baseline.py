"""The baseline of a run: what gates its checks, and whether anything is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from mimic_checks.plugin.settings import text_option

if TYPE_CHECKING:
    from mimic_checks.checks.gating import Gating
    from mimic_checks.checks.settings import Settings
    from mimic_checks.verdicts.run_folder import RunFolder

NOTHING_RECORDED = (
    "--snapshot-update records no baseline without --vlm-baseline; add --vlm-baseline <folder> to"
    " record one"
)


def make_gating(
    config: pytest.Config, settings: Settings, gated: Mapping[str, bool], known: Sequence[str]
) -> Gating | None:
    """What compares the checks `gated` with their baselines; None without `--vlm-baseline`.

    Raises:
        pytest.UsageError: syrupy is not there.
    """
    if not settings.baseline:
        return None
    if not config.pluginmanager.hasplugin("syrupy"):
        raise pytest.UsageError(
            "--vlm-baseline needs syrupy, as a pytest plugin; next step: pip install"
            " 'mimic-checks[gate]'"
        )
    from mimic_checks.checks.baseline_snapshots import BaselineSnapshots
    from mimic_checks.checks.gating import Gating

    # On the class: syrupy makes its extensions itself, also where no test is at hand.
    BaselineSnapshots.folder = settings.baseline
    return Gating(settings, gated, known={*known, *gated}, recording=is_recording(config))


def say_expected(
    config: pytest.Config, folder: RunFolder, gating: Gating, partial: Sequence[str]
) -> None:
    """Says what the gate of a run can tell apart, before anything is asked, and notes it for its
    report. `partial`: checks whose verdict is not asked for."""
    expected = gating.expected(partial)
    folder.note(expected=expected)
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if expected and terminal:
        terminal.ensure_newline()
        terminal.write_line(expected)


def is_recording(config: pytest.Config) -> bool:
    """Whether snapshots are to be recorded."""
    return bool(config.getoption("update_snapshots", False))


def records_nothing(config: pytest.Config) -> bool:
    """Whether snapshots are recorded, but none of checks."""
    return is_recording(config) and not text_option(config, "vlm_baseline")


def refuse_recording_nothing(config: pytest.Config) -> None:
    """Stops a session of checks only that would record nothing.

    Raises:
        pytest.UsageError: it would.
    """
    if records_nothing(config):
        raise pytest.UsageError(NOTHING_RECORDED)
