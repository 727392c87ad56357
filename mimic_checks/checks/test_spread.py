"""Does the model still count when the same things are spread over several images?

Behaviour: the asked instances are distributed over 1, 2, 3, ... images; the answer is their total
(MIMIC, information spread). Why it matters: a model that sees each image but does not aggregate is
a single-image model. If it fails: compare with `distractors` (does the number of images alone break
it?) and look at failing cases at spread 2, the first step.
"""

from mimic_checks.checks import strategies
from mimic_checks.checks.check import Sweep, check


def _three_totals(levels):
    """Drawn uniformly: with one total alone, a constant answer would be right."""
    return max(levels), max(levels) + 2


BALANCED = Sweep(
    check_id="spread.balanced",
    title="Counting the same instances, spread over more images",
    factor="spread",
    moves="images = spread; the total number of instances stays",
    levels={"standard": (1, 2, 3, 4), "mimic": (1, 2, 3, 4, 5, 6, 7)},
    cases=strategies.counting("spread", total=_three_totals),
    docs="docs/checks/spread.md",
)
UNBALANCED = Sweep(
    check_id="spread.unbalanced",
    title="Counting instances in more and more images",
    factor="spread",
    moves="images = spread; the total grows with it",
    levels={"standard": (1, 2, 3, 4), "mimic": (1, 2, 3, 4, 5, 6, 7)},
    cases=strategies.counting("spread", instances=(1, 2)),
    docs="docs/checks/spread.md",
)


@check(BALANCED)
def test_balanced(vlm_check):
    """The same instances, spread over more images, are counted as well as in one image.

    The total stays, so the answer does; what moves with spread is the number of images. Reference:
    all instances in one image. Look first at whether answers equal the count of one image only."""
    vlm_check.run()


@check(UNBALANCED)
def test_unbalanced(vlm_check):
    """Instances in more and more images, each with one or two, are counted as well as in one image.

    The needles of a level contain those of the level before; the total grows with them. Reference:
    one image. Look first at whether the error grows with the total (counting) or with the images
    (aggregation): the balanced check holds the total."""
    vlm_check.run()
