"""Which path carries the images to the answer, and in which layers?

Behaviour: attention from the question, from the generated tokens, or from both to the images is
cut, in all layers, in a sliding window, or for one image (What's in the Image?). Why it matters: it
shows where images are read, and how much each image counts. If it fails: something passes the cut,
so neither masks nor knockouts can be trusted on this model.
"""

from mimic_checks.checks import strategies
from mimic_checks.checks.check import Measurement, check


def _measure(session, check):
    from mimic_checks.checks.measures import knockout

    return knockout.measure(session, check)


def _conditions(session, check):
    from mimic_checks.checks.measures import knockout

    return knockout.conditions(session, check)


KNOCKOUT = Measurement(
    check_id="knockout",
    title="Which path carries the images to the answer",
    factor="images",
    moves="nothing: one level",
    levels={"standard": (2,), "mimic": (4,)},
    cases=strategies.listing,
    measure=_measure,
    conditions=_conditions,
    needs_rules=True,
    docs="docs/checks/knockout.md",
)


@check(KNOCKOUT)
def test_knockout(vlm_check):
    """Cutting nothing changes nothing, and with every path cut the answer cannot depend on the
    images.

    Both exactly (difference 0). Reported: what each blocked path costs in exact lists and in named
    objects. Look first at the window of layers with the lowest object F1."""
    vlm_check.run()
