"""Changes inside a model while it answers, as plain values: they need no torch."""

from __future__ import annotations

from dataclasses import dataclass

from mimic_checks.attention.adapter_record import read_adapter_mask
from mimic_checks.attention.rules import ImageLocal, LayerWindow, WindowedRule
from mimic_checks.models.options import ModelOptions


@dataclass(frozen=True)
class Intervention:
    """What is changed inside a model while it answers: image tokens pooled, mask rules in windows
    of layers."""

    pooling: int = 1
    rules: tuple[WindowedRule, ...] = ()

    def then(self, more: Intervention) -> Intervention:
        """Both: pooling factors multiply, rules add up."""
        return Intervention(self.pooling * more.pooling, (*self.rules, *more.rules))

    def describe(self) -> list[str]:
        """The intervention as identities name it."""
        return ([f"pooling x{self.pooling}"] if self.pooling > 1 else []) + [
            rule.describe() for rule in self.rules
        ]


NO_INTERVENTION = Intervention()


def persistent_intervention(options: ModelOptions) -> Intervention:
    """What a model obeys always: `--vlm-pooling`, and the mask of `--vlm-mask` or of its adapter's
    record.

    Raises:
        AttentionError: a record that cannot be read, or a window that is none.
    """
    mask: WindowedRule | None = None
    if options.mask not in ("auto", "none"):
        mask = WindowedRule(ImageLocal(), LayerWindow.parse(options.mask))
    elif options.mask == "auto" and options.adapter:
        mask = read_adapter_mask(options.adapter)
    return Intervention(options.pooling, (mask,) if mask else ())
