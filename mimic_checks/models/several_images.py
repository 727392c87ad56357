"""Can a model be asked about several pictures in one prompt?"""

from __future__ import annotations

from mimic_checks.errors import ModelLoadError, UsageError
from mimic_checks.models.encoder import Encoder
from mimic_checks.models.loading import one_line
from mimic_checks.models.prompt import Prompt, prompt_for


def check_takes_images(encoder: Encoder, probe: Prompt, name: str) -> None:
    """Stops a model that cannot be asked about pictures as this suite asks: some processors take
    one picture a prompt, drop all others, or want another text than the template writes. `probe`
    shows one picture.

    Raises:
        ModelLoadError: such a processor; with what it says itself.
    """
    token = getattr(encoder.model.config, "image_token_id", None)
    tokens = []
    for count in (1, 2, 3):
        try:
            batch = encoder.batch([prompt_for([*probe.images] * count, probe.question)])
        except UsageError:
            raise
        except Exception as error:  # whatever somebody's template and processor raise
            raise _not_asked(encoder, name, count, one_line(error)) from error
        tokens.append(int((batch["input_ids"] == token).sum()) if token is not None else count)
    # Of one picture some families show more, in tiles; of two and three equal ones, as much.
    if tokens[2] and tokens[2] <= tokens[1]:
        why = f"it writes {tokens[2]} image tokens, as for 2 images"
        raise _not_asked(encoder, name, 3, why)


def _not_asked(encoder: Encoder, name: str, count: int, why: str) -> ModelLoadError:
    return ModelLoadError(
        f"model={name!r}: its {type(encoder.processor).__name__} does not take a prompt with"
        f" {count} image{'s' * (count > 1)} as its chat template writes it ({why}); this suite asks"
        " about several images: give a model that takes them, or a chat template that fits its"
        " processor"
    )
