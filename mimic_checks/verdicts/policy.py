"""The gate's policy: the shipped `policy.toml` and the user's, as a checked rule per check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from mimic_checks.errors import GateError
from mimic_checks.verdicts.gate import lost_level_fails, smallest_passing
from mimic_checks.verdicts.gate_rule import RULES, GateRule
from mimic_checks.verdicts.gate_tests import evidence_of
from mimic_checks.verdicts.multiplicity import TestFamily
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
    def alpha(self) -> float:
        """The error rate of a pass, and of any false fail over the run."""
        return float(self.defaults["alpha"])

    @property
    def inconclusive_blocks(self) -> bool:
        """Whether an inconclusive blocking check keeps the run from passing."""
        return bool(self.defaults["inconclusive_blocks"])


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run asks for a check: so many cases at each of its levels; `anytime`: it is looked at
    again and again, and may stop early."""

    levels: int
    cases: int
    anytime: bool = False

    def __str__(self) -> str:
        early = ", looked at again and again" if self.anytime else ""
        return f"{self.levels} levels of {self.cases} cases{early}"


def family_of(policy: Policy, asked: Mapping[str, Asked]) -> TestFamily:
    """All that can fail in a run of these checks."""
    return TestFamily(
        sum(check.levels for check in asked.values()),
        sum(policy.rule(check).has_mean for check in asked),
    )


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


def check_policy_can_decide(policy: Policy, asked: Mapping[str, Asked]) -> None:
    """Stops a gate that could never stop or never pass anything, in the run that asks this.

    Raises:
        GateError: no blocking check; too few cases for even an unchanged release to pass; margins
            that not even a release which lost every answer is proven to exceed; a margin of levels
            below that of their mean.
    """
    blocking = [check for check in asked if policy.tier(check) == "blocking"]
    if not blocking:
        raise GateError(
            f"policy={policy.source!r} gates nothing: none of the {len(asked)} selected checks"
            f" that have outcomes is of tier 'blocking' (selected: {', '.join(asked) or 'none'});"
            " make one blocking, or leave out the baseline"
        )
    family = family_of(policy, asked)
    for check in asked:
        _refuse_crossed(policy, check, asked[check])
    for check in blocking:
        _refuse_never_passing(policy, check, asked[check])
        _refuse_never_failing(policy, check, asked[check], family)


def _refuse_crossed(policy: Policy, check: str, asked: Asked) -> None:
    rule = policy.rule(check)
    if rule.has_mean and rule.level_margin < rule.margin:
        raise GateError(
            f"policy={policy.source!r}: level_margin={rule.level_margin!r} of check {check!r}"
            f" ({asked}) is below margin={rule.margin!r}, so the mean over its levels would never"
            " decide anything; allowed: level_margin of at least margin, or rule = 'per_level',"
            " which judges every level by margin"
        )


def _refuse_never_passing(policy: Policy, check: str, asked: Asked) -> None:
    rule = policy.rule(check)
    needed = smallest_passing(rule, evidence_of(anytime=asked.anytime), asked.levels)
    if needed and asked.cases >= needed:
        return
    cure = (
        f"use at least --vlm-cases {needed}, for the baseline too" if needed else "widen the margin"
    )
    raise GateError(
        f"cases={asked.cases!r} per level can never pass check {check!r} ({_numbers(rule)};"
        f" {asked}): not even a release that changes no answer would be proven; {cure}"
    )


def _refuse_never_failing(policy: Policy, check: str, asked: Asked, family: TestFamily) -> None:
    rule, evidence = policy.rule(check), evidence_of(anytime=asked.anytime)
    if not lost_level_fails(asked.cases, rule, evidence, family):
        raise GateError(
            f"policy={policy.source!r} can never fail check {check!r} ({_numbers(rule)}; {asked},"
            f" {family.levels} levels in the run): not even a release that loses every answer at a"
            " level would be proven to exceed its margin; narrow the margin, or ask for more cases"
            " (--vlm-cases), for the baseline too"
        )


def _numbers(rule: GateRule) -> str:
    """A rule as far as it says what can be decided."""
    margins = f"margin={rule.margin}"
    if rule.has_mean:
        margins += f", level_margin={rule.level_margin}"
    return f"rule={rule.rule!r}, {margins}, alpha={rule.alpha}, min_cases={rule.min_cases}"


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
    if key == "rule":
        return "" if value in RULES else ", ".join(map(repr, RULES))
    if key == "inconclusive_blocks":
        return "" if isinstance(value, bool) else "true, false"
    if key == "min_cases":
        return "" if isinstance(value, int) and number and value >= 1 else "whole numbers from 1"
    if key in ("margin", "level_margin", "alpha"):
        high = 0.5 if key == "alpha" else 1.0
        return "" if number and 0 < value < high else f"(0, {high:g})"
    return "" if number and 0 <= value < 1 else "[0, 1)"
