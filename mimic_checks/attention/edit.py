"""Mask rules inside a running model.

The attention function of the model is replaced, through transformers' own interface, by one that
obeys the rules of its layer; a context manager puts it there and takes it away, also after an
error. What a forward call must obey travels with that call as an argument of every layer, never in
a global: gradient checkpointing runs a layer again in the backward pass, and must recompute it
under the mask of its own batch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
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

AttentionFunction = Callable[..., tuple[Tensor, Tensor | None]]
"""transformers' signature: (module, query, key, value, attention_mask, **kwargs) -> output [B, L,
H, D] and, if the implementation has them, weights."""


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
    """What one forward call must obey.

    `by_layer[k]` are the rules of layer k; `called` are the layers that really obeyed.
    """

    token_map: TokenMap
    by_layer: Mapping[int, tuple[Rule, ...]]
    segmented: bool = True
    observer: Observer | None = None
    called: set[int] = field(default_factory=set)

    @cached_property
    def layouts(self) -> list[Layout]:
        """How every row is cut; a row that image-local rules leave alone stays in one piece."""
        return layouts(self.token_map, ImageLocal().active)


def _edited_attention(
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
    family_attention = _family_attention(module, implementation)
    if not isinstance(attention_mask, FamilyMask):
        raise AttentionError(
            f"layer {module.layer_idx} of {type(module).__name__} got a mask of its own"
            f" ({type(attention_mask).__name__}), not one from transformers' mask functions;"
            " pass the 2-D attention_mask of the processor"
        )
    if attention_edit is None:
        mask = attention_mask.plain(query.device)
        return family_attention(module, query, key, value, mask, **kwargs)
    edit = attention_edit
    edit.called.add(module.layer_idx)
    # A rule that cuts nothing in any row of this batch would cost a dense mask for nothing.
    rules = tuple(
        rule
        for rule in edit.by_layer.get(module.layer_idx, ())
        if any(map(rule.active, edit.token_map.images))
    )
    if edit.observer:
        scaling = kwargs.get("scaling") or query.shape[-1] ** -0.5
        softcap = kwargs.get("softcap")
        edit.observer.observe(
            module.layer_idx, query, key, attention_mask, rules, edit.token_map, scaling, softcap
        )
    # Cheapest first: the family's own kernel, then image by image, then a dense mask. Image by
    # image only for sdpa, which owes its caller no attention weights.
    if not rules or _only_text(rules, attention_mask, edit.token_map):
        mask = attention_mask.plain(query.device)
        return family_attention(module, query, key, value, mask, **kwargs)
    if (
        edit.segmented
        and implementation == "sdpa"
        and _can_segment(rules, attention_mask, edit.token_map, kwargs)
    ):
        output = segmented_attention(
            query,
            key,
            value,
            edit.layouts,
            scaling=kwargs.get("scaling"),
            dropout=kwargs.get("dropout") or 0.0,
            visibility=None if attention_mask.plainly_causal else attention_mask.corner,
        )
        # [B, L, H, D], as every attention function of transformers returns it
        return output.transpose(1, 2).contiguous(), None
    mask = attention_mask.ruled(rules, edit.token_map, query.device)
    return family_attention(module, query, key, value, mask, **kwargs)


def _only_text(rules: Sequence[Rule], mask: FamilyMask, token_map: TokenMap) -> bool:
    """Whether image-local rules cut nothing here: a decode step has text rows alone."""
    return mask.queries.start >= token_map.length and all(
        isinstance(rule, ImageLocal) for rule in rules
    )


def _can_segment(
    rules: Sequence[Rule], mask: FamilyMask, token_map: TokenMap, kwargs: Mapping[str, Any]
) -> bool:
    """Whether the image-by-image kernel gives what the dense mask would.

    It needs the whole sequence at once, and knows neither soft-capped scores, nor attention sinks
    (`s_aux`), nor padding inside a row.
    """
    return (
        mask.queries == mask.keys == range(token_map.length)
        and all(isinstance(rule, ImageLocal) for rule in rules)
        and kwargs.get("softcap") is None
        and kwargs.get("s_aux") is None
        and not mask.has_inner_padding
    )


def _family_attention(module: Any, implementation: str) -> AttentionFunction:
    """The attention that the layer would run without this suite."""
    if implementation != "eager":
        registered: AttentionFunction = ALL_ATTENTION_FUNCTIONS[implementation]
        return registered
    # transformers has no eager entry in its table: every modelling file has a function of its own.
    eager: AttentionFunction | None = getattr(
        sys.modules[type(module).__module__], "eager_attention_forward", None
    )
    if eager is None:
        raise AttentionError(
            f"{type(module).__name__} has no eager attention of its own; allowed:"
            " attn_implementation='sdpa'"
        )
    return eager


def _register(implementation: str) -> str:
    """Registers the edited form of an implementation with transformers; its name there.

    The mask function goes with it: for an attention name without one, transformers makes no mask
    at all and padding would be lost.
    """
    name = _PREFIX + implementation

    def attention(
        module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **kwargs: Any
    ) -> Any:
        return _edited_attention(
            module, query, key, value, attention_mask, implementation=implementation, **kwargs
        )

    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, lambda **recipe: FamilyMask(implementation, recipe))
    return name


# Once, at import: transformers' table is one for the process, and a name stays in it.
_NAMES = {implementation: _register(implementation) for implementation in IMPLEMENTATIONS}


class Editor:
    """The hooks of one `edit_attention` context.

    `token_map` may be set by the caller before a forward call; without it the map is made from the
    call's own `input_ids`. Decode steps grow the map of their prefill.
    """

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
        self._call_map: TokenMap | None = None
        self._depth = depth

    def before_model(
        self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Makes or takes the token map of a forward call."""
        # `token_map` is ours: the model's own forward would refuse an argument that it lacks.
        kwargs = dict(kwargs)
        self._call_map = kwargs.pop("token_map", None) or self.token_map
        cache = kwargs.get("past_key_values")
        cached_length = cache.get_seq_length() if cache is not None else 0
        if self._call_map is None and cached_length == 0:
            if self._mapper is None or kwargs.get("input_ids") is None:
                raise AttentionError(
                    "no token map for this forward call: pass token_map=..., or input_ids and the"
                    " tokenizer"
                )
            self._call_map = self._mapper.map(kwargs)
        if self._call_map is None:
            # A decode step brings one token; only its prefill showed where the images are.
            if self.edit is None:
                raise AttentionError(
                    "a decode step without the prefill that it continues; run the prefill inside"
                    " the same context"
                )
            self._call_map = self.edit.token_map
        return args, kwargs

    def before_language_model(
        self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Hands the edit to every layer of this call."""
        embeds = kwargs["inputs_embeds"]
        assert self._call_map is not None
        if len(self._call_map.kind) != len(embeds):
            raise AttentionError(
                f"token map of {len(self._call_map.kind)} rows for a batch of {len(embeds)}; make"
                " it from this batch"
            )
        self.edit = AttentionEdit(
            self._call_map.to(embeds.device), self.by_layer, self.segmented, self.observer
        )
        return args, {**kwargs, "attention_edit": self.edit}

    def after_language_model(self, module: Any, args: Any, kwargs: Any, output: Any) -> None:
        """Refuses a layer that had a rule to obey (or to be observed) and was never called."""
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
    """Makes the language model of `model` obey mask rules: forward, backward and `generate`.

    `rules`: each in its layer window (all layers if none is given). `token_map`: for batches whose
    map the caller knows; else it is made from `input_ids` with `tokenizer`. `implementation`:
    eager, sdpa, flex_attention, or (default) what the model has. `segmented`: image-local rules
    alone are computed image by image under sdpa; False asks for a dense mask.

    Raises:
        AttentionError: an unsupported family or implementation, a window outside the model, a
            batch whose image tokens do not match, a layer that bypasses the attention interface.
    """
    inner = language_model(model)
    outer = unwrapped(model)
    before = inner.config._attn_implementation
    wanted = implementation or before
    _check_implementation(wanted)
    depth = int(inner.config.num_hidden_layers)
    by_layer = layer_rules(rules, depth)
    mapper = TokenMapper(outer.config, tokenizer) if tokenizer is not None else None
    editor = Editor(depth, mapper, by_layer, segmented)
    editor.token_map = token_map
    # The outer model sees `input_ids`, from which a map can be made; the language model inside sees
    # only embeddings, but it is what hands keyword arguments to its layers.
    handles = [
        outer.register_forward_pre_hook(editor.before_model, with_kwargs=True),
        inner.register_forward_pre_hook(editor.before_language_model, with_kwargs=True),
        inner.register_forward_hook(editor.after_language_model, with_kwargs=True),
    ]
    try:
        # The vision tower keeps its attention: no rule of ours is about pixels.
        outer.set_attn_implementation({"text_config": _NAMES[wanted]})
        if inner.config._attn_implementation != _NAMES[wanted]:
            raise AttentionError(
                f"{type(inner).__name__} does not take its attention from transformers' attention"
                " interface; allowed: models that set_attn_implementation can change"
            )
        yield editor
    finally:
        for handle in handles:
            handle.remove()
        outer.set_attn_implementation({"text_config": before})


def _check_implementation(wanted: str) -> None:
    if wanted in IMPLEMENTATIONS:
        return
    nested = wanted.startswith(_PREFIX)
    raise AttentionError(
        f"attn_implementation={wanted!r} cannot express mask rules; allowed:"
        f" {', '.join(map(repr, IMPLEMENTATIONS))} (sdpa uses flash kernels inside each image)"
        + ("; leave the context that is already open first" if nested else "")
    )


def layer_rules(rules: Sequence[WindowedRule | Rule], depth: int) -> dict[int, tuple[Rule, ...]]:
    """The rules of every layer that has some.

    Raises:
        AttentionError: a window outside the model.
    """
    by_layer: dict[int, tuple[Rule, ...]] = {}
    for rule in rules:
        windowed = rule if isinstance(rule, WindowedRule) else WindowedRule(rule)
        for layer in windowed.window.layers(depth):
            by_layer[layer] = (*by_layer.get(layer, ()), windowed.rule)
    return by_layer
