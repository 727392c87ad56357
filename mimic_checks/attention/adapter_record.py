"""The mask that an adapter was trained under, recorded beside its weights.

The file is an addition, not a format: a peft adapter without it, and a program without this suite,
work as they always did.
"""

from __future__ import annotations

import json
from pathlib import Path

from mimic_checks.attention.rules import ImageLocal, LayerWindow, WindowedRule
from mimic_checks.errors import AttentionError

FILE = "mimic_checks_mask.json"
_RULES = {ImageLocal().describe(): ImageLocal()}


def write_adapter_mask(folder: Path, mask: WindowedRule, suite: str) -> None:
    """Records the mask of an adapter, and the version of the suite that trained it.

    Raises:
        AttentionError: a rule that is no remedy.
    """
    name = mask.rule.describe()
    if name not in _RULES:
        raise AttentionError(
            f"rule={name!r} cannot be recorded with an adapter;"
            f" allowed: {', '.join(map(repr, _RULES))}"
        )
    record = {"rule": name, "layers": mask.window.describe(), "suite": suite}
    (folder / FILE).write_text(json.dumps(record, indent=1) + "\n")


def read_adapter_mask(adapter: str) -> WindowedRule | None:
    """The mask of an adapter folder or hub id; None if it records none.

    Raises:
        AttentionError: a record that cannot be read, or that names an unknown rule.
    """
    path = _record(adapter)
    if path is None:
        return None
    try:
        record = json.loads(path.read_text())
        rule, layers = _RULES[record["rule"]], str(record["layers"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise AttentionError(
            f"adapter={adapter!r}: {FILE} is no record of a mask ({error!r});"
            f" allowed rules: {', '.join(map(repr, _RULES))};"
            " train the adapter again, or remove the file to serve it without a mask"
        ) from error
    return WindowedRule(rule, LayerWindow.parse(layers))


def _record(adapter: str) -> Path | None:
    """The file of an adapter folder, or of an adapter on the hub; None if it has none."""
    if (folder := Path(adapter)).is_dir():
        return folder / FILE if (folder / FILE).is_file() else None
    # Imported here: only names on the hub need it, and it takes a second.
    from transformers.utils import cached_file

    # A hub that cannot be reached is no reason to refuse an adapter: most record no mask.
    path = cached_file(
        adapter,
        FILE,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return None if path is None else Path(path)
