"""Does the token that writes the answer look at the object that was asked for?

Behaviour: per layer, the answer token's most attended image token against the object's mask, and
the share of attention on the object (What's in the Image?, localization). Why it matters: a model
may answer right without looking, from what it expects. If it fails: the measured attention is no
distribution; look at `attention_by_depth` first.
"""

from mimic_checks.checks import strategies
from mimic_checks.checks.check import Measurement, check


def _measure(session, check):
    from mimic_checks.checks.measures import localization

    return localization.measure(session, check)


LOCALIZATION = Measurement(
    check_id="localization",
    title="Does the answer look at the object?",
    factor="distractors",
    moves="nothing: one level",
    levels={"standard": (1,), "mimic": (3,)},
    cases=strategies.counting("distractors"),
    measure=_measure,
    needs_rules=True,
    docs="docs/checks/localization.md",
)


@check(LOCALIZATION)
def test_localization(vlm_check):
    """The answer token's attention is a distribution, and where it points is measured.

    Reported per layer: pointing accuracy against chance, and attention on the object against an
    even look. Look first at the best layer: a model that points at chance everywhere does not
    ground its answer."""
    vlm_check.run()
