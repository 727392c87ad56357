"""Is the model led astray by images that do not matter?

Behaviour: one image holds the asked class, 0, 1, 3, ... others certainly do not; the answer is the
count in the one (MIMIC, distractors). Why it matters: retrieval, documents, video: most images in a
prompt are beside the point. If it fails: check whether answers are too high (distractors counted)
or arbitrary (the needle is lost), and at which positions.
"""

from mimic_checks.checks import strategies
from mimic_checks.checks.check import Sweep, check

DISTRACTORS = Sweep(
    check_id="distractors",
    title="Counting in one image among images without the class",
    factor="distractors",
    moves="images = 1 + distractors; the needle stays",
    levels={"standard": (0, 1, 3, 7), "mimic": (0, 1, 2, 4, 8, 16, 34)},
    cases=strategies.counting("distractors"),
    docs="docs/checks/distractors.md",
)


@check(DISTRACTORS)
def test_distractors(vlm_check):
    """Images without the asked class do not change the count.

    The needle stays and the distractors are nested; what moves with the factor is the number of
    images. Reference: the needle alone. Look first at the needle's position in the failing cases.
    """
    vlm_check.run()
