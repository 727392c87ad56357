"""What the model looks at, and what it may look at.

    token_map.py        which position belongs to which image, separator or text
    families.py         what is known of each model family
    rules.py            which token may see which, in which layers
    family_mask.py      the mask that a family makes for itself, with rules ANDed onto it
    edit.py             rules inside a running model
    segmented.py        image-local attention without the masked work
    adapter_record.py   the mask that an adapter was trained under, on disk
    adapter_editor.py   the same, in transformers code of one's own
    profile.py          attention shares by layer, streamed
    pooling.py          fewer image tokens
    flops.py            what a prefill costs

Names are imported when they are used: rules, families and adapter records need neither torch nor
transformers, all else does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimic_checks.attention.adapter_editor import adapter_mask
    from mimic_checks.attention.adapter_record import read_adapter_mask, write_adapter_mask
    from mimic_checks.attention.edit import IMPLEMENTATIONS, Editor, edit_attention
    from mimic_checks.attention.families import FAMILIES, Family, family_of
    from mimic_checks.attention.pooling import pooled
    from mimic_checks.attention.profile import Profile, Profiler
    from mimic_checks.attention.rules import ImageLocal, Knockout, LayerWindow, Rule, WindowedRule
    from mimic_checks.attention.segmented import layouts, segmented_attention
    from mimic_checks.attention.token_map import TokenMap, TokenMapper
    from mimic_checks.attention.token_type import TokenType

__all__ = [
    "FAMILIES",
    "IMPLEMENTATIONS",
    "Editor",
    "Family",
    "ImageLocal",
    "Knockout",
    "LayerWindow",
    "Profile",
    "Profiler",
    "Rule",
    "TokenMap",
    "TokenMapper",
    "TokenType",
    "WindowedRule",
    "adapter_mask",
    "edit_attention",
    "family_of",
    "layouts",
    "pooled",
    "read_adapter_mask",
    "segmented_attention",
    "write_adapter_mask",
]

_HOMES = {
    "adapter_editor": ("adapter_mask",),
    "adapter_record": ("read_adapter_mask", "write_adapter_mask"),
    "edit": ("IMPLEMENTATIONS", "Editor", "edit_attention"),
    "families": ("FAMILIES", "Family", "family_of"),
    "pooling": ("pooled",),
    "profile": ("Profile", "Profiler"),
    "rules": ("ImageLocal", "Knockout", "LayerWindow", "Rule", "WindowedRule"),
    "segmented": ("layouts", "segmented_attention"),
    "token_map": ("TokenMap", "TokenMapper"),
    "token_type": ("TokenType",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
