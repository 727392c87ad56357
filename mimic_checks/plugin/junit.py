"""What JUnit's file says of the run as a whole."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

PREFIX = "vlm_"
"""Begins the names of what JUnit gets of checks."""


def add_to_junit(config: pytest.Config, name: str, by_check: Mapping[str, str]) -> None:
    """Adds a property of the test suite for each check, if a file is asked for."""
    from _pytest.junitxml import xml_key

    xml = config.stash.get(xml_key, None)
    if xml is not None:
        for check, why in by_check.items():
            xml.add_global_property(PREFIX + name, f"{check}: {why}")
