"""Does the model answer better when every image is given fewer tokens?

Behaviour: the same cases of several images are asked with image tokens averaged by 2, 4 and 8
(MIMIC, sequence length: 4 to 8 wins clearly for every model there). Why it matters: a model that
gains from *less* information loses to the length of its own input. If it fails: pooling is a remedy
without training; look at `sequence_length` for whether images or tokens cost. For models that can
be opened.
"""

from mimic_checks.checks.marks import check
from mimic_checks.checks.measures import pooling
from mimic_checks.checks.specs import CHECKS


@check(CHECKS["pooling"])
def test_pooling(vlm_check):
    """Fewer tokens per image do not make the model better.

    Fails if some pooling factor is proven to win more than the margin on the same cases. Look first
    at the factor that wins: it is the length at which the model works best."""
    vlm_check.measure(pooling.measure)
