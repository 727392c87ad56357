"""What a proof compares: ways to repair a base, and on how many cases."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mimic_checks.errors import RemedyError
from mimic_checks.models import ModelOptions

PLAIN = ModelOptions()


@dataclass(frozen=True)
class Variant:
    """A way to repair the base: how it is loaded, once per seed (adapters), or once (no
    training)."""

    name: str
    what: str
    options: tuple[ModelOptions, ...]
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class ProofPlan:
    """What a proof compares, and on how many cases. `settings` are changes of the training preset,
    as `remedy train` takes them; `given` are further adapters by name, trained with a budget of
    their own (one name several times: its seeds)."""

    vlm: str
    data: Path
    out: Path
    masks: tuple[str, ...] = ("none", "deep", "shallow", "all")
    seeds: tuple[int, ...] = (0, 1, 2)
    preset: str = "builtin"
    settings: tuple[str, ...] = ()
    pooling: int = 4
    cases: int = 300
    guard_cases: int = 2000
    seed: int = 0
    batch: int | None = None
    given: tuple[tuple[str, Path], ...] = ()

    def adapter(self, mask: str, seed: int) -> Path:
        """Where the adapter of a mask and a seed is, or will be."""
        return self.out / "adapters" / f"{mask}-seed{seed}"


def variants(plan: ProofPlan, base: ModelOptions) -> list[Variant]:
    """The variants of a plan, the cheapest repair first."""
    found = [
        Variant(
            "mask only",
            "no training; an image-local mask on the deep half",
            (replace(base, mask="deep"),),
        ),
        Variant(
            f"pooling x{plan.pooling}",
            "no training; image tokens averaged",
            (replace(base, pooling=plan.pooling),),
        ),
        Variant("stitched", "no training; all images in one grid", (replace(base, stitch=True),)),
    ]
    served_without = next((mask for mask in plan.masks if mask != "none"), None)
    for mask in plan.masks:
        adapters = tuple(
            replace(base, adapter=str(plan.adapter(mask, seed))) for seed in plan.seeds
        )
        where = "without a mask" if mask == "none" else f"masked in layers: {mask}"
        found.append(
            Variant(
                f"data + LoRA, mask {mask}", f"trained and served {where}", adapters, plan.seeds
            )
        )
        if mask == served_without:
            unmasked = tuple(replace(options, mask="none") for options in adapters)
            found.append(
                Variant(
                    f"data + LoRA, mask {mask}, served without",
                    f"trained {where}, served as plain peft would",
                    unmasked,
                    plan.seeds,
                )
            )
    return found + _given(plan, base)


def _given(plan: ProofPlan, base: ModelOptions) -> list[Variant]:
    """The given adapters, each with the budget that its record tells.

    Raises:
        RemedyError: an adapter without a record, or one that other data trained: its images were
            not compared with the cases.
    """
    found: dict[str, list[tuple[Path, dict[str, Any]]]] = {}
    for name, path in plan.given:
        try:
            record = json.loads((path / "training.json").read_bytes())
        except (OSError, ValueError) as error:
            raise RemedyError(
                f"adapter={str(path)!r} has no training.json ({error}); give a folder made by:"
                " mimic-checks remedy train"
            ) from error
        if record["data"] != str(plan.data):
            raise RemedyError(
                f"adapter={str(path)!r} was trained on data={record['data']!r}, not on"
                f" {str(plan.data)!r}, whose images are compared with the cases; prove it with its"
                " own data"
            )
        found.setdefault(name, []).append((path, record))
    variants = []
    for name, adapters in found.items():
        first = adapters[0][1]
        batch = (
            first["options"]["batch_size"]
            * first["options"]["gradient_accumulation_steps"]
            * first["devices"]
        )
        what = (
            f"given: mask {first['options']['mask']}, {first['steps']} steps of {batch} samples"
            " each"
        )
        options = tuple(replace(base, adapter=str(path)) for path, _ in adapters)
        variants.append(
            Variant(name, what, options, tuple(record["options"]["seed"] for _, record in adapters))
        )
    return variants
