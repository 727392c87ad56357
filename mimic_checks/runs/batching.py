"""Which cases are answered together.

Batches hold prompts of similar length, so that little is padding, and the longest come first, so
that memory runs out at once or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mimic_checks.models import VLM, Prompt, image_tokens
from mimic_checks.runs.time_limit import time_limit

LARGEST_BATCH = 64
_MOST_UNEVEN = 1.34
"""Longest over shortest prompt of a batch, in image tokens: bounds padding to a quarter."""
_TRIAL_S = 4.0
"""A batch size is not tried if the last one took longer than this."""


def plan_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices of the prompts in each batch, longest first.

    `lengths`: image tokens of each prompt. A batch has at most `budget` of them, padding counted,
    or it is a single prompt.
    """
    batches: list[list[int]] = []
    # Ties go by index: the plan must come out alike in every process that shares a run.
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        batch = batches[-1] if batches else []
        longest = lengths[batch[0]] if batch else 0
        # Every prompt of a batch is padded to its longest, which is its first.
        fits = batch and len(batch) < LARGEST_BATCH and longest * (len(batch) + 1) <= budget
        if fits and longest <= _MOST_UNEVEN * lengths[index]:
            batch.append(index)
        else:
            batches.append([index])
    return batches


def fixed_budget(model: VLM, prompts: Sequence[Prompt], batch: int) -> int:
    """Image tokens of `batch` prompts of middling length."""
    lengths = sorted(image_tokens(model, prompt) for prompt in prompts)
    return batch * lengths[len(lengths) // 2]


def choose_budget(
    model: VLM,
    prompts: Sequence[Prompt],
    *,
    case_limit_s: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> int:
    """Image tokens per batch at which this model answers these prompts fastest.

    Tries batches of 1, 2, 4, ... prompts of middling length and stops when the time per prompt no
    longer falls, or when a batch exceeds its time limit (`case_limit_s` times its prompts). Never
    slower than one by one.
    """

    def timed(size: int, start: int = 0) -> float:
        return _timed(model, trial[start : start + size], case_limit_s, clock)

    by_length = sorted(prompts, key=lambda prompt: image_tokens(model, prompt))
    middle = len(by_length) // 2
    # A window around the middle: neighbours in length, as a planned batch has them.
    trial = by_length[max(0, middle - LARGEST_BATCH // 2) :][:LARGEST_BATCH]
    longest = max(image_tokens(model, prompt) for prompt in trial)
    # The first call pays for set-up and for the features of shared images. Of two more, the better
    # one counts: one by one must not lose to a hiccup.
    timed(1)
    best, best_case_s = 1, min(timed(1), timed(1, start=1 if len(trial) > 1 else 0))
    size = 2
    while size <= len(trial):
        # The first batch of several pays for set-up once more.
        if size == 2:
            timed(size)
        batch_s = timed(size)
        # A gain of less than 3 % is noise, and a larger batch needs more memory.
        if batch_s / size > 0.97 * best_case_s:
            break
        best, best_case_s = size, batch_s / size
        if batch_s > _TRIAL_S:
            break
        size *= 2
    return best * longest


def _timed(
    model: VLM, prompts: Sequence[Prompt], case_limit_s: float | None, clock: Callable[[], float]
) -> float:
    """Seconds that a batch takes; infinite if it fails."""
    began = clock()
    try:
        with time_limit(case_limit_s and case_limit_s * len(prompts)):
            model.answer(prompts)
    # A batch size that fails (out of memory, say) is simply not chosen.
    except Exception:
        return float("inf")
    return clock() - began
