"""How many images can the model hold at once, task by task?

Behaviour: the four MIMIC tasks over more and more images. Why it matters: this is the curve that
says how many images a prompt may carry. If it fails: the level where each task's curve leaves its
reference is the model's working capacity.
"""

from mimic_checks.checks.marks import check
from mimic_checks.checks.specs import CHECKS


@check(CHECKS["image_count.counting"])
def test_counting(vlm_check):
    """Counting over more images, half of them without the class, is as good as in one image.

    Needles and distractors both grow with the images. Reference: one image. Look first at `spread`
    and `distractors`, which move one of the two alone."""
    vlm_check.sweep()


@check(CHECKS["image_count.listing"])
def test_listing(vlm_check):
    """Every kind of a category that any image shows is listed, and nothing else.

    Judged on the exact set; F1 is shown beside it. The images of a level contain those of the level
    before. Reference: one image. Look first at whether kinds are missing (recall) or invented
    (precision)."""
    vlm_check.sweep()


@check(CHECKS["image_count.common"])
def test_common(vlm_check):
    """The one object that all images show is named.

    The answer stays while images are added. Reference: two images. Look first at whether the model
    names something from the first or the last image only."""
    vlm_check.sweep()


@check(CHECKS["image_count.odd_one"])
def test_odd_one(vlm_check):
    """The one object that only one image shows is named.

    Every other object is in more than half of the images; one image holds the answer at every
    level. Reference: two images. Look first at whether the model names the object that is
    everywhere."""
    vlm_check.sweep()
