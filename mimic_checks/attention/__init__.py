"""What the model looks at, and what it may look at.

    token_map.py      which position belongs to which image, separator or text
    families.py       what is known of each model family
    rules.py          which token may see which, in which layers
    family_mask.py    the mask that a family makes for itself, with rules ANDed onto it
    edit.py           rules inside a running model
    segmented.py      image-local attention without the masked work
    adapter_mask.py   the mask that an adapter was trained under
    profile.py        attention shares by layer, streamed
    pooling.py        fewer image tokens
    flops.py          what a prefill costs

Needs torch and transformers; nothing here is imported before a model is looked into.
"""

from mimic_checks.attention.adapter_mask import adapter_mask, read_adapter_mask, write_adapter_mask
from mimic_checks.attention.edit import IMPLEMENTATIONS, Editor, edit_attention
from mimic_checks.attention.families import FAMILIES, family_of
from mimic_checks.attention.pooling import pooled
from mimic_checks.attention.profile import Profile, Profiler
from mimic_checks.attention.rules import ImageLocal, Knockout, LayerWindow, Rule, WindowedRule
from mimic_checks.attention.segmented import layouts, segmented_attention
from mimic_checks.attention.token_map import TokenMap, TokenMapper, TokenType

__all__ = [
    "FAMILIES",
    "IMPLEMENTATIONS",
    "Editor",
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
