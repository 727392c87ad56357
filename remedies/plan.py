"""From a run's failed checks to remedies, the cheapest first, each with reason and command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimic_checks.checks.profiles import FILE, faded_from, load_profile
from mimic_checks.errors import RemedyError
from mimic_checks.verdicts.result import CheckResult
from mimic_checks.verdicts.run_folder import RunFolder

# Checks whose failure is about several images: what these remedies are for.
_CROSS_IMAGE = ("spread.", "distractors", "multi_concept", "image_count.")
_PARTS = {
    "spread.": "counting",
    "distractors": "counting",
    "multi_concept": "counting",
    "image_count.counting": "counting",
    "image_count.listing": "listing",
    "image_count.common": "common",
    "image_count.odd_one": "odd_one",
}
ALPHA = 0.05


@dataclass(frozen=True)
class Proposal:
    """One remedy: what it is, why this report asks for it, and how to try it."""

    remedy: str
    reason: str
    commands: tuple[str, ...]


def plan(folder: Path) -> list[Proposal]:
    """Remedies for the failed and inconclusive checks of a run; none if every check passed.

    Raises:
        RunFolderError: no run in the folder.
        RemedyError: the harness itself failed its preconditions: nothing to repair before that.
    """
    run = RunFolder(folder)
    results = run.results()
    description = run.read()["description"]
    broken = [r for r in results if r.harness and r.verdict == "fail"]
    if broken:
        raise RemedyError(
            f"run={str(folder)!r}: {broken[0].check} failed ({broken[0].reason});"
            " repair the harness first, every other number depends on it"
        )
    weak = [r for r in results if r.verdict != "pass" and r.check.startswith(_CROSS_IMAGE)]
    if not weak:
        return []
    vlm = shlex.quote(str(description.get("vlm") or "<model>"))
    catalog = shlex.quote(str(description.get("catalog") or "rendered"))
    return [
        *_without_training(results, weak, vlm, catalog),
        *_with_training(weak, vlm, catalog, folder),
    ]


def _without_training(
    results: Sequence[CheckResult], weak: Sequence[CheckResult], vlm: str, catalog: str
) -> list[Proposal]:
    proposals = []
    run = f"mimic-checks run --vlm {vlm} --vlm-catalog {catalog}"
    pooling = next((r for r in results if r.check == "pooling"), None)
    best = _best_pooling(pooling)
    if best > 1:
        proposals.append(
            Proposal(
                f"pooling x{best}",
                f"fewer tokens per image answered better ({pooling.reason if pooling else ''})",
                (f"{run} --vlm-pooling {best}",),
            )
        )
    elif pooling is None:
        proposals.append(
            Proposal(
                "pooling x4",
                "the run did not measure pooling;"
                " the paper gained with four to eight times fewer tokens",
                (f"{run} -k pooling",),
            )
        )
    names = ", ".join(r.check for r in weak)
    proposals.append(
        Proposal(
            "mask only",
            f"{names} fall with more images; an image-local mask costs nothing to try,"
            " and can cost accuracy without training",
            (f"{run} --vlm-mask deep",),
        )
    )
    return proposals


def _best_pooling(result: CheckResult | None) -> int:
    """The pooling factor with the best rate.

    1 if no factor beats the unpooled model by more than its interval.
    """
    if result is None or not result.levels:
        return 1
    unpooled = next((judged for judged in result.levels if judged.level.value == 1), None)
    # The lower end of the best rate against the plain rate: of several factors one is always best.
    best = max(result.levels, key=lambda judged: judged.rate)
    return int(best.level.value) if unpooled is not None and best.low > unpooled.rate else 1


def _with_training(
    weak: Sequence[CheckResult], vlm: str, catalog: str, folder: Path
) -> list[Proposal]:
    parts = list(
        dict.fromkeys(
            part for r in weak for prefix, part in _PARTS.items() if r.check.startswith(prefix)
        )
    )
    window, window_reason = layer_window(folder)
    data = (
        "mimic-checks remedy data --catalog <training catalog> --mixture paper"
        f" --keep-out {shlex.quote(str(folder))} --out remedy-data"
    )
    train = (
        f"mimic-checks remedy train --vlm {vlm} --data remedy-data"
        f" --set mask={window} --out remedy-adapter"
    )
    prove = (
        f"mimic-checks remedy prove --vlm {vlm} --data remedy-data"
        f" --vlm-catalog {catalog} --out remedy-proof"
    )
    return [
        Proposal(
            f"training data for {', '.join(parts)}",
            "; ".join(f"{r.check}: {r.reason}" for r in weak),
            (data,),
        ),
        Proposal(
            f"LoRA on that data, image-local mask in layers {window}", window_reason, (train, prove)
        ),
    ]


def layer_window(folder: Path) -> tuple[str, str]:
    """The layers to mask, and why these.

    Those from which on attention between images has faded, by the run's attention profile, else the
    deep half.
    """
    path = folder / FILE
    if not path.is_file():
        return (
            "deep",
            "the deep half of the layers, as in the paper;"
            " the run has no attention profile to choose by (-k attention_by_depth)",
        )
    # [cases, layers, own image / other images / text]
    cases = np.array(list(load_profile(path).cases.values()))
    start = faded_from(cases[:, :, 1], ALPHA)
    if start is None:
        return (
            "deep",
            "attention between images does not fade in this model,"
            " so its profile names no window: the paper's, the deep half",
        )
    return (
        f"{start}-{cases.shape[1] - 1}",
        f"from layer {start} on, attention between images is under half of its peak in this model",
    )
