"""Where does attention go, layer by layer, and has it moved since the last release?

Behaviour: shares of attention from image tokens to their own image, to other images and to text,
and from the answer token to each image (MIMIC, section on attention; finding 6: attention between
images fades in deep layers). Why it matters: the layer where it has faded is where an image-local
mask may start. If it fails: the model's attention is not what the suite edits and measures, and no
knockout or mask of this run means anything; or, with a baseline, a layer has drifted.
"""

from mimic_checks.checks import strategies
from mimic_checks.checks.check import Measurement, check


def _measure(session, check):
    from mimic_checks.checks.measures import attention_by_depth

    return attention_by_depth.measure(session, check)


def _validate(plan, check):
    from mimic_checks.checks.measures import attention_by_depth

    attention_by_depth.validate(plan, check)


ATTENTION_BY_DEPTH = Measurement(
    check_id="attention_by_depth",
    title="Where attention goes, layer by layer",
    factor="distractors",
    moves="nothing: one level",
    levels={"standard": (3,), "mimic": (7,)},
    cases=strategies.counting("distractors"),
    measure=_measure,
    validate=_validate,
    needs_rules=True,
    docs="docs/checks/attention_by_depth.md",
)


@check(ATTENTION_BY_DEPTH)
def test_attention_by_depth(vlm_check):
    """Attention is what is measured and edited, and has not drifted from the baseline.

    Asserted: shares sum to 1; a cut path and other images in masked layers have share exactly 0;
    with `--vlm-attention-baseline`, no layer drifted. Reported, never asserted: the profile, and
    where attention between images fades."""
    vlm_check.run()
