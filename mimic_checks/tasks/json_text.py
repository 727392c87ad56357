"""Answers in JSON, as the text that says the same."""

from __future__ import annotations

import json
import re
from typing import Any

_FENCE = re.compile(r"```\w*\s*\n?(.*?)```", re.DOTALL)
_ANSWERS = """final_answer answer response result output prediction choice option letter""".split()
_EXPLAINS = frozenset(
    """reason reasoning reasons explanation thought thoughts analysis confidence rationale steps
    description details note notes justification question""".split()
)
_DEEPEST = 8


def json_text(text: str) -> str | None:
    """The text of an answer that is a JSON object or list, as a whole or in its only code block;
    None for every other answer. Of an object that names its answer, the answer; explanations are
    left out."""
    for candidate in _candidates(text):
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, (dict, list)):
            return _said(value, _DEEPEST)
    return None


def _candidates(text: str) -> list[str]:
    blocks = _FENCE.findall(text) if "```" in text else []
    whole = [text, *(blocks if len(blocks) == 1 else [])]
    return [part.strip() for part in whole if part.strip()[:1] in ("{", "[")]


def _said(value: Any, deepest: int) -> str:
    if value is None or deepest < 0:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        separator = "; " if any(isinstance(part, dict) for part in value) else ", "
        return separator.join(filter(None, (_said(part, deepest - 1) for part in value)))
    if isinstance(value, dict):
        return _of_object(value, deepest)
    return str(value)


def _of_object(value: dict[str, Any], deepest: int) -> str:
    keys = {key.strip().lower(): key for key in value}
    named = [keys[key] for key in _ANSWERS if key in keys]
    if named:
        return _said(value[named[0]], deepest - 1)
    kept = [(keys[key], key) for key in keys if key not in _EXPLAINS]
    if len(kept) == 1 and isinstance(value[kept[0][0]], list):
        return _said(value[kept[0][0]], deepest - 1)
    said = ((key.replace("_", " "), _said(value[full], deepest - 1)) for full, key in kept)
    return ", ".join(f"{key}: {text}" for key, text in said if text)
