"""What measurements that look inside a model need of it."""

from __future__ import annotations

from mimic_checks.checks.evaluation import NotMeasurable
from mimic_checks.checks.session import CheckSession
from mimic_checks.models import WhiteBoxVLM, why_not


def white_box_model(
    session: CheckSession, *, single_images: bool = False, every_token: bool = False
) -> WhiteBoxVLM:
    """The run's model, to be looked into. `single_images`: the measurement tells images apart;
    `every_token`: it needs every image token where the picture has it.

    Raises:
        NotMeasurable: with the one reason that applies.
    """
    model, options = session.white_box(), session.settings.model
    if model is None:
        raise NotMeasurable(
            f"cannot look inside the model: {why_not(session.model, 'white_box')}; checks that only"
            " ask questions still run"
        )
    if single_images and options.stitch:
        raise NotMeasurable(
            "--vlm-stitch shows all pictures of a prompt as one image, so there is nothing to tell"
            " apart; leave it out to measure this"
        )
    if every_token and options.pooling > 1:
        raise NotMeasurable(
            f"--vlm-pooling {options.pooling} averages neighbouring image tokens, so none stands"
            " for a part of the picture; leave it out to measure this"
        )
    return model
