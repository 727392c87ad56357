"""How a model is loaded and run, checked before anything is imported or read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mimic_checks.errors import InvalidArgument

DTYPES = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How to load and run a model; every field is the plugin option of the same name (`--vlm-...`).

    `chat_template_args`: what the chat template is given by name, beside the conversation;
    `keep_generation`: settings of the checkpoint's generation config that answers are given under;
    both also as the text of the flag.

    Raises:
        InvalidArgument: a dtype, device, mask, pooling, address or template argument that does not
            exist anywhere.
    """

    adapter: str | None = None
    revision: str | None = None
    device: str = "auto"
    device_map: str | None = None
    dtype: str = "auto"
    attn_implementation: str | None = None
    trust_remote_code: bool = False
    max_new_tokens: int = 64
    # A mapping has no hash; equality still looks at it.
    chat_template_args: Mapping[str, Any] = field(default_factory=dict, hash=False)
    keep_generation: tuple[str, ...] = ()
    feature_cache_mb: int = 512
    mask: str = "auto"
    pooling: int = 1
    stitch: bool = False
    base_url: str | None = None
    concurrency: int = 8
    request_timeout: float = 120.0
    request_length: str = "max_tokens"
    request_temperature: str = "0"

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise InvalidArgument("vlm-dtype", self.dtype, allowed=DTYPES)
        self._check_pattern("mask", _MASK, _MASKS)
        self._check_pattern("device", _DEVICE, "'auto', 'cpu', 'mps', 'cuda', 'cuda:<number>'")
        self._check_above_zero("pooling", "whole numbers from 1")
        self._check_above_zero("concurrency", "whole numbers from 1")
        self._check_above_zero("request_timeout", "seconds above 0")
        self._check_pattern("request_length", _LENGTH, _LENGTHS)
        self._check_pattern("request_temperature", "0|none", "'0' (greedy), 'none' (not sent)")
        if self.base_url is not None:
            _check_address(self.base_url)
        object.__setattr__(self, "chat_template_args", _template_args(self.chat_template_args))
        object.__setattr__(self, "keep_generation", _kept_settings(self.keep_generation))

    def _check_pattern(self, name: str, pattern: str, allowed: str) -> None:
        if not re.fullmatch(pattern, value := getattr(self, name)):
            raise InvalidArgument(f"vlm-{name.replace('_', '-')}", value, allowed=allowed)

    def _check_above_zero(self, name: str, allowed: str) -> None:
        if not (value := getattr(self, name)) > 0:
            raise InvalidArgument(f"vlm-{name.replace('_', '-')}", value, allowed=allowed)


_MASKS = "'auto', 'none', 'all', 'deep', 'shallow', '12-23', '0.5-1.0'"
_MASK = r"auto|none|all|deep|shallow|\d+(\.\d+)?-\d+(\.\d+)?"
# No name that the request uses for something else.
_LENGTH = r"(?!(?:model|messages|temperature|chat_template_kwargs|stream|n)$)[A-Za-z_]\w*"
_LENGTHS = "the server's name for the longest answer ('max_tokens'), or 'none' (not sent)"
_DEVICE = r"auto|cpu|mps|cuda(?::\d+)?"


KEEPABLE = (
    "repetition_penalty",
    "no_repeat_ngram_size",
    "encoder_repetition_penalty",
    "encoder_no_repeat_ngram_size",
    "bad_words_ids",
    "sequence_bias",
    "suppress_tokens",
    "begin_suppress_tokens",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "min_length",
    "min_new_tokens",
    "exponential_decay_length_penalty",
    "stop_strings",
)
"""Settings of a generation config under which an answer is still the greedy one, and one."""


def _kept_settings(given: Sequence[str] | str) -> tuple[str, ...]:
    names = [name.strip() for name in given.split(",")] if isinstance(given, str) else list(given)
    for name in filter(None, names):
        if name not in KEEPABLE:
            raise InvalidArgument("vlm-keep-generation", name, allowed=KEEPABLE)
    return tuple(sorted(set(filter(None, names))))


def _check_address(base_url: str) -> None:
    """Stops an address that is none, or that carries a password or key: it would be written into
    run folders and reports. The message shows it without them."""
    if re.fullmatch(r"https?://[^@?#]+", base_url):
        return
    raise InvalidArgument(
        "vlm-base-url",
        re.sub(r"//[^/]*@", "//***@", base_url).partition("?")[0],
        allowed=(
            "an address such as http://localhost:8000/v1, without user, password or query; the"
            " key goes into the environment variable OPENAI_API_KEY"
        ),
    )


_OWN_ARGS = frozenset(
    "conversation messages chat_template add_generation_prompt continue_final_message tokenize"
    " padding truncation max_length return_tensors return_dict return_assistant_tokens_mask"
    " tokenizer_kwargs processor_kwargs template_kwargs load_audio_from_video".split()
)
"""What this suite, or transformers, says to the template itself."""


def _template_args(given: Mapping[str, Any] | str) -> dict[str, Any]:
    """Template arguments by name, sorted: a JSON object, or `key=value` with commas between, in
    which a value that is no JSON is a text."""
    found = _parsed_args(given) if isinstance(given, str) else dict(given)
    try:
        json.dumps(found)
    except (TypeError, ValueError):
        found = None
    # Jinja's names are Python's; no other can be asked for in a template.
    if found is None or not all(isinstance(name, str) and name.isidentifier() for name in found):
        raise InvalidArgument(
            "vlm-chat-template-args",
            given,
            allowed="a JSON object, or key=value with commas between, as in enable_thinking=false",
        )
    if own := sorted(_OWN_ARGS & set(found)):
        raise InvalidArgument(
            "vlm-chat-template-args",
            given,
            allowed=f"names of the template's own; {', '.join(own)} is set by the suite",
        )
    return {name: found[name] for name in sorted(found)}


def _parsed_args(text: str) -> dict[str, Any] | None:
    """None: it cannot be read."""
    if text.lstrip().startswith("{"):
        try:
            return dict(json.loads(text))
        except ValueError:
            return None
    found: dict[str, Any] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals or name.strip() in found:
            return None
        found[name.strip()] = _json_or_text(value.strip())
    return found


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        # As people type them; a text "False" would be true in a template.
        return {"True": True, "False": False, "None": None}.get(value, value)
