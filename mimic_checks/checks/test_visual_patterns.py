"""Does the model see what differs between two pictures that are alike in everything else?

Behaviour: twins, two pictures that differ in one property (which way an object faces, its colour, a
word, ...), the same question to each, opposite answers; a pair is right if both answers are, which
chance does in one of four (MMVP, section 2). Why it matters: what an image encoder does not tell
apart, no language model can say. If it fails: the pattern says which property is lost; one answer
to both twins means that it is not looked at.
"""

from mimic_checks.checks import strategies
from mimic_checks.checks.check import Survey, check
from mimic_checks.checks.pattern_panels import shown

VISUAL_PATTERNS = Survey(
    check_id="visual_patterns",
    title="Telling twins apart",
    factor="pattern",
    moves="the one property in which the two pictures of a pair differ",
    levels=("direction", "presence", "state", "count", "position", "colour", "structure", "text"),
    cases=strategies.visual_patterns,
    catalog="twins",
    shown=shown,
    docs="docs/checks/visual_patterns.md",
)


@check(VISUAL_PATTERNS)
def test_visual_patterns(vlm_check):
    """Both pictures of a pair are answered right, whichever property they differ in.

    Every pattern is judged alone, against chance (one pair of four) and ten points. The order and
    the lettering of the options are drawn for every pair, and compared beside.
    """
    vlm_check.run()
