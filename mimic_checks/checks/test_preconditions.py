"""Is the harness itself right?

Before any score means anything: every image reaches the model once and in order, batches do not
change answers, masks and adapters do something, and nothing is known without pictures. The
deterministic tests take seconds and run before anything is scored, in every process of a run; while
one of them fails, no other check is scored: look at the chat template, the padding side and the
processor first.
"""

from mimic_checks.checks.marks import check
from mimic_checks.checks.specs import CHECKS


@check(CHECKS["preconditions.image_blocks"])
def test_image_blocks(vlm_check):
    """The model's input holds one block of image tokens per image, in the order of the images.

    Fails if images are dropped, doubled, cut or in another order: look at the processor and the
    chat template's image placeholders. For models that can be opened."""
    vlm_check.harness("image_blocks")


@check(CHECKS["preconditions.padding"])
def test_padding(vlm_check):
    """In a batch, every prompt ends where its answer begins.

    Fails if padding stands on the right: a generated answer then continues padding. Set the
    tokenizer's padding_side to left."""
    vlm_check.harness("padding")


@check(CHECKS["preconditions.mixed_sizes"])
def test_mixed_sizes(vlm_check):
    """Pictures of unequal sizes, in one prompt and in one batch, are read as they are alone.

    Fails if a processor resizes, pads or tiles pictures by what stands beside them, or mixes up
    their features."""
    vlm_check.harness("mixed_sizes")


@check(CHECKS["preconditions.batch"])
def test_batch(vlm_check):
    """A case is answered in a batch of unequal cases as it is alone: the same text, and logits
    within the tolerance.

    Catches missing padding masks and image features blended between rows. The tolerance is a share
    of the range of a row's logits: 0.001 in float32, 0.02 in float16, 0.1 in bfloat16; in half
    precision a near tie may flip a text within it."""
    vlm_check.harness("batch")


@check(CHECKS["preconditions.no_images"])
def test_no_images(vlm_check):
    """Without its images, a prompt is another prompt.

    Fails if nothing changes: the pictures do not reach the model at all.
    """
    vlm_check.harness("no_images")


@check(CHECKS["preconditions.swapped_images"])
def test_swapped_images(vlm_check):
    """Images in the other order are another input.

    Fails if the harness sorts, or deduplicates, or averages images: no question about order can
    then be answered."""
    vlm_check.harness("swapped_images")


@check(CHECKS["preconditions.best_constant"])
def test_best_constant(vlm_check):
    """No answer is right in nearly all cases of a level.

    Fails if a catalog or case set makes one answer right in more than 80 % of a level's cases:
    passing it would prove nothing."""
    vlm_check.harness("best_constant")


@check(CHECKS["preconditions.chat_template"])
def test_chat_template(vlm_check):
    """The question reaches the model whole.

    Fails if the template drops or rewrites the text part, or the tokenizer cannot spell it.
    """
    vlm_check.harness("chat_template")


@check(CHECKS["preconditions.truncation"])
def test_truncation(vlm_check):
    """The longest prompt of the run fits: every image token, and the question.

    Fails if it exceeds what the model takes, or was cut: choose a smaller profile, smaller
    pictures, or --vlm-pooling."""
    vlm_check.harness("truncation")


@check(CHECKS["preconditions.stop"])
def test_stop(vlm_check):
    """Answers end where the chat template ends them, and not before they begin.

    Fails if the template's end of turn is none of the model's stop ids (answers then run on to
    --vlm-max-new-tokens), or if every answer is empty."""
    vlm_check.harness("stop")


@check(CHECKS["preconditions.adapter"])
def test_adapter(vlm_check):
    """The adapter does something.

    Fails if merging it moved no logit of a probe: an untrained adapter, or one whose layers were
    not found."""
    vlm_check.harness("adapter")


@check(CHECKS["preconditions.mask"])
def test_mask(vlm_check):
    """A mask does something.

    Fails if an image-local mask moves no logit of several images, or moves those of one, where it
    has nothing to cut; if the model is to obey one always (--vlm-adapter, --vlm-mask), that one is
    tested."""
    vlm_check.harness("mask")


@check(CHECKS["preconditions.answer_cache"])
def test_answer_cache(vlm_check):
    """Cached answers are those that the model gives.

    Fails if an earlier run's answers to these cases are not what the model says now: something that
    changes answers is missing in its identity. Empty the cache with --cache-clear."""
    vlm_check.harness("answer_cache")


@check(CHECKS["preconditions.blank_images"])
def test_blank_images(vlm_check):
    """With blank pictures the model is right no more often than the best constant answer.

    A higher rate means that answers leak from the prompt or were learnt by heart. Fails only if the
    higher rate is proven."""
    vlm_check.blank_images()


@check(CHECKS["preconditions.not_constant"])
def test_not_constant(vlm_check):
    """The model's answers differ from case to case.

    A constant answer has a rate too; here it is named as what it is.
    """
    vlm_check.not_constant()
