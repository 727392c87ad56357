"""Does the model keep several asked classes apart?

Behaviour: one question asks for the counts of 1, 2, 3, ... classes (MIMIC, number of concepts);
right means all of them. Why it matters: real requests name several things at once. If it fails: see
whether single counts are swapped between classes (binding) or all drift (capacity).
"""

from mimic_checks.checks import strategies
from mimic_checks.checks.check import Sweep, check

CONCEPTS = Sweep(
    check_id="multi_concept",
    title="Counting several classes at once",
    factor="concepts",
    moves="nothing: the same image at every level; the question grows",
    levels=(1, 2, 3, 4),
    cases=strategies.counting("concepts"),
    docs="docs/checks/multi_concept.md",
)


@check(CONCEPTS)
def test_concepts(vlm_check):
    """Asked for more classes at once, the model still gets every count right.

    The images stay the same at every level; only the question grows, and each level's classes are
    drawn from the same mix. Reference: one class. Look first at which of the asked classes is
    wrong: the first or the last."""
    vlm_check.run()
