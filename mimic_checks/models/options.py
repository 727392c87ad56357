"""How a model is loaded and run, checked before anything is imported or read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mimic_checks.errors import InvalidArgument

DTYPES = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How to load and run a model; every field is the plugin option of the same name (`--vlm-...`).

    Raises:
        InvalidArgument: a dtype, device, mask, pooling or address that does not exist anywhere.
    """

    adapter: str | None = None
    revision: str | None = None
    device: str = "auto"
    device_map: str | None = None
    dtype: str = "auto"
    attn_implementation: str | None = None
    trust_remote_code: bool = False
    max_new_tokens: int = 64
    feature_cache_mb: int = 512
    mask: str = "auto"
    pooling: int = 1
    stitch: bool = False
    base_url: str | None = None
    concurrency: int = 8
    request_timeout: float = 120.0

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise InvalidArgument("vlm-dtype", self.dtype, allowed=DTYPES)
        self._check_pattern("mask", _MASK, _MASKS)
        self._check_pattern("device", _DEVICE, "'auto', 'cpu', 'mps', 'cuda', 'cuda:<number>'")
        self._check_above_zero("pooling", "whole numbers from 1")
        self._check_above_zero("concurrency", "whole numbers from 1")
        self._check_above_zero("request_timeout", "seconds above 0")
        if self.base_url is not None:
            _check_address(self.base_url)

    def _check_pattern(self, name: str, pattern: str, allowed: str) -> None:
        if not re.fullmatch(pattern, value := getattr(self, name)):
            raise InvalidArgument(f"vlm-{name}", value, allowed=allowed)

    def _check_above_zero(self, name: str, allowed: str) -> None:
        if not (value := getattr(self, name)) > 0:
            raise InvalidArgument(f"vlm-{name.replace('_', '-')}", value, allowed=allowed)


_MASKS = "'auto', 'none', 'all', 'deep', 'shallow', '12-23', '0.5-1.0'"
_MASK = r"auto|none|all|deep|shallow|\d+(\.\d+)?-\d+(\.\d+)?"
_DEVICE = r"auto|cpu|mps|cuda(?::\d+)?"


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
