"""Thresholds: the shipped `thresholds.toml` and the user's, as checked numbers per check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mimic_checks.errors import ThresholdsError
from mimic_checks.verdicts.toml_table import closest, read_toml

_SHIPPED = Path(__file__).with_name("thresholds.toml")
_MAY_BE_ZERO = (
    "unparseable_ceiling",
    "error_ceiling",
    "reference_floor",
    "level_floor",
    "paired_margin",
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a check must meet; the meaning of each is in `thresholds.toml`."""

    reference_floor: float
    retention: float
    alpha: float
    paired_margin: float
    unparseable_ceiling: float
    error_ceiling: float
    level_floor: float = 0.0


@dataclass(frozen=True)
class ThresholdTable:
    """Thresholds of every check: defaults and overrides. `alpha` is the run's: the false-fail rate
    is shared."""

    defaults: Thresholds
    checks: Mapping[str, Mapping[str, float]]
    source: str

    def of(self, check_id: str) -> Thresholds:
        """The thresholds of one check."""
        values = {field.name: getattr(self.defaults, field.name) for field in fields(Thresholds)}
        return Thresholds(**{**values, **self.checks.get(check_id, {})})


def load_thresholds(path: Path | None = None, known_checks: Iterable[str] = ()) -> ThresholdTable:
    """The shipped thresholds, overridden by a user's file.

    Raises:
        ThresholdsError: unreadable file, unknown key or check (with the closest match), value out
            of range.
    """
    base = read_toml("thresholds", _SHIPPED, ThresholdsError)
    given: dict[str, Any] = read_toml("thresholds", path, ThresholdsError) if path else {}
    unknown = set(given) - {"defaults", "checks"}
    if unknown:
        raise ThresholdsError(
            f"thresholds={str(path)!r}: unknown table {sorted(unknown)[0]!r}; allowed: 'defaults',"
            " 'checks'"
        )
    defaults = {**base["defaults"], **given.get("defaults", {})}
    checks = given.get("checks", {})
    known = set(known_checks)
    for where, values in (("defaults", defaults), *checks.items()):
        if where != "defaults" and known and where not in known:
            raise ThresholdsError(
                f"thresholds={str(path)!r}: unknown check {where!r}{closest(where, known)}"
            )
        _validate(str(path or _SHIPPED.name), where, values)
    shipped = base.get("checks", {})
    merged = {
        check: {**shipped.get(check, {}), **checks.get(check, {})}
        for check in dict.fromkeys([*shipped, *checks])
    }
    return ThresholdTable(Thresholds(**defaults), merged, str(path or "shipped"))


def _validate(path: str, where: str, values: Mapping[str, Any]) -> None:
    allowed = [field.name for field in fields(Thresholds)]
    for key, value in values.items():
        if key not in allowed:
            raise ThresholdsError(
                f"thresholds={path!r}, {where}: unknown key {key!r}{closest(key, allowed)}"
            )
        if key == "alpha" and where != "defaults":
            raise ThresholdsError(
                f"thresholds={path!r}, {where}: alpha belongs to [defaults]: it is shared by the"
                " whole run"
            )
        low, high = 0.0 if key in _MAY_BE_ZERO else 1e-9, 0.5 if key == "alpha" else 1.0
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not low <= value < high:
            raise ThresholdsError(
                f"thresholds={path!r}, {where}: {key}={value!r} is out of range; allowed:"
                f" {'(' if low else '['}0, {high:g})"
            )
