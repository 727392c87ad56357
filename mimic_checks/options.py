"""The plugin's options: one table, from which flags, ini keys and settings are made. Imports the
standard library only.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Option(NamedTuple):
    """A flag `--vlm...`, its ini key `vlm...` (underscores), the type of its value, and its
    help."""

    name: str
    kind: Callable[[str], Any]
    help: str

    @property
    def key(self) -> str:
        return self.name.replace("-", "_")


OPTIONS = (
    Option("vlm", str, "the model to check: hub id, folder, 'builtin', or 'stub:<name>'"),
    Option(
        "vlm-catalog",
        str,
        "images with known objects: 'rendered' (default) or 'coco:<folder>', each with"
        " ?option=value&...",
    ),
    Option("vlm-cases", int, "cases per level (default 150)"),
    Option("vlm-seed", int, "seed of the drawn cases (default 0)"),
    Option(
        "vlm-profile",
        str,
        "levels of the sweeps: 'standard' (default, up to 8 images) or 'mimic' (the paper's, up"
        " to 35)",
    ),
    Option(
        "vlm-template",
        str,
        "wording of the questions: plain (default), instruct, mimic, singular (no plurals), any",
    ),
    Option(
        "vlm-names",
        Path,
        "TOML file of what questions and answers call classes: a table per class with display,"
        " plural, synonyms",
    ),
    Option("vlm-thresholds", Path, "TOML file that overrides verdict thresholds"),
    Option(
        "vlm-case-set",
        Path,
        "replay the cases of this folder (from: mimic-checks cases) instead of drawing",
    ),
    Option(
        "vlm-leave-out",
        Path,
        "file of case ids, one a line, that are not asked (from: mimic-checks cases --sheet); other"
        " draws take their place",
    ),
    Option(
        "vlm-kinds",
        str,
        "super-categories that may be asked for as 'kinds of ...' beside the usual ones, by comma",
    ),
    Option(
        "vlm-attention-baseline",
        Path,
        "attention_by_depth.json of an earlier run: drift against it fails that check",
    ),
    Option(
        "vlm-baseline",
        Path,
        "folder of an earlier release's outcomes: checks are gated on it (record it with"
        " --snapshot-update)",
    ),
    Option("vlm-policy", Path, "TOML file of the gate: margins, tiers, error rate"),
    Option("vlm-output", Path, "folder for report, journal and outcomes (default mimic-report)"),
    Option("vlm-batch", int, "prompts per batch (default: measure the fastest)"),
    Option(
        "vlm-case-limit",
        float,
        "seconds that a case may take before it is an error (times the cases of a batch; default:"
        " none)",
    ),
    Option(
        "vlm-answer-cache",
        str,
        "folder for answers that later runs may use again (default: in pytest's cache); 'none'"
        " keeps none",
    ),
    Option("vlm-adapter", str, "LoRA adapter folder or hub id"),
    Option("vlm-revision", str, "revision of a hub model"),
    Option("vlm-device", str, "auto (default), cpu, cuda, cuda:<k>, mps"),
    Option("vlm-device-map", str, "device_map of from_pretrained, for models over several devices"),
    Option("vlm-dtype", str, "auto (default), float32, bfloat16, float16"),
    Option("vlm-attn-implementation", str, "attn_implementation of from_pretrained"),
    Option("vlm-max-new-tokens", int, "longest answer in tokens (default 64)"),
    Option(
        "vlm-chat-template-args",
        str,
        "arguments of the chat template, as enable_thinking=false or a JSON object",
    ),
    Option(
        "vlm-keep-generation",
        str,
        "settings of the checkpoint's generation config to answer under, as repetition_penalty,"
        "no_repeat_ngram_size (default: none, plain greedy answers)",
    ),
    Option(
        "vlm-mask",
        str,
        "layers with an image-local mask: 'auto' (default: as the adapter records), none, all,"
        " deep, shallow, 12-23, 0.5-1.0",
    ),
    Option(
        "vlm-pooling",
        int,
        "average so many image tokens into one (default 1): a remedy without training",
    ),
    Option(
        "vlm-base-url",
        str,
        "address of an OpenAI-compatible server, for --vlm openai:<name> (key: OPENAI_API_KEY)",
    ),
    Option(
        "vlm-judge",
        str,
        "openai:<name>: a model that judges free answers beside the reader; no verdict looks at it",
    ),
    Option(
        "vlm-judge-base-url",
        str,
        "address of the judge's server (key: MIMIC_CHECKS_JUDGE_KEY, else OPENAI_API_KEY)",
    ),
    Option("vlm-concurrency", int, "requests to a server at a time (default 8)"),
    Option(
        "vlm-request-timeout", float, "seconds that a request to a server may take (default 120)"
    ),
    Option(
        "vlm-request-length",
        str,
        "what a server calls the longest answer (default max_tokens), as max_completion_tokens;"
        " 'none' leaves it out",
    ),
    Option(
        "vlm-request-temperature",
        str,
        "temperature that a server is asked for: 0 (default), or 'none' to leave it out",
    ),
    Option(
        "vlm-feature-cache-mb", int, "memory for image features that are used again (default 512)"
    ),
)
LISTS = (
    Option(
        "vlm-suite",
        str,
        "questions that others wrote: <format>:<folder>[?option=value&...], as"
        " muirbench:/data/muirbench (may be given more than once)",
    ),
)
"""Options that may be given more than once; an ini key has a value a line."""
SWITCHES = (
    Option(
        "vlm-rotate-options",
        bool,
        "suites: ask every multiple choice item with its options in every rotation; right only if"
        " all are",
    ),
    Option("vlm-trust-remote-code", bool, "run code that a checkpoint brings along"),
    Option(
        "vlm-score-options",
        bool,
        "suites and patterns: beside the answers, how likely the model finds each option (models"
        " with logits at hand; no verdict looks at it)",
    ),
    Option(
        "vlm-sequential",
        bool,
        "look after every 20 draws, and stop a check when its verdicts are certain",
    ),
    Option(
        "vlm-discard-unfinished",
        bool,
        "throw away an unfinished run in the output folder that was made with other options",
    ),
    Option(
        "vlm-stitch", bool, "show all pictures of a prompt in one grid: a remedy without training"
    ),
)
MODEL_FIELDS = (
    "adapter",
    "revision",
    "device",
    "device_map",
    "dtype",
    "attn_implementation",
    "max_new_tokens",
    "chat_template_args",
    "keep_generation",
    "feature_cache_mb",
    "trust_remote_code",
    "mask",
    "pooling",
    "stitch",
    "base_url",
    "concurrency",
    "request_timeout",
    "request_length",
    "request_temperature",
)
