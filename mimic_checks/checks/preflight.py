"""Deterministic tests of the harness: each returns what is wrong in words, "" if nothing is, None if it cannot be looked at.

Data in: a session and a check spec's draws. Data out: a problem, in one sentence, naming the case.
"""

from __future__ import annotations

from collections.abc import Sequence

from mimic_checks.cases import Case
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.specs import CheckSpec
from mimic_checks.models import ImageBlocks, OpenVLM
from mimic_checks.models.vlm import ImageBlock, texts_of

CANARIES = 8
"""Cases that the deterministic tests look at."""


class Preflight:
    """The harness tests on the first draws of a check."""

    def __init__(self, session: CheckSession, spec: CheckSpec) -> None:
        self.session, self.spec = session, spec
        self.cases: list[Case] = [case for group in session.draws(spec)[:CANARIES] for case in group]

    def image_blocks(self) -> str | None:
        model = self.session.model
        if (
            not isinstance(model, ImageBlocks)
            or (isinstance(model, OpenVLM) and not model.opens)
            or self.session.settings.model.stitch
        ):
            return None
        for case in self.cases:
            problem = wrong_blocks(model.image_blocks(self.session.prompt(case)), len(case.images))
            if problem:
                return f"case {case.id} ({len(case.images)} images): {problem}"
        return ""

    def batch(self) -> str:
        prompts = [self.session.prompt(case) for case in self.cases]
        try:
            together = texts_of(self.session.model, prompts)
            alone = [texts_of(self.session.model, [prompt])[0] for prompt in prompts]
        except Exception as error:
            return f"the model raised on {len(prompts)} canary cases: {type(error).__name__}: {error}"
        if len(together) != len(prompts):
            return f"{len(together)} answers to {len(prompts)} prompts"
        differ = [case for case, a, b in zip(self.cases, together, alone, strict=True) if a != b]
        if not differ:
            return ""
        first = self.cases.index(differ[0])
        return (
            f"{len(differ)} of {len(prompts)} answers change with the batch; case {differ[0].id}: {alone[first]!r} alone, "
            f"{together[first]!r} in a batch of {len(prompts)}"
        )

    def not_constant(self) -> str:
        cases = list({group[0].id: group[0] for group in self.session.draws(self.spec)}.values())
        outcomes = self.session.answer(self.spec.check_id, cases)
        answers = {outcome.answer.strip().lower() for outcome in outcomes if outcome.kind != "error"}
        if len(answers) > 1:
            return ""
        said = next(iter(answers), "nothing but errors")
        return f"the model says the same to all {len(cases)} cases, whose answers differ: {said!r}"


def wrong_blocks(blocks: Sequence[ImageBlock], images: int) -> str:
    """What is wrong with the image blocks of a prompt; "" if nothing."""
    if len(blocks) != images:
        return f"{len(blocks)} blocks of image tokens for {images} images"
    for place, block in enumerate(blocks):
        if not block.tokens:
            return f"image {place + 1} has no tokens"
        if place and block.start < blocks[place - 1].start + blocks[place - 1].tokens:
            return f"the tokens of image {place + 1} start before those of image {place} end"
        if block.image != place:
            shown = f"image {block.image + 1}" if block.image >= 0 else "no image of the prompt"
            return f"block {place + 1} holds the features of {shown}"
    return ""
