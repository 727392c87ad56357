"""What a model will not take, found out before a run spends time on it.

A server has limits that nobody sees from outside: images per prompt, the length of its context.
The largest prompt of the run is asked first; if it is refused, a search over the numbers of images
finds the largest one that is answered. What is larger is never asked: its cases are errors that say
why, and their levels are inconclusive. A model that answers not even the smallest is of no use.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mimic_checks.cases import Case, cases_of
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.errors import NAMED_AT_MOST, AnswerError, ModelLoadError
from mimic_checks.models import Prompt
from mimic_checks.models.vlm import Limited

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """The most images of a prompt that a model takes, and why it takes no more."""

    most_images: int
    why: str


def largest_by_images(cases: Iterable[Case]) -> list[Case]:
    """For every number of images the case with the longest question, fewest images first."""
    largest: dict[int, Case] = {}
    for case in cases:
        count = len(case.images)
        if count not in largest or len(case.question) > len(largest[count].question):
            largest[count] = case
    return [largest[count] for count in sorted(largest)]


def find_limit(model: Limited, prompts: Sequence[Prompt]) -> tuple[int, str] | None:
    """The fields of the `Limit` of a model over `prompts` (fewest images first); None: it takes
    them all.

    Raises:
        ModelLoadError: it answers not even the first.
    """
    refused = _asked(model, prompts[-1])
    if refused is None:
        return None
    first = _asked(model, prompts[0]) if len(prompts) > 1 else refused
    if first is not None:
        raise ModelLoadError(
            f"the model does not answer a single question ({len(prompts[0].images)} images):"
            f" {first[0]}"
        )
    # A mishap says nothing of a limit: the cases are asked, and fail one by one if they do.
    if not refused[1]:
        return None
    taken, above, why = 0, len(prompts) - 1, refused[0]
    while above - taken > 1:
        middle = (taken + above) // 2
        found = _asked(model, prompts[middle])
        if found is not None and found[1]:
            above, why = middle, found[0]
        else:
            taken = middle
    return len(prompts[taken].images), why


def keep_within(model: Limited, limit: Limit, plan: RunPlan) -> None:
    """Has what is beyond a model's limit answered by the reason, without asking it, and says which
    levels that concerns."""
    model.limit_images(limit.most_images, f"{limit.why} (not asked)")
    _LOG.warning(
        "prompts of more than %d images are not asked (%s); without answers: %s",
        limit.most_images,
        limit.why,
        beyond(limit, plan),
    )


def beyond(limit: Limit, plan: RunPlan) -> str:
    """The levels of a run that have cases beyond a limit, in words."""
    named = []
    for check in plan.checks:
        asked, draws = plan.asked_levels(check), plan.draws(check)
        labels = [
            level.label
            for k, level in enumerate(plan.levels(check))
            if level in asked
            and any(len(c.images) > limit.most_images for d in draws for c in cases_of([d[k]]))
        ]
        # Of the harness's own checks, most look at a few cases of the others.
        if labels and not check.harness:
            named.append(f"{check.check_id} ({', '.join(labels)})")
    more = len(named) - NAMED_AT_MOST
    return "; ".join(named[:NAMED_AT_MOST]) + (f"; and {more} more checks" if more > 0 else "")


def _asked(model: Limited, prompt: Prompt) -> tuple[str, bool] | None:
    """None: it is answered; else why not, and whether the model refused it."""
    try:
        why = model.why_refused(prompt)
    except AnswerError as error:
        return str(error), False
    return (why, True) if why else None
