"""A LoRA adapter on a vision-language model: where it goes, and with which settings.

LoRA on every linear layer of the language model, the projector trained in full, everything else
frozen.

Source: MIMIC, section 5 and released `train.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from mimic_checks.attention.families import family_of
from mimic_checks.attention.rules import ImageLocal, LayerWindow, WindowedRule
from mimic_checks.errors import InvalidArgument, RemedyError


@dataclass(frozen=True, slots=True)
class LoraOptions:
    """Every setting of a training; names are peft's and transformers' own.

    `mask`: the layers with an image-local mask: a window as `--vlm-mask` takes it, or "none".
    `batch_size` samples go through one device at a time, and `gradient_accumulation_steps` such
    batches make a step. `max_steps` above zero ends before the epochs do.

    Raises:
        InvalidArgument: a value out of range.
    """

    r: int = 128
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    learning_rate: float = 2.5e-5
    lr_scheduler_type: str = "cosine"
    warmup_ratio: float = 0.03
    weight_decay: float = 0.0
    num_train_epochs: float = 1.0
    max_steps: int = -1
    batch_size: int = 4
    gradient_accumulation_steps: int = 4
    mask: str = "deep"
    bf16: bool = True
    gradient_checkpointing: bool = False
    save_steps: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("r", "lora_alpha", "batch_size", "gradient_accumulation_steps"):
            if (value := getattr(self, name)) < 1:
                raise InvalidArgument(name, value, allowed="whole numbers from 1")
        for name in ("lora_dropout", "warmup_ratio"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise InvalidArgument(name, value, allowed="shares from 0 up to, but not, 1")
        if not self.learning_rate > 0:
            raise InvalidArgument("learning_rate", self.learning_rate, allowed="numbers above 0")
        if self.mask != "none":
            LayerWindow.parse(self.mask)  # for its error: the depth is not yet known

    @property
    def rules(self) -> list[WindowedRule]:
        """The mask as a rule in its window; none if there is no mask."""
        if self.mask == "none":
            return []
        return [WindowedRule(ImageLocal(), LayerWindow.parse(self.mask))]


PRESETS = {
    "paper": LoraOptions(),
    "builtin": LoraOptions(
        r=16,
        lora_alpha=32,
        lora_dropout=0.0,
        learning_rate=1e-3,
        warmup_ratio=0.05,
        max_steps=2000,
        batch_size=4,
        gradient_accumulation_steps=1,
    ),
}
"""`paper`: MIMIC's settings for its masked LoRA; its step was 128 samples over 8 devices, here a
device takes 16. `builtin`: for the built-in model, whose layers are 192 wide."""


def options_of(preset: str, **changes: Any) -> LoraOptions:
    """A preset with some settings changed.

    Raises:
        InvalidArgument: no such preset, or a value out of range.
    """
    if preset not in PRESETS:
        raise InvalidArgument("preset", preset, allowed=PRESETS)
    known = {field.name for field in fields(LoraOptions)}
    if unknown := set(changes) - known:
        raise InvalidArgument("setting", sorted(unknown)[0], allowed=sorted(known))
    return replace(PRESETS[preset], **changes)


def with_lora(model: Any, options: LoraOptions) -> Any:
    """The model with an adapter to train.

    Raises:
        AttentionError: an unknown family, or a mask outside the model.
        RemedyError: a language model without linear layers that peft can adapt.
    """
    from peft import LoraConfig, get_peft_model

    family = family_of(model.config)
    for rule in options.rules:  # a window outside the model is refused before peft changes it
        rule.window.layers(int(model.config.text_config.num_hidden_layers))
    # `modules_to_save`: the projector is trained in full, as a copy that the adapter carries.
    config = LoraConfig(
        r=options.r,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        bias="none",
        target_modules=linear_layers(model, family.language_model),
        modules_to_save=[family.projector],
    )
    return get_peft_model(model, config)


def linear_layers(model: Any, language_model: str) -> list[str]:
    """Full names of the linear layers of the language model.

    Raises:
        RemedyError: there are none.
    """
    from torch import nn

    # Full names: peft would find `q_proj` alone in the vision tower as well.
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(f"{language_model}.")
    ]
    if not names:
        types = {
            type(module).__name__
            for name, module in model.named_modules()
            if name.startswith(f"{language_model}.layers.0.")
        }
        raise RemedyError(
            f"model={type(model).__name__} has no linear layer under {language_model!r}"
            f" that peft can adapt (it has {', '.join(sorted(types))});"
            " use a base whose layers are torch.nn.Linear,"
            " unquantised or quantised by a library that peft supports"
        )
    return names
