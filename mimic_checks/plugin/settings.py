"""Settings of a run from pytest's flags and ini keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mimic_checks.options import LISTS, MODEL_FIELDS, OPTIONS, SWITCHES, Option

if TYPE_CHECKING:
    from mimic_checks.checks.settings import Settings


def settings_of(config: pytest.Config, *, policy: bool = True) -> Settings:
    """The run's settings: flag > ini > default. Without `policy`, that is left out: a plan may name
    one before there is a baseline.

    Raises:
        pytest.UsageError: a value that is not allowed.
    """
    from mimic_checks.checks.settings import Settings
    from mimic_checks.errors import UsageError
    from mimic_checks.models import ModelOptions

    given: dict[str, Any] = {}
    for option in (*OPTIONS, *SWITCHES):
        value = option_value(config, option)
        if value is not None:
            given[option.key.removeprefix("vlm_")] = value
    given["suites"] = tuple(list_option(config, "vlm_suite"))
    if not policy:
        given.pop("policy", None)
    given["answer_cache"] = _answer_cache(config, given.get("answer_cache"))
    model = {name: given.pop(name) for name in MODEL_FIELDS if name in given}
    # An empty name where none is given: a conftest may make the model.
    try:
        return Settings(model=ModelOptions(**model), **{"vlm": "", **given})
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def given_policy(config: pytest.Config) -> Path | None:
    """The file of the gate's policy, if one is named."""
    option = next(option for option in OPTIONS if option.name == "vlm-policy")
    value: Path | None = option_value(config, option)
    return value


def option_value(config: pytest.Config, option: Option) -> Any:
    """What the flag, or else the ini key of an option says; None if neither does.

    Raises:
        pytest.UsageError: an ini key of another type.
    """
    value = config.getoption(option.key)
    if value is not None:
        return value
    text = config.getini(option.key)
    if text in (None, ""):
        return None
    try:
        return option.kind(text)
    except ValueError:
        raise pytest.UsageError(
            f"ini key {option.key}={text!r} is not a {option.kind.__name__}"
        ) from None


def list_option(config: pytest.Config, key: str) -> list[str]:
    """What an option of `LISTS` says, as often as it is given: flag > ini."""
    given: list[str] = config.getoption(key) or config.getini(key)
    return given


def run_option(config: pytest.Config, key: str) -> Any:
    """The value of a run's option by its key; None if it is not given.

    Raises:
        pytest.UsageError: an ini key of another type.
    """
    if key in {option.key for option in LISTS}:
        return list_option(config, key)
    option = next(option for option in (*OPTIONS, *SWITCHES) if option.key == key)
    return option_value(config, option)


def text_option(config: pytest.Config, key: str) -> str:
    """A text option as it is given, or "", before anything is checked."""
    return str(config.getoption(key) or config.getini(key) or "")


def _answer_cache(config: pytest.Config, wish: str | None) -> Path | None:
    """Where answers are kept: as wished, else in pytest's own cache, which `--cache-clear` empties
    and `-p no:cacheprovider` leaves out."""
    if wish == "none":
        return None
    cache = getattr(config, "cache", None)
    return Path(wish) if wish else cache.mkdir("vlm-answers") if cache else None
