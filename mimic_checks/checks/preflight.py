"""Is the harness itself right? Tests of seconds on a few cases, before anything is scored.

Data in: a session. Data out: by name what is wrong, in one sentence that names the case; "" if
nothing is, None if this model does not show what the test looks at. Every process of a run tests
its own model once (`run`); checks do not score a model with a problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mimic_checks.checks.probe_cases import (
    FULL_PRECISION,
    PROBED,
    TOGETHER,
    ProbeCases,
    in_batches,
    question_missing,
)
from mimic_checks.checks.session import CheckSession
from mimic_checks.errors import AnswerError, AttentionError, ModelLoadError, RunFolderError
from mimic_checks.models import ImageBlocks, Prompt, PromptImage, WhiteBoxVLM, prompt_for
from mimic_checks.models.vlm import ImageBlock
from mimic_checks.runs import Answer
from mimic_checks.runs.run import out_of_memory
from mimic_checks.verdicts.intervals import lower
from mimic_checks.verdicts.levels import best_constant as constant_rate

if TYPE_CHECKING:
    from torch import Tensor

CONSTANT_CEILING = 0.8
"""If one answer is proven right in more cases of a level than this, the level tests nothing."""
SAME = 1e-6
"""Logits that lie closer together than this share of their range are the same."""


def image_blocks(probe_cases: ProbeCases) -> str | None:
    """The model's input holds one block of image tokens per image, in the order of the images."""
    model = probe_cases.model
    if (
        not isinstance(model, ImageBlocks)
        or (probe_cases.open is None and isinstance(model, WhiteBoxVLM))
        or _stitched(probe_cases)
    ):
        return None
    for prompt in probe_cases.prompts:
        if problem := wrong_blocks(model.image_blocks(prompt), len(prompt.images)):
            return f"case {prompt.case_id} ({len(prompt.images)} images): {problem}"
    return ""


def padding(probe_cases: ProbeCases) -> str | None:
    """In a batch, every prompt ends where its answer begins."""
    if probe_cases.shows is None:
        return None
    lengths = [len(prompt.images) for prompt in probe_cases.prompts]
    uneven = [
        probe_cases.prompts[lengths.index(min(lengths))],
        probe_cases.prompts[lengths.index(max(lengths))],
    ]
    for prompt, shown in zip(uneven, probe_cases.shows.shown(uneven), strict=True):
        if shown.ends_in_padding:
            return (
                f"case {prompt.case_id}: in a batch, padding stands between the prompt and its"
                " answer; pad on the left"
            )
    return ""


def mixed_sizes(probe_cases: ProbeCases) -> str | None:
    """Pictures of unequal sizes, in one prompt and in one batch, are read as they are alone."""
    if probe_cases.open is None or _stitched(probe_cases):
        return None
    mixed = [
        _resized(prompt, number)
        for number, prompt in enumerate(probe_cases.several() or probe_cases.prompts[:2])
    ]
    if problem := _moved_by_batch(probe_cases, mixed):
        return "with pictures of unequal sizes, " + problem
    if isinstance(probe_cases.model, ImageBlocks):
        for prompt in mixed:
            if problem := wrong_blocks(probe_cases.model.image_blocks(prompt), len(prompt.images)):
                return f"case {prompt.case_id} with pictures of unequal sizes: {problem}"
    return ""


def batch(probe_cases: ProbeCases) -> str | None:
    """A case is answered in a batch as it is alone: the same text, and logits within the
    tolerance."""
    if probe_cases.open is not None and (
        problem := _moved_by_batch(probe_cases, probe_cases.prompts)
    ):
        return problem
    together, alone = probe_cases.together, probe_cases.alone
    if len(together) != len(alone):
        return f"{len(together)} answers to {len(alone)} prompts"
    differ = [k for k, (a, b) in enumerate(zip(together, alone, strict=True)) if a != b]
    if not differ or (probe_cases.open is not None and probe_cases.tolerance > FULL_PRECISION):
        return ""  # in half precision, logits within the tolerance may still flip a near tie
    first = differ[0]
    return (
        f"{len(differ)} of {len(alone)} answers change with the batch; case"
        f" {probe_cases.cases[first].id}: {alone[first]!r} alone, {together[first]!r} in a batch of"
        f" {min(TOGETHER, len(alone))}"
    )


def no_images(probe_cases: ProbeCases) -> str | None:
    """Without its images, a prompt is another prompt: logits move, or, for a closed model, some
    answers change."""
    prompts = probe_cases.prompts
    without = [prompt_for([], prompt.question, prompt.case_id) for prompt in prompts]
    if probe_cases.open is not None:
        apart = [
            _apart(probe_cases.open, [a], [b])
            for a, b in zip(prompts[:PROBED], without, strict=False)
        ]
        return (
            ""
            if min(apart) > SAME
            else "removing all images changes no logit: the pictures do not reach the model"
        )
    if len(set(probe_cases.together)) == 1:
        return None  # a model that says one thing only is named by another test
    try:
        same = [
            text for batch in in_batches(without) for text in probe_cases.ask(batch)
        ] == probe_cases.together
    except Exception:
        return None  # a model that does not answer without images
    return (
        f"removing all images changes none of {len(prompts)} answers: the pictures do not reach the"
        " model"
        if same
        else ""
    )


def swapped_images(probe_cases: ProbeCases) -> str | None:
    """Two images in the other order are another input."""
    prompts = probe_cases.several()
    if probe_cases.open is None or not prompts or _stitched(probe_cases):
        return None
    for prompt in prompts:
        if (
            _apart(probe_cases.open, [prompt], [replace(prompt, images=prompt.images[::-1])])
            <= SAME
        ):
            return (
                f"case {prompt.case_id}: its {len(prompt.images)} images in reverse order move no"
                " logit; the order of images is lost"
            )
    return ""


def best_constant(probe_cases: ProbeCases) -> str | None:
    """No answer is right in nearly all cases of a level."""
    session = probe_cases.session
    for spec in session.specs:
        for k, name in enumerate(spec.level_names(session.settings.profile) if spec.gated else []):
            cases = [group[k] for group in session.draws(spec)]
            rate = constant_rate(cases)
            if lower(round(rate * len(cases)), len(cases), 0.01) > CONSTANT_CEILING:
                return (
                    f"{spec.check_id} {name}: one answer is right in {rate:.2f} of {len(cases)}"
                    " cases, so that it tests nothing"
                )
    return ""


def chat_template(probe_cases: ProbeCases) -> str | None:
    """The question reaches the model whole."""
    return None if probe_cases.shows is None else probe_cases.question_missing


def truncation(probe_cases: ProbeCases) -> str | None:
    """The longest prompt of the run fits: every image token, and the question, inside what the
    model takes."""
    if probe_cases.shows is None:
        return None
    session = probe_cases.session
    longest = max(
        (case for spec in session.specs for case in session.draws(spec)[0]),
        key=lambda case: (len(case.images), len(case.question)),
    )
    prompt = session.prompt(longest)
    shown, context = probe_cases.shows.shown([prompt])[0], probe_cases.shows.context_tokens
    if context is not None and shown.tokens > context:
        return (
            f"case {longest.id} ({len(longest.images)} images) has {shown.tokens} tokens, the model"
            f" takes {context}; use --vlm-profile standard, smaller pictures, or --vlm-pooling"
        )
    if (
        probe_cases.open is not None
        and isinstance(probe_cases.model, ImageBlocks)
        and not _stitched(probe_cases)
    ):
        found = len(probe_cases.model.image_blocks(prompt))
        if found != len(longest.images):
            return (
                f"case {longest.id}: {found} of its {len(longest.images)} images are left in the"
                " model's input"
            )
    if probe_cases.question_missing:
        return ""  # not of long prompts only: named by another test
    return question_missing(probe_cases.shows, [prompt])


def stop(probe_cases: ProbeCases) -> str | None:
    """Answers end where the chat template ends them, and not before they begin."""
    if not any(probe_cases.together):
        return (
            f"all {len(probe_cases.together)} answers are empty: the model stops before it says"
            " anything; look at its stop ids"
        )
    if probe_cases.shows is None:
        return None
    stops, closing = probe_cases.shows.stop_ids, probe_cases.shows.closing_id
    if not stops:
        return "the model's generation config names no token that ends an answer (eos_token_id)"
    if closing is not None and closing not in stops:
        return (
            f"the chat template ends answers with token {closing}, which is none of the model's"
            f" stop ids {sorted(stops)}"
        )
    return ""


def adapter(probe_cases: ProbeCases) -> str | None:
    """The adapter does something."""
    shift = probe_cases.shows.adapter_shift if probe_cases.shows else None
    if shift is None:
        return None
    return (
        ""
        if shift > 0
        else (
            f"adapter={probe_cases.session.settings.model.adapter!r} moves no logit: it does not"
            " reach the model"
        )
    )


def mask(probe_cases: ProbeCases) -> str | None:
    """An image-local mask moves logits of several images and none of one; so does one that the
    model is to obey always (an adapter's)."""
    model, prompts = probe_cases.open, probe_cases.several()
    if model is None or not prompts or _stitched(probe_cases):
        return None
    if model.masked_layers:
        moved = _range_moved(model.logits(prompts[:1], masked=False), model.logits(prompts[:1]))
        return (
            ""
            if moved > SAME
            else (
                "the mask that the model is to obey (of its adapter, or --vlm-mask) moves no logit:"
                " it is not applied"
            )
        )
    from mimic_checks.attention import ImageLocal, WindowedRule
    from mimic_checks.models.intervention import Intervention

    local = Intervention(rules=(WindowedRule(ImageLocal()),))
    try:
        moved = _range_moved(model.logits(prompts[:1]), model.logits(prompts[:1], local))
    except AttentionError:
        return None  # an attention implementation that cannot carry a mask
    if moved <= SAME:
        return (
            f"case {prompts[0].case_id}: an image-local mask in all layers moves no logit: it is"
            " not applied"
        )
    one = [prompt for prompt in probe_cases.prompts if len(prompt.images) == 1][:1]
    if one and _range_moved(model.logits(one), model.logits(one, local)) > probe_cases.tolerance:
        return (
            f"case {one[0].case_id}: an image-local mask moves the logits of a prompt of one image,"
            " where there is nothing to cut"
        )
    return ""


def answer_cache(probe_cases: ProbeCases) -> str | None:
    """Cached answers are those that the model gives."""
    cache = probe_cases.session.runner.cache
    if cache is None:
        return None
    asked = probe_cases.prompts[:TOGETHER]
    said = dict(zip((prompt.case_id for prompt in asked), probe_cases.together, strict=False))
    kept = cache.get(asked)
    if kept is None:
        cache.put(asked, {case_id: Answer(text) for case_id, text in said.items()})
        kept = cache.get(asked) or {}
    for case_id, text in said.items():
        if case_id not in kept or kept[case_id].text != text:
            was = kept[case_id].text if case_id in kept else None
            return (
                f"case {case_id}: {was!r} is kept, the model says {text!r}; empty the cache with"
                " --cache-clear, or run with --vlm-answer-cache none"
            )
    return ""


PREFLIGHT: Mapping[str, Callable[[ProbeCases], str | None]] = {
    function.__name__: function
    for function in (
        image_blocks,
        padding,
        mixed_sizes,
        batch,
        no_images,
        swapped_images,
        best_constant,
        chat_template,
        truncation,
        stop,
        adapter,
        mask,
        answer_cache,
    )
}


def run(session: CheckSession) -> dict[str, str | None]:
    """All tests by name, made once per session."""
    if session.preflight_found is None:
        try:
            probe_cases = ProbeCases(session)
        except AnswerError as error:
            session.preflight_found = {**dict.fromkeys(PREFLIGHT), batch.__name__: str(error)}
        else:
            session.preflight_found = {
                name: _tried(test, probe_cases) for name, test in PREFLIGHT.items()
            }
    return session.preflight_found


def problems(session: CheckSession) -> str:
    """What keeps the run from scoring anything, in one line; "" if nothing does."""
    return "; ".join(f"{name}: {problem}" for name, problem in run(session).items() if problem)


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


def _tried(test: Callable[[ProbeCases], str | None], probe_cases: ProbeCases) -> str | None:
    try:
        return test(probe_cases)
    except (ModelLoadError, RunFolderError):
        raise
    except Exception as error:
        if out_of_memory(error):
            return None  # the run will ask in smaller batches
        return (
            f"the model raised on {len(probe_cases.cases)} probe cases: {type(error).__name__}:"
            f" {error}"
        )


def _stitched(probe_cases: ProbeCases) -> bool:
    return probe_cases.session.settings.model.stitch


def _moved_by_batch(probe_cases: ProbeCases, prompts: Sequence[Prompt]) -> str:
    """How the logits of prompts differ between a batch and alone, if by more than the tolerance."""
    assert probe_cases.open is not None
    for together in in_batches(prompts):
        for prompt, row in zip(together, probe_cases.open.logits(together), strict=True):
            moved = _range_moved(probe_cases.open.logits([prompt]), row[None])
            if moved > probe_cases.tolerance:
                return (
                    f"a batch of {len(together)} moves a logit of case {prompt.case_id} by"
                    f" {moved:.2g} of their range (tolerance {probe_cases.tolerance:g})"
                )
    return ""


def _apart(model: WhiteBoxVLM, some: Sequence[Prompt], others: Sequence[Prompt]) -> float:
    return _range_moved(model.logits(some), model.logits(others))


def _range_moved(before: Tensor, after: Tensor) -> float:
    """The farthest that a logit moved, as a share of the range of the logits before. [1, V]
    both."""
    spread = float(before.max() - before.min())
    return float((after - before).abs().max()) / spread if spread > 0 else 0.0


def _resized(prompt: Prompt, number: int) -> Prompt:
    """The prompt with every other picture narrower, and every other prompt's pictures lower."""
    images = [
        _resize(image, 2 / 3 if place % 2 else 1.0, 0.5 if number % 2 else 1.0)
        for place, image in enumerate(prompt.images)
    ]
    return replace(prompt, images=tuple(images))


def _resize(image: PromptImage, across: float, down: float) -> PromptImage:
    width, height = image.open().size
    size = (max(1, round(width * across)), max(1, round(height * down)))
    return PromptImage(f"resized {size[0]}x{size[1]} {image.id}", lambda: image.open().resize(size))
