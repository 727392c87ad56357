"""Does the token that writes the answer look at the object that was asked for?

Behaviour: per layer, the answer token's most attended image token against the object's mask, and
the share of attention on the object (What's in the Image?, localization). Why it matters: a model
may answer right without looking, from what it expects. If it fails: the measured attention is no
distribution; look at `attention_by_depth` first.
"""

from mimic_checks.checks.marks import check
from mimic_checks.checks.measures import localization
from mimic_checks.checks.specs import CHECKS


@check(CHECKS["localization"])
def test_localization(vlm_check):
    """The answer token's attention is a distribution, and where it points is measured.

    Reported per layer: pointing accuracy against chance, and attention on the object against an
    even look. Look first at the best layer: a model that points at chance everywhere does not
    ground its answer."""
    vlm_check.measure(localization.measure)
