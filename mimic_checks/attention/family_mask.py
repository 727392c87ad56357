"""The mask that a model family makes for itself, kept as a recipe until a layer needs it.

Data in: what transformers hands to a mask function (lengths, offsets, an index function, padding).
Data out: that mask as the chosen implementation makes it, with rules ANDed onto it, or a corner of
it. Registered beside the attention function: with the attention function alone, transformers would
make no mask at all and padding would be lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, and_masks, causal_mask_function

from mimic_checks.attention.rules import Positions, Rule
from mimic_checks.attention.token_map import TokenMap


class FamilyMask:
    """One mask of one forward call. Query i of the call stands at position `q_offset` + i, key j at
    `kv_offset` + j: cropped keys of sliding-window layers keep their true positions."""

    def __init__(self, implementation: str, recipe: dict[str, Any]) -> None:
        self.implementation, self.recipe = implementation, recipe
        self._made: dict[tuple[Any, ...], Any] = {}

    @property
    def plainly_causal(self) -> bool:
        """Whether the family asks for nothing but causality (and padding)."""
        return self.recipe["mask_function"] is causal_mask_function

    @property
    def queries(self) -> range:
        """Positions of the queries."""
        return range(
            int(self.recipe["q_offset"]), int(self.recipe["q_offset"]) + self.recipe["q_length"]
        )

    @property
    def keys(self) -> range:
        """Positions of the keys."""
        return range(
            int(self.recipe["kv_offset"]), int(self.recipe["kv_offset"]) + self.recipe["kv_length"]
        )

    @cached_property
    def has_inner_padding(self) -> bool:
        """Whether padding stands anywhere but at the ends of a row."""
        there = self.recipe.get("attention_mask")
        if there is None:
            return False
        starts = (
            there.int().diff(dim=1, prepend=there.new_zeros(len(there), 1, dtype=torch.int)) > 0
        ).sum(1)
        return bool((starts > 1).any())

    def plain(self, device: torch.device) -> Any:
        """The family's mask, as it is without this suite, on the device of a layer."""
        return self._on(device, (), lambda: self._make(**self.recipe))

    def ruled(self, rules: Sequence[Rule], token_map: TokenMap, device: torch.device) -> Any:
        """The family's mask with rules ANDed onto it; made once per set of rules and forward
        call."""
        return self._on(device, tuple(rules), lambda: self._ruled(rules, token_map))

    def corner(self, row: int, queries: Tensor, keys: Tensor) -> Tensor:
        """What one row's queries at given positions may see of keys at given positions, by the
        family alone: [Q, K], where the queries are."""
        asked, home = queries.device, torch.device(self.recipe["device"])
        queries, keys = queries.to(home), keys.to(home)
        if self.recipe.get("use_vmap"):
            dense = self._once("dense", self._dense)
            there: Tensor = dense[row, 0][queries - self.queries.start][:, keys - self.keys.start]
            return there.to(asked)
        batch = torch.tensor(row, device=home)
        seen: Tensor = self.recipe["mask_function"](
            batch, batch * 0, queries[:, None], keys[None, :]
        )
        seen = seen.expand(len(queries), len(keys))
        padding = self.recipe.get("attention_mask")
        if padding is not None:
            known = keys.clamp(max=padding.shape[1] - 1)
            seen = seen & (padding[row].to(home)[known] & (keys < padding.shape[1]))[None, :]
        return seen.to(asked)

    def _dense(self) -> Tensor:
        mask: Tensor = ALL_MASK_ATTENTION_FUNCTIONS["sdpa"](
            **{**self.recipe, "allow_is_causal_skip": False}
        )
        return mask

    def _ruled(self, rules: Sequence[Rule], token_map: TokenMap) -> Any:
        end = max(self.queries.stop, self.keys.stop)
        allowed = rule_function(rules, token_map.extended(end).to(self.recipe["device"]))
        function = and_masks(self.recipe["mask_function"], allowed)
        return self._make(
            **{**self.recipe, "mask_function": function, "allow_is_causal_skip": False}
        )

    def _make(self, **recipe: Any) -> Any:
        return ALL_MASK_ATTENTION_FUNCTIONS[self.implementation](**recipe)

    def _on(self, device: torch.device, key: Any, make: Any) -> Any:
        """What `make` makes, once, and once more for every other device that layers of the model
        are on."""
        made = self._once(key, make)
        if made is None or device == torch.device(self.recipe["device"]):
            return made
        return self._once((key, device), lambda: made.to(device))

    def _once(self, key: Any, make: Any) -> Any:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]


def rule_function(rules: Sequence[Rule], token_map: TokenMap) -> Any:
    """The rules as a mask function of transformers: (batch, head, query, key) positions to
    booleans. A position always sees itself, so that no row is left without a key."""
    places = torch.arange(token_map.length, device=token_map.kind.device)
    answering = places >= token_map.answer[:, None]
    by_row = [
        torch.tensor([rule.active(n) for n in token_map.images], device=token_map.kind.device)
        for rule in rules
    ]

    def function(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        asking, seen = (
            Positions(token_map.kind[batch, at], token_map.image[batch, at], answering[batch, at])
            for at in (query, key)
        )
        allowed = (query == query) & (key == key)
        for rule, active in zip(rules, by_row, strict=True):
            allowed = allowed & (rule.allows(asking, seen) | ~active[batch])
        return allowed | (query == key)

    return function
