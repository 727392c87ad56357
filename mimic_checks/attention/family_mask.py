"""The mask that a model family makes for itself, held as a recipe until a layer needs it.

transformers makes one mask per kind of layer (full, sliding window) and forward call, before any
layer runs, and asks a mask function for it: lengths, offsets, an index function, padding.
Registered beside our attention function, `FamilyMask` takes that request down instead, so that each
layer can have the mask as it is, or with its own rules ANDed onto it, in the form of the
implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, and_masks, causal_mask_function

from mimic_checks.attention.rules import Positions, Rule
from mimic_checks.attention.token_map import TokenMap


class FamilyMask:
    """One mask of one forward call.

    Query i of the call stands at position `q_offset` + i, key j at `kv_offset` + j: the cropped
    keys of sliding-window layers keep their true positions.
    """

    def __init__(self, implementation: str, recipe: dict[str, Any]) -> None:
        self.implementation, self.recipe = implementation, recipe
        self._masks: dict[Any, Any] = {}

    @property
    def plainly_causal(self) -> bool:
        """Whether the family asks for nothing but causality (and padding)."""
        return self.recipe["mask_function"] is causal_mask_function

    @property
    def queries(self) -> range:
        """Positions of the queries."""
        start = int(self.recipe["q_offset"])
        return range(start, start + self.recipe["q_length"])

    @property
    def keys(self) -> range:
        """Positions of the keys."""
        start = int(self.recipe["kv_offset"])
        return range(start, start + self.recipe["kv_length"])

    @cached_property
    def has_inner_padding(self) -> bool:
        """Whether padding stands anywhere but at the ends of a row."""
        attended = self.recipe.get("attention_mask")
        if attended is None:
            return False
        # Every run of attended positions begins with one step up from 0 to 1.
        before = attended.new_zeros(len(attended), 1, dtype=torch.int)
        starts = (attended.int().diff(dim=1, prepend=before) > 0).sum(1)
        return bool((starts > 1).any())

    def plain(self, device: torch.device) -> Any:
        """The family's mask as it is without this suite, on the device of a layer."""
        return self._on(device, (), lambda: self._make(**self.recipe))

    def ruled(self, rules: Sequence[Rule], token_map: TokenMap, device: torch.device) -> Any:
        """The family's mask with rules ANDed onto it, on the device of a layer."""
        return self._on(device, tuple(rules), lambda: self._with_rules(rules, token_map))

    def corner(self, row: int, queries: Tensor, keys: Tensor) -> Tensor:
        """What one row's queries may see of some keys, by the family alone.

        `queries` [Q] and `keys` [K] are positions; the result is [Q, K], on the queries' device.
        """
        device, recipe_device = queries.device, torch.device(self.recipe["device"])
        queries, keys = queries.to(recipe_device), keys.to(recipe_device)
        if self.recipe.get("use_vmap"):
            # Such a mask function cannot take many positions at once: it is computed whole.
            dense = self._once("dense", self._dense)
            visible: Tensor = dense[row, 0][queries - self.queries.start]
            return visible[:, keys - self.keys.start].to(device)
        batch = torch.tensor(row, device=recipe_device)
        # Families mask all heads alike, so the first one speaks for all.
        head = batch * 0
        visible = self.recipe["mask_function"](batch, head, queries[:, None], keys[None, :])
        visible = visible.expand(len(queries), len(keys))
        padding = self.recipe.get("attention_mask")
        if padding is not None:
            # A static cache has more keys than the padding mask has columns: those hold nothing
            # yet.
            column = keys.clamp(max=padding.shape[1] - 1)
            attended = padding[row].to(recipe_device)[column] & (keys < padding.shape[1])
            visible = visible & attended[None, :]
        return visible.to(device)

    def _dense(self) -> Tensor:
        mask: Tensor = ALL_MASK_ATTENTION_FUNCTIONS["sdpa"](
            **{**self.recipe, "allow_is_causal_skip": False}
        )
        return mask

    def _with_rules(self, rules: Sequence[Rule], token_map: TokenMap) -> Any:
        end = max(self.queries.stop, self.keys.stop)
        allowed = rule_function(rules, token_map.extended(end).to(self.recipe["device"]))
        function = and_masks(self.recipe["mask_function"], allowed)
        # Without a mask, sdpa would take the causal shortcut and the rules would be lost.
        return self._make(
            **{**self.recipe, "mask_function": function, "allow_is_causal_skip": False}
        )

    def _make(self, **recipe: Any) -> Any:
        return ALL_MASK_ATTENTION_FUNCTIONS[self.implementation](**recipe)

    def _on(self, device: torch.device, key: Any, make: Callable[[], Any]) -> Any:
        """What `make` makes, once, and one copy for every other device that has layers."""
        mask = self._once(key, make)
        if mask is None or device == torch.device(self.recipe["device"]):
            return mask
        return self._once((key, device), lambda: mask.to(device))

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self._masks:
            self._masks[key] = make()
        return self._masks[key]


def rule_function(rules: Sequence[Rule], token_map: TokenMap) -> Any:
    """The rules as a mask function of transformers.

    It takes (batch, head, query, key) positions and gives booleans. A position always sees itself,
    so that no row is left without a key: its softmax would be NaN.
    """
    device = token_map.kind.device
    positions = torch.arange(token_map.length, device=device)
    answering = positions >= token_map.answer[:, None]
    active_rows = [
        torch.tensor([rule.active(images) for images in token_map.images], device=device)
        for rule in rules
    ]

    def function(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        query_side, key_side = (
            Positions(token_map.kind[batch, at], token_map.image[batch, at], answering[batch, at])
            for at in (query, key)
        )
        # All true, in the shape that both broadcast to.
        allowed = (query == query) & (key == key)
        for rule, active in zip(rules, active_rows, strict=True):
            allowed = allowed & (rule.allows(query_side, key_side) | ~active[batch])
        return allowed | (query == key)

    return function
