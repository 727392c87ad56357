"""Where in the model does the answer look at the images?"""

from mimic_checks.checks.check import Measurement, check
from somebodys_checks.test_position import draw_positions


def look(session, check):
    """Which layer's attention from the answer to the images is largest; a finding, no judgement."""
    from mimic_checks.checks.evaluation import Evaluation
    from mimic_checks.checks.measures.white_box import white_box_model
    from mimic_checks.verdicts import CheckVerdict

    model = white_box_model(session)  # raises NotMeasurable: the check is skipped, with the reason
    prompts = [session.prompt(items[0]) for items in session.plan.draws(check)[:4]]
    profiles = [profile for prompt in prompts for profile in model.profiles([prompt])]
    shares = sum(profile.by_layer()[:, -1, :-1].sum(1) for profile in profiles) / len(profiles)
    layer = int(shares.argmax())
    reason = f"layer {layer} gives images {float(shares[layer]):.0%} of its attention"
    return Evaluation(CheckVerdict("pass", reason))


LAYERS = Measurement(
    check_id="somebody.layers",
    title="Where the answer looks at the images",
    factor="position",
    moves="nothing: one level",
    levels=("last",),
    cases=draw_positions,
    measure=look,
)


@check(LAYERS)
def test_layers(vlm_check):
    """The answer looks at the images in some layer, and which one is reported."""
    vlm_check.run()
