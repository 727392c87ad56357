"""The gate's policy: the shipped `policy.toml` and the user's, as a checked rule per check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from mimic_checks.errors import GateError
from mimic_checks.verdicts.gate import GateRule, smallest_passing_pairs
from mimic_checks.verdicts.toml_table import closest, read_toml

Tier = Literal["blocking", "warning", "off"]
TIERS: tuple[Tier, ...] = get_args(Tier)
_SHIPPED = Path(__file__).with_name("policy.toml")
_RULE_KEYS = [field.name for field in fields(GateRule)]
_RUN_KEYS = ("alpha", "inconclusive_blocks")
"""Keys that belong to the whole run."""


@dataclass(frozen=True)
class Policy:
    """Rules and tiers of every check: defaults and overrides; `source` is where it was read."""

    defaults: Mapping[str, Any]
    checks: Mapping[str, Mapping[str, Any]]
    source: str

    def rule(self, check_id: str) -> GateRule:
        """What a check may lose."""
        values = {**self.defaults, **self.checks.get(check_id, {})}
        return GateRule(**{key: values[key] for key in _RULE_KEYS})

    def tier(self, check_id: str) -> Tier:
        """What a check's verdict does to the run."""
        tier: Tier = self.checks.get(check_id, {}).get("tier", self.defaults["tier"])
        return tier

    @property
    def inconclusive_blocks(self) -> bool:
        """Whether an inconclusive blocking check keeps the run from passing."""
        return bool(self.defaults["inconclusive_blocks"])


def load_policy(path: Path | None = None, known_checks: Iterable[str] = ()) -> Policy:
    """The shipped policy, overridden by a user's file.

    Raises:
        GateError: unreadable file, unknown key or check (with the closest match), value out of
            range.
    """
    given = read_toml("policy", path, GateError) if path else {}
    if unknown := sorted(set(given) - {"defaults", "checks"}):
        raise GateError(
            f"policy={str(path)!r}: unknown table {unknown[0]!r}; allowed: 'defaults', 'checks'"
        )
    source = str(path or "shipped")
    defaults = {
        **read_toml("policy", _SHIPPED, GateError)["defaults"],
        **_table(source, "defaults", given.get("defaults", {})),
    }
    known, checks = set(known_checks), _table(source, "checks", given.get("checks", {}))
    for where, values in (("defaults", defaults), *checks.items()):
        if where != "defaults" and known and where not in known:
            raise GateError(f"policy={source!r}: unknown check {where!r}{closest(where, known)}")
        _validate(source, where, _table(source, where, values))
    return Policy(defaults, checks, source)


def check_policy_can_decide(policy: Policy, check_ids: Iterable[str], cases: int) -> None:
    """Stops a gate that could never stop or never pass anything.

    Raises:
        GateError: no blocking check among these, or too few cases for even an unchanged release to
            pass.
    """
    checks = list(check_ids)
    blocking = [check for check in checks if policy.tier(check) == "blocking"]
    if not blocking:
        raise GateError(
            f"policy={policy.source!r} gates nothing: none of the {len(checks)} selected checks"
            f" that have outcomes is of tier 'blocking' (selected: {', '.join(checks) or 'none'});"
            " make one blocking, or leave out the baseline"
        )
    for check in blocking:
        rule = policy.rule(check)
        if cases < (needed := smallest_passing_pairs(rule)):
            raise GateError(
                f"cases={cases!r} per level can never pass check {check!r} (margin={rule.margin},"
                f" alpha={rule.alpha}, min_cases={rule.min_cases}): not even a release that changes"
                f" no answer would be proven; use at least --vlm-cases {needed}, for the baseline"
                " too"
            )


def _table(source: str, where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise GateError(
            f"policy={source!r}: {where}={value!r} is not a table; write [{where}] and keys below"
            " it"
        )
    return value


def _validate(source: str, where: str, values: Mapping[str, Any]) -> None:
    allowed = [*_RULE_KEYS, "tier", "inconclusive_blocks"]
    for key, value in values.items():
        if key not in allowed:
            raise GateError(
                f"policy={source!r}, {where}: unknown key {key!r}{closest(key, allowed)}"
            )
        if key in _RUN_KEYS and where != "defaults":
            raise GateError(
                f"policy={source!r}, {where}: {key} belongs to [defaults]: it is shared by the"
                " whole run"
            )
        if wanted := _wrong(key, value):
            raise GateError(
                f"policy={source!r}, {where}: {key}={value!r} is not allowed; allowed: {wanted}"
            )


def _wrong(key: str, value: Any) -> str:
    """What would be allowed; "" if the value is."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if key == "tier":
        return "" if value in TIERS else ", ".join(map(repr, TIERS))
    if key == "inconclusive_blocks":
        return "" if isinstance(value, bool) else "true, false"
    if key == "min_cases":
        return "" if isinstance(value, int) and number and value >= 1 else "whole numbers from 1"
    if key in ("margin", "alpha"):
        high = 0.5 if key == "alpha" else 1.0
        return "" if number and 0 < value < high else f"(0, {high:g})"
    return "" if number and 0 <= value < 1 else "[0, 1)"
