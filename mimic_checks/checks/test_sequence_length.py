"""Is it the number of images that breaks the model, or the number of image tokens?

Behaviour: one needle is asked about among distractors, among blank images, in degraded pictures, in
one stitched grid, and with pooled tokens; each condition moves images or tokens without the other
(MIMIC, finding 1: mainly the tokens). Why it matters: the two have different remedies. If it fails:
blank images alone cost answers, so length itself is the problem.
"""

from mimic_checks.checks.marks import check
from mimic_checks.checks.measures import sequence_length
from mimic_checks.checks.specs import CHECKS


@check(CHECKS["sequence_length"])
def test_sequence_length(vlm_check):
    """Blank images beside the needle cost no answers.

    Judged: the needle among blank images against the needle alone. Reported: paired differences of
    all conditions, and which of images and image tokens explains more. Look first at the table of
    paired differences."""
    vlm_check.measure(sequence_length.measure)
