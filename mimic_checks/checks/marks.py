"""The mark that ties a test function to its check spec."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from mimic_checks.checks.specs import CheckSpec

F = TypeVar("F", bound=Callable[..., object])


def check(spec: CheckSpec) -> Callable[[F], F]:
    """Marks a test function as the check `spec`; the plugin finds it by this mark, whatever its
    node id."""
    return pytest.mark.vlm_check(spec)
