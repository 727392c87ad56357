"""Is the model led astray by what a picture suggests?

Behaviour: a normal picture and a misleading one (a pear as yellow as a banana, a key that is only a
picture of a key, a car behind a post), the same question to both; what the misleading one costs may
not exceed a margin (MVI-Bench, section 3). Why it matters: what looks like a thing is often none,
and a wrong answer of this kind sounds sure. If it fails: look how often the suggested answer was
taken: then it is the cue, and not the harder picture.
"""

from mimic_checks.cases.level import Level
from mimic_checks.checks import strategies
from mimic_checks.checks.check import Measurement, check


def _measure(session, check):
    from mimic_checks.checks.measures import misleading_inputs

    return misleading_inputs.measure(session, check)


def _conditions(session, check):
    from mimic_checks.checks.measures import misleading_inputs

    return misleading_inputs.conditions(session, check)


CATEGORIES = ("resemblance", "representation", "occlusion")
LEVELS = tuple(Level("category", name) for name in CATEGORIES)

MISLEADING_INPUTS = Measurement(
    check_id="misleading_inputs",
    title="Misleading pictures",
    factor="category",
    moves="what the misleading picture of a pair suggests",
    levels=CATEGORIES,
    nodes={"standard": LEVELS, "mimic": LEVELS},
    cases=strategies.misleading_inputs,
    catalog="misleading",
    measure=_measure,
    conditions=_conditions,
    pairs=True,
    docs="docs/checks/misleading_inputs.md",
)


@check(MISLEADING_INPUTS)
def test_misleading_inputs(vlm_check):
    """A picture that suggests a wrong answer is answered as well as its normal twin.

    Every category is judged by the drop from normal to misleading pictures on the same pairs.
    Sensitivity, and how often the suggested answer was taken, are shown beside.
    """
    vlm_check.run()
