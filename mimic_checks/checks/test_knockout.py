"""Which path carries the images to the answer, and in which layers?

Behaviour: attention from the question, from the generated tokens, or from both to the images is
cut, in all layers, in a sliding window, or for one image (What's in the Image?). Why it matters: it
shows where images are read, and how much each image counts. If it fails: something passes the cut,
so neither masks nor knockouts can be trusted on this model.
"""

from mimic_checks.checks.marks import check
from mimic_checks.checks.measures import knockout
from mimic_checks.checks.specs import CHECKS


@check(CHECKS["knockout"])
def test_knockout(vlm_check):
    """Cutting nothing changes nothing, and with every path cut the answer cannot depend on the
    images.

    Both exactly (difference 0). Reported: what each blocked path costs in exact lists and in named
    objects. Look first at the window of layers with the lowest object F1."""
    vlm_check.measure(knockout.measure)
