"""Where does attention go, layer by layer, and has it moved since the last release?

Behaviour: shares of attention from image tokens to their own image, to other images and to text,
and from the answer token to each image (MIMIC, section on attention; finding 6: attention between
images fades in deep layers). Why it matters: the layer where it has faded is where an image-local
mask may start. If it fails: the model's attention is not what the suite edits and measures, and no
knockout or mask of this run means anything; or, with a baseline, a layer has drifted.
"""

from mimic_checks.checks.marks import check
from mimic_checks.checks.measures import attention_by_depth
from mimic_checks.checks.specs import CHECKS


@check(CHECKS["attention_by_depth"])
def test_attention_by_depth(vlm_check):
    """Attention is what is measured and edited, and has not drifted from the baseline.

    Asserted: shares sum to 1; a cut path and other images in masked layers have share exactly 0;
    with `--vlm-attention-baseline`, no layer drifted. Reported, never asserted: the profile, and
    where attention between images fades."""
    vlm_check.measure(attention_by_depth.measure)
