"""Is the harness itself right?

Before any score means anything: every image reaches the model once and in order, batches do not change answers, nothing is
known without pictures, and answers depend on the question. If one of these fails, no other number of the run is to be
trusted: look at the chat template, the padding side and the processor first.
"""

import pytest

from mimic_checks.checks.marks import check
from mimic_checks.checks.specs import CHECKS


@check(CHECKS["preconditions.image_blocks"])
def test_image_blocks(vlm_check):
    """The model's input holds one block of image tokens per image, in the order of the images.

    For models that can be opened; a model behind the two-method protocol alone is skipped with that reason.
    """
    problem = vlm_check.preflight().image_blocks()
    if problem is None:
        pytest.skip(
            "the model does not show its input (no image_blocks method, or a family without a row in mimic_checks/attention/families.py), "
            "or --vlm-stitch makes all pictures one"
        )
    vlm_check.conclude(problem)


@check(CHECKS["preconditions.batch"])
def test_batch(vlm_check):
    """A case is answered in a batch of unequal cases as it is alone.

    Catches padding on the wrong side and image features blended between rows.
    """
    vlm_check.conclude(vlm_check.preflight().batch())


@check(CHECKS["preconditions.blank_images"])
def test_blank_images(vlm_check):
    """With blank pictures the model is right no more often than the best constant answer.

    A higher rate means that answers leak from the prompt or were learnt by heart. Fails only if the higher rate is proven.
    """
    vlm_check.blank_images()


@check(CHECKS["preconditions.not_constant"])
def test_not_constant(vlm_check):
    """The model's answers differ from case to case.

    A constant answer has a rate too; here it is named as what it is.
    """
    vlm_check.conclude(vlm_check.preflight().not_constant())
