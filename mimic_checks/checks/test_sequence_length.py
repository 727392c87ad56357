"""Is it the number of images that breaks the model, or the number of image tokens?

Behaviour: one needle is asked about among distractors, among blank images, in degraded pictures, in
one stitched grid, and with pooled tokens; each condition moves images or tokens without the other
(MIMIC, finding 1: mainly the tokens). Why it matters: the two have different remedies. If it fails:
blank images alone cost answers, so length itself is the problem.
"""

from mimic_checks.cases.level import Level
from mimic_checks.checks import strategies
from mimic_checks.checks.check import Measurement, check


def _measure(session, check):
    from mimic_checks.checks.measures import sequence_length

    return sequence_length.measure(session, check)


def _conditions(session, check):
    from mimic_checks.checks.measures import sequence_length

    return sequence_length.conditions(session, check)


def _judged(levels):
    """The needle alone, and among so many blank images in all."""
    return Level("images", 1), *(Level("blanks", 1 + level) for level in levels[1:])


LEVELS = {"standard": (0, 3, 7), "mimic": (0, 3, 7, 15)}
SEQUENCE_LENGTH = Measurement(
    check_id="sequence_length",
    title="More images, or more tokens?",
    factor="distractors",
    moves="the conditions: images and image tokens move together, then one without the other",
    levels=LEVELS,
    cases=strategies.counting("distractors"),
    measure=_measure,
    conditions=_conditions,
    nodes={profile: _judged(levels) for profile, levels in LEVELS.items()},
    pairs=True,
    docs="docs/checks/sequence_length.md",
)


@check(SEQUENCE_LENGTH)
def test_sequence_length(vlm_check):
    """Blank images beside the needle cost no answers.

    Judged: the needle among blank images against the needle alone. Reported: paired differences of
    all conditions, and which of images and image tokens explains more. Look first at the table of
    paired differences."""
    vlm_check.run()
