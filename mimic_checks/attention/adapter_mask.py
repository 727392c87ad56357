"""The mask that an adapter was trained under, recorded beside its weights.

Data in: an adapter folder (or hub id). Data out: the rule and window that it must be served with,
or None. A peft adapter without the file, and a program without this suite, are served as they are:
the file is an addition, not a format.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mimic_checks.attention.edit import Editor, edit_attention
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
            f"rule={name!r} cannot be recorded with an adapter; allowed:"
            f" {', '.join(map(repr, _RULES))}"
        )
    (folder / FILE).write_text(
        json.dumps({"rule": name, "layers": mask.window.describe(), "suite": suite}, indent=1)
        + "\n"
    )


def read_adapter_mask(adapter: str) -> WindowedRule | None:
    """The mask of an adapter folder or hub id; None if it records none.

    Raises:
        AttentionError: a record that cannot be read, or that names an unknown rule.
    """
    from transformers.utils import cached_file

    path = cached_file(
        adapter,
        FILE,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    if path is None:
        return None
    try:
        data = json.loads(Path(path).read_text())
        rule, layers = _RULES[data["rule"]], str(data["layers"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise AttentionError(
            f"adapter={adapter!r}: {FILE} is no record of a mask ({error!r}); allowed rules:"
            f" {', '.join(map(repr, _RULES))}; train the adapter again, or remove the file to serve"
            " it without a mask"
        ) from error
    return WindowedRule(rule, LayerWindow.parse(layers))


@contextmanager
def adapter_mask(model: Any, adapter: str, tokenizer: Any) -> Iterator[Editor | None]:
    """One line for one's own transformers code: while it lasts, the model obeys the mask that the
    adapter was trained under (nothing changes if it records none).

    Raises:
        AttentionError: a record that cannot be read, or a window outside this model.
    """
    mask = read_adapter_mask(adapter)
    if mask is None:
        yield None
        return
    with edit_attention(model, [mask], tokenizer=tokenizer) as editor:
        yield editor
