"""Does the model answer better when every image is given fewer tokens?

Behaviour: the same cases of several images are asked with image tokens averaged by 2, 4 and 8
(MIMIC, sequence length: 4 to 8 wins clearly for every model there). Why it matters: a model that
gains from *less* information loses to the length of its own input. If it fails: pooling is a remedy
without training; look at `sequence_length` for whether images or tokens cost. For models that can
be opened.
"""

from mimic_checks.cases.level import Level
from mimic_checks.checks import strategies
from mimic_checks.checks.check import Measurement, check


def _measure(session, check):
    from mimic_checks.checks.measures import pooling

    return pooling.measure(session, check)


def _conditions(session, check):
    from mimic_checks.checks.measures import pooling

    return pooling.conditions(session, check)


FACTORS = tuple(Level("pooling", factor) for factor in (1, 2, 4, 8))
"""The first is the model as it is, with which the others are compared."""
POOLING = Measurement(
    check_id="pooling",
    title="The same cases with fewer tokens per image",
    factor="distractors",
    moves="image tokens per image; the pictures stay",
    levels={"standard": (3,), "mimic": (7,)},
    cases=strategies.counting("distractors"),
    measure=_measure,
    conditions=_conditions,
    nodes={"standard": FACTORS, "mimic": FACTORS},
    judged=len(FACTORS) - 1,
    pairs=True,
    docs="docs/checks/pooling.md",
)


@check(POOLING)
def test_pooling(vlm_check):
    """Fewer tokens per image do not make the model better.

    Fails if some pooling factor is proven to win more than the margin on the same cases. Look first
    at the factor that wins: it is the length at which the model works best."""
    vlm_check.run()
