"""Is the harness itself right?

Before any score means anything: every image reaches the model once and in order, batches do not
change answers, masks and adapters do something, and nothing is known without pictures. The
deterministic tests take seconds and run before anything is scored, in every process of a run; while
one of them fails, no other check is scored: look at the chat template, the padding side and the
processor first.
"""

from mimic_checks.checks import strategies
from mimic_checks.checks.check import Measurement, check

DOCS = "docs/checks/preconditions.md"


def _preflight_test(session, check):
    from mimic_checks.checks.measures import harness

    return harness.preflight_test(session, check)


def _harness(name, title):
    return Measurement(
        check_id=f"preconditions.{name}",
        title=title,
        factor="images",
        moves="nothing is judged but the harness",
        levels=(1, 2, 4),
        cases=strategies.listing,
        measure=_preflight_test,
        harness=True,
        docs=DOCS,
    )


def _blank_images(session, check):
    from mimic_checks.checks.measures import harness

    return harness.blank_images(session, check)


def _answers_differ(session, check):
    from mimic_checks.checks.measures import harness

    return harness.answers_differ(session, check)


BLANK_IMAGES = Measurement(
    check_id="preconditions.blank_images",
    title="Without pictures, nothing is known",
    factor="images",
    moves="the pictures are replaced by blank ones",
    levels=(1,),
    cases=strategies.counting("images"),
    measure=_blank_images,
    judged=1,
    harness=True,
    docs=DOCS,
)
NOT_CONSTANT = Measurement(
    check_id="preconditions.not_constant",
    title="Answers differ from case to case",
    factor="images",
    moves="nothing is judged but the harness",
    levels=(1,),
    cases=strategies.counting("images"),
    measure=_answers_differ,
    harness=True,
    docs=DOCS,
)


@check(_harness("image_blocks", "Image tokens: one block per image, in order"))
def test_image_blocks(vlm_check):
    """The model's input holds one block of image tokens per image, in the order of the images.

    Fails if images are dropped, doubled, cut or in another order: look at the processor and the
    chat template's image placeholders. For models that can be opened."""
    vlm_check.run()


@check(_harness("padding", "Padding stands before the prompt"))
def test_padding(vlm_check):
    """In a batch, every prompt ends where its answer begins.

    Fails if padding stands on the right: a generated answer then continues padding. Set the
    tokenizer's padding_side to left."""
    vlm_check.run()


@check(_harness("mixed_sizes", "Pictures of unequal sizes are read as they are alone"))
def test_mixed_sizes(vlm_check):
    """Pictures of unequal sizes, in one prompt and in one batch, are read as they are alone.

    Fails if a processor resizes, pads or tiles pictures by what stands beside them, or mixes up
    their features."""
    vlm_check.run()


@check(_harness("batch", "Batch 1 answers as batch B does"))
def test_batch(vlm_check):
    """A case is answered in a batch of unequal cases as it is alone: the same text, and logits
    within the tolerance.

    Catches missing padding masks and image features blended between rows. The tolerance is a share
    of the range of a row's logits: 0.001 in float32, 0.02 in float16, 0.1 in bfloat16; in half
    precision a near tie may flip a text within it."""
    vlm_check.run()


@check(_harness("no_images", "Without its images, a prompt is another prompt"))
def test_no_images(vlm_check):
    """Without its images, a prompt is another prompt.

    Fails if nothing changes: the pictures do not reach the model at all.
    """
    vlm_check.run()


@check(_harness("swapped_images", "Images in another order are another input"))
def test_swapped_images(vlm_check):
    """Images in the other order are another input.

    Fails if the harness sorts, or deduplicates, or averages images: no question about order can
    then be answered."""
    vlm_check.run()


@check(_harness("best_constant", "No blind answer is as good as any"))
def test_best_constant(vlm_check):
    """At no level is an answer that needs no look at the images as good as any.

    Fails if a catalog or case set makes a blind answer right in so many cases of a level that not
    even a perfect model is proven better: passing it would prove nothing."""
    vlm_check.run()


@check(_harness("chat_template", "The question reaches the model"))
def test_chat_template(vlm_check):
    """The question reaches the model whole.

    Fails if the template drops or rewrites the text part, or the tokenizer cannot spell it.
    """
    vlm_check.run()


@check(_harness("truncation", "The longest prompt fits"))
def test_truncation(vlm_check):
    """The longest prompt of the run fits: every image token, and the question.

    Fails if it exceeds what the model takes, or was cut: choose a smaller profile, smaller
    pictures, or --vlm-pooling."""
    vlm_check.run()


@check(_harness("stop", "Answers end where they should"))
def test_stop(vlm_check):
    """Answers end where the chat template ends them, and not before they begin.

    Fails if the template's end of turn is none of the model's stop ids (answers then run on to
    --vlm-max-new-tokens), or if every answer is empty."""
    vlm_check.run()


@check(_harness("adapter", "The adapter does something"))
def test_adapter(vlm_check):
    """The adapter does something.

    Fails if merging it moved no logit of a probe: an untrained adapter, or one whose layers were
    not found."""
    vlm_check.run()


@check(_harness("mask", "The mask does something"))
def test_mask(vlm_check):
    """A mask does something.

    Fails if an image-local mask moves no logit of several images, or moves those of one, where it
    has nothing to cut; if the model is to obey one always (--vlm-adapter, --vlm-mask), that one is
    tested."""
    vlm_check.run()


@check(_harness("answer_cache", "Cached answers are the model's"))
def test_answer_cache(vlm_check):
    """Cached answers are those that the model gives.

    Fails if an earlier run's answers to these cases are not what the model says now: something that
    changes answers is missing in its identity. Empty the cache with --cache-clear."""
    vlm_check.run()


@check(BLANK_IMAGES)
def test_blank_images(vlm_check):
    """With blank pictures the model is right no more often than the best blind answer.

    A higher rate means that answers leak from the prompt or were learnt by heart. Fails only if the
    higher rate is proven."""
    vlm_check.run()


@check(NOT_CONSTANT)
def test_not_constant(vlm_check):
    """The model's answers differ from case to case.

    A constant answer has a rate too; here it is named as what it is.
    """
    vlm_check.run()
