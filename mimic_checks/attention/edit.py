"""Rules inside a running model: the attention function that obeys them, and the context manager
that puts them there.

Data in: a model, rules with layer windows, a token map (or a batch to make it from). Data out: the
same model, whose language model sees what the rules leave, until the context ends (also by an
error). What a forward call must obey travels with that call as an argument of every layer, so that
gradient checkpointing recomputes under the same mask.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from mimic_checks.attention.families import language_model, unwrapped
from mimic_checks.attention.family_mask import FamilyMask
from mimic_checks.attention.rules import ImageLocal, Rule, WindowedRule
from mimic_checks.attention.segmented import Layout, layouts, segmented_attention
from mimic_checks.attention.token_map import TokenMap, TokenMapper
from mimic_checks.errors import AttentionError

IMPLEMENTATIONS = ("eager", "sdpa", "flex_attention")
_PREFIX = "mimic_checks_"


class Observer(Protocol):
    """Sees queries and keys of every layer, with the mask that the layer obeys."""

    def observe(
        self,
        layer: int,
        query: Tensor,
        key: Tensor,
        mask: FamilyMask,
        rules: Sequence[Rule],
        token_map: TokenMap,
        scaling: float,
        softcap: float | None,
    ) -> None:
        """Called once per layer and forward call, before attention is computed."""


@dataclass
class AttentionEdit:
    """What one forward call must obey; `by_layer[k]` are the rules of layer k, `called` the layers
    that really obeyed."""

    token_map: TokenMap
    by_layer: Mapping[int, tuple[Rule, ...]]
    segmented: bool = True
    observer: Observer | None = None
    called: set[int] = field(default_factory=set)

    @cached_property
    def cut(self) -> list[Layout]:
        """The layout of every row; one that image-local rules leave alone is not cut."""
        return layouts(self.token_map, ImageLocal().active)


def _edited(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Any,
    *,
    attention_edit: AttentionEdit | None = None,
    implementation: str,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attention of one layer under the edit of its forward call."""
    base = _base(module, implementation)
    if not isinstance(attention_mask, FamilyMask):
        raise AttentionError(
            f"layer {module.layer_idx} of {type(module).__name__} got a mask of its own"
            f" ({type(attention_mask).__name__}), not one from transformers' mask functions; pass"
            " the 2-D attention_mask of the processor"
        )
    if attention_edit is None:
        return base(module, query, key, value, attention_mask.plain(query.device), **kwargs)  # type: ignore[no-any-return]
    edit = attention_edit
    edit.called.add(module.layer_idx)
    rules = tuple(
        rule
        for rule in edit.by_layer.get(module.layer_idx, ())
        if any(map(rule.active, edit.token_map.images))
    )
    if edit.observer:
        scaling = kwargs.get("scaling") or query.shape[-1] ** -0.5
        edit.observer.observe(
            module.layer_idx,
            query,
            key,
            attention_mask,
            rules,
            edit.token_map,
            scaling,
            kwargs.get("softcap"),
        )
    if _only_text(rules, attention_mask, edit.token_map):
        rules = ()
    if not rules:
        return base(module, query, key, value, attention_mask.plain(query.device), **kwargs)  # type: ignore[no-any-return]
    if edit.segmented and _can_segment(
        rules, attention_mask, edit.token_map, implementation, kwargs
    ):
        visibility = None if attention_mask.plainly_causal else attention_mask.corner
        found = segmented_attention(
            query,
            key,
            value,
            edit.cut,
            scaling=kwargs.get("scaling"),
            dropout=kwargs.get("dropout") or 0.0,
            visibility=visibility,
        )
        return found.transpose(1, 2).contiguous(), None
    return base(
        module,
        query,
        key,
        value,
        attention_mask.ruled(rules, edit.token_map, query.device),
        **kwargs,
    )  # type: ignore[no-any-return]


def _only_text(rules: Sequence[Rule], mask: FamilyMask, token_map: TokenMap) -> bool:
    """Image-local rules leave text rows alone: a decode step is the family's own."""
    return mask.queries.start >= token_map.length and all(
        isinstance(rule, ImageLocal) for rule in rules
    )


def _can_segment(
    rules: Sequence[Rule],
    mask: FamilyMask,
    token_map: TokenMap,
    implementation: str,
    kwargs: Mapping[str, Any],
) -> bool:
    whole = mask.queries == mask.keys == range(token_map.length)
    return (
        implementation == "sdpa"
        and whole
        and all(isinstance(rule, ImageLocal) for rule in rules)
        and kwargs.get("softcap") is None
        and kwargs.get("s_aux") is None
        and not mask.has_inner_padding
    )


def _base(module: Any, implementation: str) -> Any:
    if implementation != "eager":
        return ALL_ATTENTION_FUNCTIONS[implementation]
    found = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
    if found is None:
        raise AttentionError(
            f"{type(module).__name__} has no eager attention of its own; allowed:"
            " attn_implementation='sdpa'"
        )
    return found


def _register(implementation: str) -> str:
    name = _PREFIX + implementation

    def attention(
        module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **kwargs: Any
    ) -> Any:
        return _edited(
            module, query, key, value, attention_mask, implementation=implementation, **kwargs
        )

    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, lambda **recipe: FamilyMask(implementation, recipe))
    return name


_NAMES = {implementation: _register(implementation) for implementation in IMPLEMENTATIONS}


class Editor:
    """The hooks of one `edit_attention` context. `token_map` may be set by the caller before a
    forward call; without it the map is made from the call's own `input_ids`. Decode steps grow the
    map of their prefill."""

    def __init__(
        self,
        depth: int,
        mapper: TokenMapper | None,
        by_layer: Mapping[int, tuple[Rule, ...]],
        segmented: bool,
    ) -> None:
        self.by_layer, self.segmented, self._mapper = by_layer, segmented, mapper
        self.token_map: TokenMap | None = None
        self.observer: Observer | None = None
        self.edit: AttentionEdit | None = None
        self._given: TokenMap | None = None
        self._depth = depth

    def before_model(
        self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Makes or takes the token map of a forward call."""
        kwargs = dict(kwargs)
        self._given = kwargs.pop("token_map", None) or self.token_map
        past = kwargs.get("past_key_values")
        seen = past.get_seq_length() if past is not None else 0
        if self._given is None and seen == 0:
            if self._mapper is None or kwargs.get("input_ids") is None:
                raise AttentionError(
                    "no token map for this forward call: pass token_map=..., or input_ids and the"
                    " tokenizer"
                )
            self._given = self._mapper.map(kwargs)
        if self._given is None:
            if self.edit is None:
                raise AttentionError(
                    "a decode step without the prefill that it continues; run the prefill inside"
                    " the same context"
                )
            self._given = self.edit.token_map
        return args, kwargs

    def before_language_model(
        self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Hands the edit to every layer of this call."""
        embeds = kwargs["inputs_embeds"]
        assert self._given is not None
        if len(self._given.kind) != len(embeds):
            raise AttentionError(
                f"token map of {len(self._given.kind)} rows for a batch of {len(embeds)}; make it"
                " from this batch"
            )
        self.edit = AttentionEdit(
            self._given.to(embeds.device), self.by_layer, self.segmented, self.observer
        )
        return args, {**kwargs, "attention_edit": self.edit}

    def after_language_model(self, module: Any, args: Any, kwargs: Any, output: Any) -> None:
        """A layer that was to obey and was never asked is an error, not a surprise."""
        assert self.edit is not None
        expected = range(self._depth) if self.observer else self.by_layer
        missed = sorted(set(expected) - self.edit.called)
        if missed:
            raise AttentionError(
                f"layer {missed[0]} of {type(module).__name__} bypasses transformers' attention"
                " interface, so no rule can reach it; leave it out of the layer window, or use a"
                " model whose layers go through the interface"
            )


@contextmanager
def edit_attention(
    model: Any,
    rules: Sequence[WindowedRule | Rule],
    *,
    tokenizer: Any = None,
    token_map: TokenMap | None = None,
    implementation: str | None = None,
    segmented: bool = True,
) -> Iterator[Editor]:
    """While the context lasts, the model's language model obeys mask rules: forward, backward and
    `generate`.

    `rules`: each in its layer window (all layers if none is given). `token_map`: for batches whose
    map the caller knows; else it is made from `input_ids` with `tokenizer`. `implementation`:
    eager, sdpa, flex_attention, or (default) what the model has. `segmented`: image-local rules
    alone are computed image by image under sdpa; False asks for a dense mask.

    Raises: AttentionError: an unsupported family or implementation, a window outside the model, a
        batch whose image tokens do
            not match, a layer that bypasses the attention interface.
    """
    inner = language_model(model)
    base = unwrapped(model)
    before = inner.config._attn_implementation
    wanted = implementation or before
    if wanted not in IMPLEMENTATIONS:
        nested = (
            "; leave the context that is already open first" if wanted.startswith(_PREFIX) else ""
        )
        raise AttentionError(
            f"attn_implementation={wanted!r} cannot express mask rules; allowed:"
            f" {', '.join(map(repr, IMPLEMENTATIONS))} (sdpa uses flash kernels inside each"
            f" image){nested}"
        )
    depth = int(inner.config.num_hidden_layers)
    by_layer = layer_rules(rules, depth)
    editor = Editor(
        depth,
        TokenMapper(base.config, tokenizer) if tokenizer is not None else None,
        by_layer,
        segmented,
    )
    editor.token_map = token_map
    handles = [
        base.register_forward_pre_hook(editor.before_model, with_kwargs=True),
        inner.register_forward_pre_hook(editor.before_language_model, with_kwargs=True),
        inner.register_forward_hook(editor.after_language_model, with_kwargs=True),
    ]
    try:
        base.set_attn_implementation({"text_config": _NAMES[wanted]})
        if inner.config._attn_implementation != _NAMES[wanted]:
            raise AttentionError(
                f"{type(inner).__name__} does not take its attention from transformers' attention"
                " interface; allowed: models that set_attn_implementation can change"
            )
        yield editor
    finally:
        for handle in handles:
            handle.remove()
        base.set_attn_implementation({"text_config": before})


def layer_rules(rules: Sequence[WindowedRule | Rule], depth: int) -> dict[int, tuple[Rule, ...]]:
    """The rules of every layer that has some.

    Raises:
        AttentionError: a window outside the model.
    """
    found: dict[int, tuple[Rule, ...]] = {}
    for given in rules:
        windowed = given if isinstance(given, WindowedRule) else WindowedRule(given)
        for layer in windowed.window.layers(depth):
            found[layer] = (*found.get(layer, ()), windowed.rule)
    return found
