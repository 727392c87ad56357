"""How many images can the model hold at once, task by task?

Behaviour: the four MIMIC tasks over more and more images. Why it matters: this is the curve that
says how many images a prompt may carry. If it fails: the level where each task's curve leaves its
reference is the model's working capacity.
"""

from mimic_checks.checks import strategies
from mimic_checks.checks.check import Sweep, check

COUNTING = Sweep(
    check_id="image_count.counting",
    title="Counting over more images, every other a distractor",
    factor="images",
    moves="half of the images are needles, half distractors: both grow with images",
    levels={"standard": (1, 2, 4, 8), "mimic": (1, 2, 4, 8, 16, 35)},
    cases=strategies.counting("images", instances=(1, 2)),
    docs="docs/checks/image_count.md",
)
LISTING = Sweep(
    check_id="image_count.listing",
    title="Listing the kinds of a category over more images",
    factor="images",
    moves="the true list grows with images",
    levels={"standard": (1, 2, 4, 8), "mimic": (1, 2, 4, 8, 16, 35)},
    cases=strategies.listing,
    docs="docs/checks/image_count.md",
)
COMMON = Sweep(
    check_id="image_count.common",
    title="Naming the object that every image shows",
    factor="images",
    moves="nothing: the answer stays",
    levels={"standard": (2, 4, 8), "mimic": (2, 4, 8, 16)},
    cases=strategies.common,
    docs="docs/checks/image_count.md",
)
ODD_ONE = Sweep(
    check_id="image_count.odd_one",
    title="Naming the object that the fewest images show",
    factor="images",
    moves="nothing: one image holds the answer at every level",
    levels={"standard": (2, 4, 6), "mimic": (2, 4, 8, 16)},
    cases=strategies.odd_one,
    docs="docs/checks/image_count.md",
)


@check(COUNTING)
def test_counting(vlm_check):
    """Counting over more images, half of them without the class, is as good as in one image.

    Needles and distractors both grow with the images. Reference: one image. Look first at `spread`
    and `distractors`, which move one of the two alone."""
    vlm_check.run()


@check(LISTING)
def test_listing(vlm_check):
    """Every kind of a category that any image shows is listed, and nothing else.

    Judged on the exact set; F1 is shown beside it. The images of a level contain those of the level
    before. Reference: one image. Look first at whether kinds are missing (recall) or invented
    (precision)."""
    vlm_check.run()


@check(COMMON)
def test_common(vlm_check):
    """The one object that all images show is named.

    The answer stays while images are added. Reference: two images. Look first at whether the model
    names something from the first or the last image only."""
    vlm_check.run()


@check(ODD_ONE)
def test_odd_one(vlm_check):
    """The one object that only one image shows is named.

    Every other object is in more than half of the images; one image holds the answer at every
    level. Reference: two images. Look first at whether the model names the object that is
    everywhere."""
    vlm_check.run()
