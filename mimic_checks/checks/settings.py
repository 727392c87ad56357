"""What a run was asked for, in one immutable value, checked as far as that needs no catalog."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mimic_checks.checks.check import PROFILES, Profile
from mimic_checks.errors import InvalidArgument
from mimic_checks.models import ModelOptions
from mimic_checks.models.judge import judge_name, judge_options
from mimic_checks.tasks import check_template


@dataclass(frozen=True, slots=True)
class Settings:
    """A run's settings; every field is the plugin option `--vlm-<name>` (`vlm` itself: `--vlm`,
    `suites`: `--vlm-suite`)."""

    vlm: str
    catalog: str = "rendered"
    cases: int = 150
    seed: int = 0
    profile: Profile = "standard"
    template: str = "plain"
    names: Path | None = None
    thresholds: Path | None = None
    output: Path = Path("mimic-report")
    batch: int | None = None
    case_limit: float | None = None
    answer_cache: Path | None = None
    case_set: Path | None = None
    leave_out: Path | None = None
    kinds: str = ""
    suites: tuple[str, ...] = ()
    rotate_options: bool = False
    score_options: bool = False
    judge: str = ""
    judge_base_url: str = ""
    attention_baseline: Path | None = None
    baseline: Path | None = None
    policy: Path | None = None
    sequential: bool = False
    discard_unfinished: bool = False
    model: ModelOptions = field(default_factory=ModelOptions)

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise InvalidArgument("vlm-profile", self.profile, allowed=PROFILES)
        check_template(self.template)
        for name, value, low in (
            ("vlm-cases", self.cases, 1),
            ("vlm-seed", self.seed, 0),
            ("vlm-max-new-tokens", self.model.max_new_tokens, 1),
            ("vlm-feature-cache-mb", self.model.feature_cache_mb, 0),
        ):
            if value < low:
                raise InvalidArgument(name, value, allowed=f"whole numbers from {low}")
        if self.case_limit is not None and not self.case_limit > 0:
            raise InvalidArgument(
                "vlm-case-limit",
                self.case_limit,
                allowed="seconds above 0, or left out for no limit",
            )
        self._check_judge()
        if self.policy and not self.baseline:
            raise InvalidArgument(
                "vlm-policy",
                str(self.policy),
                allowed="a policy beside a baseline; add --vlm-baseline <folder>",
            )
        if self.batch is not None and self.batch < 1:
            raise InvalidArgument(
                "vlm-batch",
                self.batch,
                allowed="whole numbers from 1, or left out to measure the fastest",
            )

    def _check_judge(self) -> None:
        if bool(self.judge) != bool(self.judge_base_url):
            raise InvalidArgument(
                "vlm-judge",
                self.judge,
                allowed="'openai:<name>' together with --vlm-judge-base-url <address>",
            )
        if self.judge:
            judge_name(self.judge)
            judge_options(self.judge_base_url, self.model)

    def describe(self) -> dict[str, Any]:
        """The settings as they are stored in `run.json`: all but where answers are kept and what
        becomes of earlier ones, which changes nothing, and where the ids are that are left out."""
        described = {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
        }
        for name in ("answer_cache", "discard_unfinished", "leave_out"):
            del described[name]
        return described
