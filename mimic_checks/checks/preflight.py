"""Is the harness itself right? Tests of seconds on a few cases, before anything is scored.

A test says in one sentence, which names the case, what is wrong ("": nothing is), or says it by
check where it concerns some only, and raises `NotMeasurable` with the reason where this model or
run has nothing to look at. Every process of a run tests its own model once (`run`); a check with a
problem is not scored, and where the problem is the model's, none is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mimic_checks.attention.rules import ImageLocal, WindowedRule
from mimic_checks.cases import Case
from mimic_checks.checks.evaluation import Finding, NotMeasurable
from mimic_checks.checks.limits import beyond
from mimic_checks.checks.probe_cases import (
    FULL_PRECISION,
    PROBED,
    TOGETHER,
    ProbeCases,
    in_batches,
    text_missing,
)
from mimic_checks.errors import (
    AnswerError,
    AttentionError,
    ModelLoadError,
    RunFolderError,
    UsageError,
    message_of,
)
from mimic_checks.models import GivesLogits, Prompt, Reply, ShowsInput, image_blocks
from mimic_checks.models.controls import Reversed, Uneven, WithoutImages
from mimic_checks.models.intervention import Intervention
from mimic_checks.models.reply import reply_text
from mimic_checks.models.vlm import ImageBlock, limited
from mimic_checks.runs import Answer
from mimic_checks.runs.run import out_of_memory
from mimic_checks.verdicts.trouble import cure, frequent

if TYPE_CHECKING:
    from torch import Tensor

    from mimic_checks.checks.session import CheckSession

SAME = 1e-6
"""Logits that lie closer together than this share of their range are the same."""


def check_image_blocks(probe: ProbeCases) -> str:
    """The model's input holds one block of image tokens per image, in the order of the images."""
    model = probe.require_blocks()
    for prompt in probe.prompts:
        if problem := wrong_blocks(model.image_blocks(prompt), len(prompt.images)):
            return f"case {prompt.case_id} ({len(prompt.images)} images): {problem}"
    return ""


def check_padding(probe: ProbeCases) -> str:
    """In a batch, every prompt ends where its answer begins."""
    model = probe.require_input()
    by_length = sorted(probe.prompts, key=lambda prompt: len(prompt.images))
    uneven = [by_length[0], by_length[-1]]
    for prompt, shown in zip(uneven, model.shown(uneven), strict=True):
        if shown.ends_in_padding:
            return (
                f"case {prompt.case_id}: in a batch, padding stands between the prompt and its"
                " answer; pad on the left"
            )
    return ""


def check_mixed_sizes(probe: ProbeCases) -> str:
    """Pictures of unequal sizes, in one prompt and in one batch, are read as they are alone."""
    probe.require_apart()
    model = probe.require_logits()
    mixed = [
        Uneven(low=number % 2 == 1)(prompt)
        for number, prompt in enumerate(probe.several() or probe.prompts[:2])
    ]
    if problem := _moved_by_batch(model, mixed, probe.tolerance):
        return "with pictures of unequal sizes, " + problem
    if blocks := image_blocks(probe.model):
        for prompt in mixed:
            if problem := wrong_blocks(blocks.image_blocks(prompt), len(prompt.images)):
                return f"case {prompt.case_id} with pictures of unequal sizes: {problem}"
    return ""


def check_batch(probe: ProbeCases) -> str:
    """A case is answered in a batch as it is alone: the same text, and logits within the
    tolerance."""
    model = probe.logits
    if model and (problem := _moved_by_batch(model, probe.prompts, probe.tolerance)):
        return problem
    together, alone = probe.together, probe.alone
    if len(together) != len(alone):
        return f"{len(together)} answers to {len(alone)} prompts"
    differ = [k for k, (a, b) in enumerate(zip(together, alone, strict=True)) if a != b]
    if not differ or (model and probe.tolerance > FULL_PRECISION):
        return ""  # in half precision, logits within the tolerance may still flip a near tie
    first = differ[0]
    return (
        f"{len(differ)} of {len(alone)} answers change with the batch; case"
        f" {probe.prompts[first].case_id}: {alone[first]!r} alone, {together[first]!r} in a batch"
        f" of {min(TOGETHER, len(alone))}"
    )


def check_no_images(probe: ProbeCases) -> str:
    """Without its images, a prompt is another prompt: logits move, or, for a closed model, some
    answers change."""
    prompts = probe.prompts
    without = [WithoutImages()(prompt) for prompt in prompts]
    try:
        if model := probe.logits:
            pairs = zip(prompts[:PROBED], without, strict=False)
            if min(_apart(model, [prompt], [bare]) for prompt, bare in pairs) > SAME:
                return ""
            return "removing all images changes no logit: the pictures do not reach the model"
        if len(set(probe.together)) == 1:
            raise NotMeasurable("the model says the same to every probe case")
        answers = [text for batch in in_batches(without) for text in probe.ask(batch)]
    except (NotMeasurable, UsageError, NotNumbers):
        raise
    except Exception as error:  # whatever a model raises that cannot do without images
        raise NotMeasurable(f"the model does not answer without images ({error})") from error
    if answers != probe.together:
        return ""
    return (
        f"removing all images changes none of {len(prompts)} answers: the pictures do not reach"
        " the model"
    )


def check_swapped_images(probe: ProbeCases) -> str:
    """Images in the other order are another input."""
    probe.require_apart()
    model = probe.require_logits()
    for prompt in probe.require_several():
        if _apart(model, [prompt], [Reversed()(prompt)]) <= SAME:
            return (
                f"case {prompt.case_id}: its {len(prompt.images)} images in reverse order move no"
                " logit; the order of images is lost"
            )
    return ""


def check_best_constant(probe: ProbeCases) -> dict[str, str]:
    """At no level that is asked is a blind answer as good as any."""
    plan = probe.session.plan
    return {
        check.check_id: f"{check.check_id} {level}: {floor.text}, so that it tests nothing"
        for check in plan.checks
        for level, floor in plan.untestable(check).items()
        if level in plan.asked_levels(check)
    }


def check_chat_template(probe: ProbeCases) -> str:
    """The texts of a prompt reach the model whole, in their order."""
    return probe.text_missing


def check_truncation(probe: ProbeCases) -> dict[str, str]:
    """The longest prompt of every check fits: every image token, and all texts, inside what the
    model takes."""
    if limited(probe.model):
        _say_limit(probe)
        return {}
    model, plan = probe.require_input(), probe.session.plan
    cut = {}
    for check in plan.checks:
        cases = plan.cases(check)  # none, where no level of a suite can be tested
        longest = max(cases, key=lambda case: (len(case.images), len(case.question)), default=None)
        if longest and (problem := _cut_off(probe, model, longest)):
            cut[check.check_id] = problem
    return cut


def _cut_off(probe: ProbeCases, model: ShowsInput, case: Case) -> str:
    prompt, images = probe.session.prompt(case), len(case.images)
    shown, context = model.shown([prompt])[0], model.context_tokens
    if context is not None and shown.tokens > context:
        return (
            f"case {case.id} ({images} images) has {shown.tokens} tokens, the model takes"
            f" {context}; use --vlm-profile standard, smaller pictures, or --vlm-pooling"
        )
    blocks = image_blocks(model)
    if blocks and not probe.is_stitched and (left := len(blocks.image_blocks(prompt))) != images:
        return f"case {case.id}: {left} of its {images} images are left in the model's input"
    if probe.text_missing:
        return ""  # not of long prompts only: named by another test
    return text_missing(model, [prompt])


def check_stop(probe: ProbeCases) -> str:
    """Answers end where the chat template ends them, and not before they begin."""
    if not any(probe.together):
        if (unread := frequent(probe.remarks)).what:
            return f"all {len(probe.together)} answers are empty: {unread.what}{cure(unread)}"
        return (
            f"all {len(probe.together)} answers are empty: the model stops before it says"
            " anything; look at its stop ids"
        )
    model = probe.require_input()
    if not model.stop_ids:
        return "the model's generation config names no token that ends an answer (eos_token_id)"
    if model.closing_id is not None and model.closing_id not in model.stop_ids:
        return (
            f"the chat template ends answers with token {model.closing_id}, which is none of the"
            f" model's stop ids {sorted(model.stop_ids)}"
        )
    return ""


def check_adapter(probe: ProbeCases) -> str:
    """The adapter does something."""
    model, adapter = probe.require_input(), probe.session.settings.model.adapter
    if model.adapter_shift is None:
        raise NotMeasurable("the model has no adapter")
    if model.adapter_shift > 0:
        return ""
    return f"adapter={adapter!r} moves no logit: it does not reach the model"


def check_mask(probe: ProbeCases) -> str:
    """An image-local mask moves logits of several images and none of one; so does one that the
    model is to obey always (an adapter's)."""
    probe.require_apart()
    model, prompts = probe.require_white_box(), probe.require_several()
    if model.masked_layers:
        unmasked = model.logits(prompts[:1], masked=False)
        if _range_moved(unmasked, model.logits(prompts[:1])) > SAME:
            return ""
        return (
            "the mask that the model is to obey (of its adapter, or --vlm-mask) moves no logit: it"
            " is not applied"
        )
    local = Intervention(rules=(WindowedRule(ImageLocal()),))
    try:
        moved = _range_moved(model.logits(prompts[:1]), model.logits(prompts[:1], local))
    except AttentionError as error:  # an attention implementation that cannot carry a mask
        raise NotMeasurable(str(error)) from error
    if moved <= SAME:
        return (
            f"case {prompts[0].case_id}: an image-local mask in all layers moves no logit: it is"
            " not applied"
        )
    one = [prompt for prompt in probe.prompts if len(prompt.images) == 1][:1]
    if one and _range_moved(model.logits(one), model.logits(one, local)) > probe.tolerance:
        return (
            f"case {one[0].case_id}: an image-local mask moves the logits of a prompt of one image,"
            " where there is nothing to cut"
        )
    return ""


def check_answer_cache(probe: ProbeCases) -> str:
    """Cached answers are those that the model gives."""
    cache = probe.session.engine.cache
    if cache is None:
        raise NotMeasurable("this run caches no answers")
    asked = probe.prompts[:TOGETHER]
    # With what is remarked of them: a cut-off answer that came back as a whole one would be read.
    given = {
        prompt.case_id: Answer(reply_text(one), remark=one.remark if isinstance(one, Reply) else "")
        for prompt, one in zip(asked, probe.answered, strict=False)
    }
    cached = cache.get(asked)
    if cached is None:
        cache.put(asked, given)
        cached = cache.get(asked) or {}
    for case_id, answer in given.items():
        was = cached.get(case_id)
        if was != answer:
            return (
                f"case {case_id}: {was and was.text!r} is cached, the model says {answer.text!r};"
                " empty the cache with --cache-clear, or run with --vlm-answer-cache none"
            )
    return ""


Test = Callable[[ProbeCases], str | Mapping[str, str]]
PREFLIGHT: Mapping[str, Test] = {
    test.__name__.removeprefix("check_"): test
    for test in (
        check_image_blocks,
        check_padding,
        check_mixed_sizes,
        check_batch,
        check_no_images,
        check_swapped_images,
        check_best_constant,
        check_chat_template,
        check_truncation,
        check_stop,
        check_adapter,
        check_mask,
        check_answer_cache,
    )
}


def run(session: CheckSession) -> Mapping[str, Finding]:
    """All tests by name, made once per session."""
    if session.preflight_results is None:
        session.preflight_results = _findings(session)
    return session.preflight_results


def problems(session: CheckSession, check: str | None = None) -> str:
    """What keeps a check from being scored (None: any check), in one line; "" if nothing does."""
    said = {
        name: finding.problem if check is None else finding.problem_of(check)
        for name, finding in run(session).items()
    }
    return "; ".join(f"{name}: {problem}" for name, problem in said.items() if problem)


def wrong_blocks(blocks: Sequence[ImageBlock], images: int) -> str:
    """What is wrong with the image blocks of a prompt; "" if nothing."""
    if len(blocks) != images:
        return f"{len(blocks)} blocks of image tokens for {images} images"
    for index, block in enumerate(blocks):
        if not block.tokens:
            return f"image {index + 1} has no tokens"
        if index and block.start < blocks[index - 1].start + blocks[index - 1].tokens:
            return f"the tokens of image {index + 1} start before those of image {index} end"
        if block.image != index:
            shown = f"image {block.image + 1}" if block.image >= 0 else "no image of the prompt"
            return f"block {index + 1} holds the features of {shown}"
    return ""


def _findings(session: CheckSession) -> dict[str, Finding]:
    try:
        probe = ProbeCases(session)
    except AnswerError as error:
        unasked = Finding(reason="the model raises on most of the probe cases")
        return {**dict.fromkeys(PREFLIGHT, unasked), "batch": Finding(problem=str(error))}
    return {name: _tried(test, probe) for name, test in PREFLIGHT.items()}


def _tried(test: Test, probe: ProbeCases) -> Finding:
    try:
        found = test(probe)
        if isinstance(found, str):
            return Finding(problem=found)
        return Finding(problem="; ".join(dict.fromkeys(found.values())), of_checks=found)
    except NotMeasurable as error:
        return Finding(reason=error.reason)
    except (ModelLoadError, RunFolderError):
        raise
    except Exception as error:  # whatever a model raises
        cases = f"{len(probe.prompts)} probe cases"
        if out_of_memory(error):
            return Finding(reason=f"no memory for {cases}; the run will ask in smaller batches")
        return Finding(problem=f"the model raised on {cases}: {message_of(error)}")


def _say_limit(probe: ProbeCases) -> None:
    """Nothing is wrong with a harness whose server takes less than the run would ask: only some
    levels go without answers."""
    if limit := probe.session.limit:
        raise NotMeasurable(
            f"prompts of more than {limit.most_images} images are not asked ({limit.why}); without"
            f" answers: {beyond(limit, probe.session.plan)}"
        )


def _moved_by_batch(model: GivesLogits, prompts: Sequence[Prompt], tolerance: float) -> str:
    """How the logits of prompts differ between a batch and alone, if by more than the tolerance."""
    for together in in_batches(prompts):
        for prompt, row in zip(together, model.logits(together), strict=True):
            moved = _range_moved(model.logits([prompt]), row[None])
            if moved > tolerance:
                return (
                    f"a batch of {len(together)} moves a logit of case {prompt.case_id} by"
                    f" {moved:.2g} of their range (tolerance {tolerance:g})"
                )
    return ""


def _apart(model: GivesLogits, some: Sequence[Prompt], others: Sequence[Prompt]) -> float:
    return _range_moved(model.logits(some), model.logits(others))


def _range_moved(before: Tensor, after: Tensor) -> float:
    """The farthest that a logit moved, as a share of the range of the logits before; [1, V] both.
    Tokens that are ruled out, at minus infinity, have to be ruled out in both.

    Raises:
        NotNumbers: a logit is NaN: no comparison would be true of it.
    """
    if bool(before.isnan().any() | after.isnan().any()):
        raise NotNumbers("its logits are not numbers (NaN); try --vlm-dtype float32")
    finite = before.isfinite()
    if not bool((finite == after.isfinite()).all()):
        return float("inf")
    if not bool(finite.any()):
        return 0.0
    before, after = before[finite], after[finite]
    spread = float(before.max() - before.min())
    return float((after - before).abs().max()) / spread if spread > 0 else 0.0


class NotNumbers(AnswerError):
    """Logits that cannot be compared."""
