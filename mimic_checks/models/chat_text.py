"""A prompt as its chat template writes it, and which tokens a tokenizer still owes to that text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2.meta import find_undeclared_variables
from transformers.utils.chat_template_utils import _compile_jinja_template

from mimic_checks.errors import InvalidArgument, ModelLoadError

_GIVEN = frozenset("messages add_generation_prompt tools documents raise_exception".split())
"""What transformers hands to every template."""


def chat_template(processor: Any, name: str) -> str:
    """The template that prompts are written with.

    Raises:
        ModelLoadError: there is none.
    """
    template = getattr(processor, "chat_template", None)
    if isinstance(template, dict):
        template = template.get("default")
    if not template:
        raise ModelLoadError(
            f"model={name!r} has no chat template; add chat_template.jinja to its processor"
        )
    return str(template)


def check_template_args(processor: Any, args: Mapping[str, Any], name: str) -> None:
    """Stops an argument that the template never looks at: it would change nothing, in silence.

    Raises:
        InvalidArgument: such an argument.
        ModelLoadError: no template, or one that cannot be read.
    """
    template = chat_template(processor, name)
    try:
        environment = _compile_jinja_template(template).environment
        known = find_undeclared_variables(environment.parse(template))
    except Exception as error:  # whatever jinja says of a broken template
        raise ModelLoadError(
            f"model={name!r}: its chat template cannot be read ({type(error).__name__}: {error})"
        ) from error
    if unknown := sorted(set(args) - known):
        own = sorted(known - _GIVEN - {*processor.tokenizer.special_tokens_map})
        raise InvalidArgument(
            "vlm-chat-template-args",
            dict(args),
            allowed=(
                f"names that the chat template of {name!r} looks at ({', '.join(own) or 'none'});"
                f" it does not look at {', '.join(unknown)}"
            ),
        )


def adds_special_tokens(tokenizer: Any, text: str) -> bool:
    """Whether a tokenizer is to add its own special tokens to a chat that a template has written.

    Templates differ: Gemma's writes the token that begins a sequence, LLaVA 1.5's leaves it to the
    tokenizer. Twice is as wrong as never, and both move every logit. Token ids tell which it is."""
    bare = tokenizer(text, add_special_tokens=False)["input_ids"]
    whole = tokenizer(text)["input_ids"]
    longer = len(whole) - len(bare)
    starts = (k for k in range(longer + 1) if whole[k : k + len(bare)] == bare)
    # Where the bare text is not found again, its first letters were tokenized another way.
    begun = whole[: next(starts, longer)]
    return bool(begun) and bare[: len(begun)] != begun
