"""Does the model still count when the same things are spread over several images?

Behaviour: the asked instances are distributed over 1, 2, 3, ... images; the answer is their total
(MIMIC, information spread). Why it matters: a model that sees each image but does not aggregate is
a single-image model. If it fails: compare with `distractors` (does the number of images alone break
it?) and look at failing cases at spread 2, the first step.
"""

from mimic_checks.checks.marks import check
from mimic_checks.checks.specs import CHECKS


@check(CHECKS["spread.balanced"])
def test_balanced(vlm_check):
    """The same instances, spread over more images, are counted as well as in one image.

    The total stays, so the answer does; what moves with spread is the number of images. Reference:
    all instances in one image. Look first at whether answers equal the count of one image only."""
    vlm_check.sweep()


@check(CHECKS["spread.unbalanced"])
def test_unbalanced(vlm_check):
    """Instances in more and more images, each with one or two, are counted as well as in one image.

    The needles of a level contain those of the level before; the total grows with them. Reference:
    one image. Look first at whether the error grows with the total (counting) or with the images
    (aggregation): the balanced check holds the total."""
    vlm_check.sweep()
