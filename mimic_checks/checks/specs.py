"""The table of all checks: what each sweeps, at which levels, and what moves with its factor.

Data in: nothing. Data out: `CHECKS`, check id -> `CheckSpec`. The test modules beside this file
carry the same ids; their docstrings say why. Levels come in two profiles: `standard` (at most 8
images) and `mimic` (the paper's ranges).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from hypothesis.strategies import SearchStrategy

from mimic_checks.cases import Case, common_sweep, counting_sweep, listing_sweep, odd_one_sweep
from mimic_checks.cases.counting import CountingFactor
from mimic_checks.cases.pools import TemplateChoice
from mimic_checks.catalog import Catalog

Profile = Literal["standard", "mimic"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
Levels = tuple[int, ...]
SweepStrategy = SearchStrategy[tuple[Case, ...]]
MakeStrategy = Callable[[Catalog, Levels, TemplateChoice], SweepStrategy]


@dataclass(frozen=True)
class CheckSpec:
    """One check. `levels[profile]`, the first of which is the reference; `node` is its pytest node;
    `judged`: whether its levels are statistical verdicts (preconditions that are plain invariants
    are not); `sweep`: whether they are judged against the first of them; `pairs`: whether the same
    draws are judged under several conditions, and `judged_conditions`, how many, where they are not
    the levels;
    `needs_rules`: whether it cuts attention paths."""

    check_id: str
    node: str
    title: str
    factor: str
    moves: str
    levels: Mapping[Profile, Levels]
    strategy: MakeStrategy
    judged: bool = True
    sweep: bool = True
    pairs: bool = False
    judged_conditions: int = 0
    needs_rules: bool = False

    @property
    def gated(self) -> bool:
        """Whether a baseline can gate it: its outcomes say how good the model is (preconditions and
        knocked-out paths do not)."""
        return self.sweep or self.pairs

    def seed(self, run_seed: int) -> int:
        """A seed of this check's own, so that two checks never draw in step."""
        return int.from_bytes(hashlib.sha256(f"{run_seed} {self.check_id}".encode()).digest()[:6])

    def level_names(self, profile: Profile) -> list[str]:
        """`["spread=1", "spread=2", ...]`."""
        return [f"{self.factor}={level}" for level in self.levels[profile]]


def _counting(factor: CountingFactor, **fixed: Any) -> MakeStrategy:
    def strategy(catalog: Catalog, levels: Levels, template: TemplateChoice) -> SweepStrategy:
        own = {name: value(levels) if callable(value) else value for name, value in fixed.items()}
        return counting_sweep(catalog, factor=factor, levels=levels, template=template, **own)

    return strategy


def _balanced_total(levels: Levels) -> tuple[int, int]:
    """Three totals, drawn uniformly: with one alone, a constant answer would be right."""
    return max(levels), max(levels) + 2


POOLINGS = (1, 2, 4, 8)
"""Factors of the pooling check."""
_ONE_NEEDLE: dict[Profile, Levels] = {"standard": (3,), "mimic": (7,)}


def _listing(catalog: Catalog, levels: Levels, template: TemplateChoice) -> SweepStrategy:
    return listing_sweep(catalog, levels=levels, template=template)


_HARNESS = {
    "image_blocks": "Image tokens: one block per image, in order",
    "padding": "Padding stands before the prompt",
    "mixed_sizes": "Pictures of unequal sizes are read as they are alone",
    "batch": "Batch 1 answers as batch B does",
    "no_images": "Without its images, a prompt is another prompt",
    "swapped_images": "Images in another order are another input",
    "best_constant": "No answer is right nearly always",
    "chat_template": "The question reaches the model",
    "truncation": "The longest prompt fits",
    "stop": "Answers end where they should",
    "adapter": "The adapter does something",
    "mask": "The mask does something",
    "answer_cache": "Cached answers are the model's",
}


def _harness(name: str, title: str) -> CheckSpec:
    levels: dict[Profile, Levels] = dict.fromkeys(PROFILES, (1, 2, 4))
    return CheckSpec(
        f"preconditions.{name}",
        f"test_preconditions.py::test_{name}",
        title,
        "images",
        "nothing is judged but the harness",
        levels,
        _listing,
        judged=False,
        sweep=False,
    )


_ALL = (
    *(_harness(name, title) for name, title in _HARNESS.items()),
    CheckSpec(
        "preconditions.blank_images",
        "test_preconditions.py::test_blank_images",
        "Without pictures, nothing is known",
        "images",
        "the pictures are replaced by blank ones",
        {"standard": (1,), "mimic": (1,)},
        _counting("images"),
        sweep=False,
    ),
    CheckSpec(
        "preconditions.not_constant",
        "test_preconditions.py::test_not_constant",
        "Answers differ from case to case",
        "images",
        "nothing is judged but the harness",
        {"standard": (1,), "mimic": (1,)},
        _counting("images"),
        judged=False,
        sweep=False,
    ),
    CheckSpec(
        "spread.balanced",
        "test_spread.py::test_balanced",
        "Counting the same instances, spread over more images",
        "spread",
        "images = spread; the total number of instances stays",
        {"standard": (1, 2, 3, 4), "mimic": (1, 2, 3, 4, 5, 6, 7)},
        _counting("spread", total=_balanced_total),
    ),
    CheckSpec(
        "spread.unbalanced",
        "test_spread.py::test_unbalanced",
        "Counting instances in more and more images",
        "spread",
        "images = spread; the total grows with it",
        {"standard": (1, 2, 3, 4), "mimic": (1, 2, 3, 4, 5, 6, 7)},
        _counting("spread", instances=(1, 2)),
    ),
    CheckSpec(
        "distractors",
        "test_distractors.py::test_distractors",
        "Counting in one image among images without the class",
        "distractors",
        "images = 1 + distractors; the needle stays",
        {"standard": (0, 1, 3, 7), "mimic": (0, 1, 2, 4, 8, 16, 34)},
        _counting("distractors"),
    ),
    CheckSpec(
        "multi_concept",
        "test_multi_concept.py::test_concepts",
        "Counting several classes at once",
        "concepts",
        "nothing: the same image at every level; the question grows",
        {"standard": (1, 2, 3, 4), "mimic": (1, 2, 3, 4)},
        _counting("concepts"),
    ),
    CheckSpec(
        "image_count.counting",
        "test_image_count.py::test_counting",
        "Counting over more images, every other a distractor",
        "images",
        "half of the images are needles, half distractors: both grow with images",
        {"standard": (1, 2, 4, 8), "mimic": (1, 2, 4, 8, 16, 35)},
        _counting("images", instances=(1, 2)),
    ),
    CheckSpec(
        "image_count.listing",
        "test_image_count.py::test_listing",
        "Listing the kinds of a category over more images",
        "images",
        "the true list grows with images",
        {"standard": (1, 2, 4, 8), "mimic": (1, 2, 4, 8, 16, 35)},
        _listing,
    ),
    CheckSpec(
        "image_count.common",
        "test_image_count.py::test_common",
        "Naming the object that every image shows",
        "images",
        "nothing: the answer stays",
        {"standard": (2, 4, 8), "mimic": (2, 4, 8, 16)},
        lambda catalog, levels, template: common_sweep(catalog, levels=levels, template=template),
    ),
    CheckSpec(
        "image_count.odd_one",
        "test_image_count.py::test_odd_one",
        "Naming the object that the fewest images show",
        "images",
        "nothing: one image holds the answer at every level",
        {"standard": (2, 4, 6), "mimic": (2, 4, 8, 16)},
        lambda catalog, levels, template: odd_one_sweep(catalog, levels=levels, template=template),
    ),
    CheckSpec(
        "sequence_length",
        "test_sequence_length.py::test_sequence_length",
        "More images, or more tokens?",
        "distractors",
        "the conditions: images and image tokens move together, then one without the other",
        {"standard": (0, 3, 7), "mimic": (0, 3, 7, 15)},
        _counting("distractors"),
        sweep=False,
        pairs=True,
    ),
    CheckSpec(
        "pooling",
        "test_pooling.py::test_pooling",
        "The same cases with fewer tokens per image",
        "distractors",
        "image tokens per image; the pictures stay",
        _ONE_NEEDLE,
        _counting("distractors"),
        sweep=False,
        pairs=True,
        judged_conditions=len(POOLINGS) - 1,
    ),
    CheckSpec(
        "attention_by_depth",
        "test_attention_by_depth.py::test_attention_by_depth",
        "Where attention goes, layer by layer",
        "distractors",
        "nothing: one level",
        _ONE_NEEDLE,
        _counting("distractors"),
        judged=False,
        sweep=False,
        needs_rules=True,
    ),
    CheckSpec(
        "knockout",
        "test_knockout.py::test_knockout",
        "Which path carries the images to the answer",
        "images",
        "nothing: one level",
        {"standard": (2,), "mimic": (4,)},
        _listing,
        judged=False,
        sweep=False,
        needs_rules=True,
    ),
    CheckSpec(
        "localization",
        "test_localization.py::test_localization",
        "Does the answer look at the object?",
        "distractors",
        "nothing: one level",
        {"standard": (1,), "mimic": (3,)},
        _counting("distractors"),
        judged=False,
        sweep=False,
        needs_rules=True,
    ),
)

CHECKS: dict[str, CheckSpec] = {spec.check_id: spec for spec in _ALL}
