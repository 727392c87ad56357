"""Tiny, randomly initialised instances of real model families, made without a download.

Their processors are the real ones. Families whose processor carries a video processor need
torchvision (the second environment, `make test-families`); the others are built in both
environments.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForImageTextToText, PreTrainedTokenizerFast

NEEDS_TORCHVISION = (
    "mistral3",
    "llava_onevision",
    "qwen2_vl",
    "qwen2_5_vl",
    "qwen3_vl",
    "internvl",
    "smolvlm",
)
WITHOUT = ("llava", "idefics3", "gemma3")
HAS_TORCHVISION = importlib.util.find_spec("torchvision") is not None
BUILDABLE = (*WITHOUT, *(NEEDS_TORCHVISION if HAS_TORCHVISION else ()))

_IMAGE = {
    "llava": "<image>",
    "llava_onevision": "<image>",
    "qwen2_vl": "<|image_pad|>",
    "qwen2_5_vl": "<|image_pad|>",
    "qwen3_vl": "<|image_pad|>",
    "internvl": "<IMG_CONTEXT>",
    "smolvlm": "<image>",
    "idefics3": "<image>",
    "gemma3": "<image_soft_token>",
    "mistral3": "[IMG]",
}
_TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 4096,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
}
_SIGLIP = {
    "model_type": "siglip_vision_model",
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}


@cache
def tiny(family: str) -> tuple[Any, Any]:
    """A float32 model in eval mode, its processor; seeded."""
    tokenizer = _tokenizer(family)
    processor = globals()[f"_{family}_processor"](tokenizer)
    processor.chat_template = _template(family)
    torch.manual_seed(0)
    config = globals()[f"_{family}_config"](tokenizer)
    model = AutoModelForImageTextToText.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.08)
    model.generation_config.pad_token_id, model.generation_config.eos_token_id = 0, None
    return model, processor


def _tokenizer(family: str) -> PreTrainedTokenizerFast:
    special = ["<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>", _IMAGE[family], *_tags(family)]
    pieces = [chr(code) for code in range(32, 127)] + ["\n"]
    vocabulary = {
        token: number for number, token in enumerate(dict.fromkeys([*special, "<unk>", *pieces]))
    }
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    inner.decoder = decoders.Fuse()
    inner.add_special_tokens(special)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        padding_side="left",
        extra_special_tokens=_named(family),
    )


def _tags(family: str) -> list[str]:
    if family in ("idefics3", "smolvlm"):
        rows = [f"<row_{i}_col_{j}>" for i in range(1, 7) for j in range(1, 7)]
        return ["<fake_token_around_image>", "<global-img>", "<end_of_utterance>", "<video>", *rows]
    return {
        "internvl": ["<img>", "</img>", "<video>"],
        "gemma3": ["<start_of_image>", "<end_of_image>"],
        "mistral3": ["[IMG_BREAK]", "[IMG_END]"],
        "llava": [],
        "llava_onevision": ["<video>"],
    }.get(family, ["<|vision_start|>", "<|vision_end|>", "<|video_pad|>"])


def _named(family: str) -> dict[str, str]:
    if family == "internvl":
        return {
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>",
            "video_token": "<video>",
        }
    if family == "gemma3":
        return {
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<image_soft_token>",
        }
    return {"image_token": _IMAGE[family]}


def _template(family: str) -> str:
    written = {"gemma3": "<start_of_image>"}.get(family, _IMAGE[family])
    if family.startswith("qwen"):
        written = f"<|vision_start|>{written}<|vision_end|>"
    return (
        "{% for m in messages %}{{ '<|' + m['role'] + '|>' }}"
        "{% for c in m['content'] %}"
        "{% if c['type'] == 'image' %}" + written + "{% else %}{{ c['text'] }}{% endif %}"
        "{% endfor %}"
        "{% if m['role'] == 'assistant' %}</s>{% endif %}"
        "{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )


def _base(tokenizer: Any, family: str) -> dict[str, Any]:
    return {
        "image_token_id": tokenizer.convert_tokens_to_ids(_IMAGE[family]),
        "pad_token_id": 0,
        "tie_word_embeddings": False,
    }


def _text(tokenizer: Any, model_type: str, **more: Any) -> dict[str, Any]:
    return {"model_type": model_type, "vocab_size": len(tokenizer) + 8, **_TEXT, **more}


def _llava_config(tokenizer: Any) -> Any:
    from transformers import LlavaConfig

    return LlavaConfig(
        vision_config=_SIGLIP,
        text_config=_text(tokenizer, "qwen2"),
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        image_seq_length=16,
        **_base(tokenizer, "llava"),
    )


def _llava_processor(tokenizer: Any) -> Any:
    from transformers import LlavaProcessor, SiglipImageProcessor

    images = SiglipImageProcessor(size={"height": 32, "width": 32})
    return LlavaProcessor(
        images,
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="full",
        image_token="<image>",
    )


def _llava_onevision_config(tokenizer: Any) -> Any:
    from transformers import LlavaOnevisionConfig

    return LlavaOnevisionConfig(
        vision_config=_SIGLIP,
        text_config=_text(tokenizer, "qwen2"),
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        image_grid_pinpoints=[[32, 32], [32, 64], [64, 32], [64, 64]],
        vision_aspect_ratio="anyres_max_4",
        video_token_id=tokenizer.convert_tokens_to_ids("<video>"),
        **_base(tokenizer, "llava_onevision"),
    )


def _llava_onevision_processor(tokenizer: Any) -> Any:
    from transformers import (
        LlavaOnevisionImageProcessor,
        LlavaOnevisionProcessor,
        LlavaOnevisionVideoProcessor,
    )

    images = LlavaOnevisionImageProcessor(
        size={"height": 32, "width": 32},
        image_grid_pinpoints=[[32, 32], [32, 64], [64, 32], [64, 64]],
    )
    return LlavaOnevisionProcessor(
        images,
        tokenizer,
        LlavaOnevisionVideoProcessor(),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        vision_aspect_ratio="anyres_max_4",
    )


def _qwen(tokenizer: Any, family: str, vision: dict[str, Any], text: str, **more: Any) -> Any:
    from transformers import AutoConfig

    ids = {
        f"vision_{end}_token_id": tokenizer.convert_tokens_to_ids(f"<|vision_{end}|>")
        for end in ("start", "end")
    }
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    return AutoConfig.for_model(
        family,
        vision_config=vision,
        text_config=_text(tokenizer, text, rope_parameters=rope, **more),
        video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
        **ids,
        **_base(tokenizer, family),
    )


def _qwen2_vl_config(tokenizer: Any) -> Any:
    return _qwen(
        tokenizer,
        "qwen2_vl",
        {
            "depth": 2,
            "embed_dim": 16,
            "hidden_size": 32,
            "num_heads": 2,
            "mlp_ratio": 2,
            "patch_size": 8,
            "temporal_patch_size": 2,
        },
        "qwen2_vl_text",
    )


def _qwen2_5_vl_config(tokenizer: Any) -> Any:
    return _qwen(
        tokenizer,
        "qwen2_5_vl",
        {
            "depth": 2,
            "hidden_size": 16,
            "out_hidden_size": 32,
            "num_heads": 2,
            "intermediate_size": 24,
            "patch_size": 8,
            "window_size": 32,
            "fullatt_block_indexes": [1],
        },
        "qwen2_5_vl_text",
    )


def _qwen3_vl_config(tokenizer: Any) -> Any:
    return _qwen(
        tokenizer,
        "qwen3_vl",
        {
            "depth": 3,
            "hidden_size": 16,
            "out_hidden_size": 32,
            "num_heads": 2,
            "intermediate_size": 24,
            "patch_size": 8,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0, 1],
        },
        "qwen3_vl_text",
    )


def _qwen_processor(tokenizer: Any, kind: str) -> Any:
    import transformers

    images = transformers.Qwen2VLImageProcessor(
        patch_size=8, min_pixels=16 * 16, max_pixels=64 * 64
    )
    videos = (
        transformers.Qwen3VLVideoProcessor
        if kind == "Qwen3VL"
        else transformers.Qwen2VLVideoProcessor
    )(patch_size=8)
    return getattr(transformers, f"{kind}Processor")(images, tokenizer, videos)


def _qwen2_vl_processor(tokenizer: Any) -> Any:
    return _qwen_processor(tokenizer, "Qwen2VL")


def _qwen2_5_vl_processor(tokenizer: Any) -> Any:
    return _qwen_processor(tokenizer, "Qwen2_5_VL")


def _qwen3_vl_processor(tokenizer: Any) -> Any:
    return _qwen_processor(tokenizer, "Qwen3VL")


def _internvl_config(tokenizer: Any) -> Any:
    from transformers import InternVLConfig

    vision = {
        "hidden_size": 24,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": [32, 32],
        "patch_size": [8, 8],
    }
    return InternVLConfig(
        vision_config=vision,
        text_config=_text(tokenizer, "qwen2"),
        image_seq_length=4,
        downsample_ratio=0.5,
        vision_feature_layer=-1,
        **_base(tokenizer, "internvl"),
    )


def _internvl_processor(tokenizer: Any) -> Any:
    from transformers import GotOcr2ImageProcessor, InternVLProcessor, InternVLVideoProcessor

    images = GotOcr2ImageProcessor(
        size={"height": 32, "width": 32}, crop_to_patches=True, min_patches=1, max_patches=4
    )
    return InternVLProcessor(
        images,
        tokenizer,
        InternVLVideoProcessor(size={"height": 32, "width": 32}),
        image_seq_length=4,
    )


def _idefics_config(tokenizer: Any, family: str) -> Any:
    from transformers import AutoConfig

    vision = {
        "hidden_size": 24,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    return AutoConfig.for_model(
        family,
        vision_config=vision,
        text_config=_text(tokenizer, "llama"),
        scale_factor=2,
        **_base(tokenizer, family),
    )


def _idefics3_config(tokenizer: Any) -> Any:
    return _idefics_config(tokenizer, "idefics3")


def _idefics3_processor(tokenizer: Any) -> Any:
    from transformers import Idefics3ImageProcessor, Idefics3Processor

    images = Idefics3ImageProcessor(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    return Idefics3Processor(images, tokenizer, image_seq_len=4)


def _smolvlm_config(tokenizer: Any) -> Any:
    return _idefics_config(tokenizer, "smolvlm")


def _smolvlm_processor(tokenizer: Any) -> Any:
    from transformers import SmolVLMImageProcessor, SmolVLMProcessor, SmolVLMVideoProcessor

    images = SmolVLMImageProcessor(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    return SmolVLMProcessor(images, tokenizer, SmolVLMVideoProcessor(), image_seq_len=4)


def _gemma3_config(tokenizer: Any) -> Any:
    from transformers import Gemma3Config

    text = _text(
        tokenizer,
        "gemma3_text",
        sliding_window=24,
        query_pre_attn_scalar=8,
        layer_types=["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
    )
    base = _base(tokenizer, "gemma3")
    return Gemma3Config(
        vision_config=_SIGLIP,
        text_config=text,
        mm_tokens_per_image=4,
        image_token_index=base.pop("image_token_id"),
        boi_token_index=tokenizer.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=tokenizer.convert_tokens_to_ids("<end_of_image>"),
        **base,
    )


def _gemma3_processor(tokenizer: Any) -> Any:
    from transformers import Gemma3ImageProcessor, Gemma3Processor

    return Gemma3Processor(
        Gemma3ImageProcessor(size={"height": 32, "width": 32}), tokenizer, image_seq_length=4
    )


def _mistral3_config(tokenizer: Any) -> Any:
    from transformers import Mistral3Config

    vision = {
        "model_type": "pixtral",
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 64,
        "patch_size": 8,
        "head_dim": 8,
    }
    base = _base(tokenizer, "mistral3")
    return Mistral3Config(
        vision_config=vision,
        text_config=_text(tokenizer, "mistral", sliding_window=None),
        spatial_merge_size=2,
        vision_feature_layer=-1,
        image_token_index=base.pop("image_token_id"),
        **base,
    )


def _mistral3_processor(tokenizer: Any) -> Any:
    from transformers import PixtralImageProcessor, PixtralProcessor

    images = PixtralImageProcessor(
        size={"longest_edge": 64}, patch_size={"height": 16, "width": 16}
    )
    return PixtralProcessor(images, tokenizer, patch_size=8, spatial_merge_size=2)


def pictures(*sizes: tuple[int, int], seed: int = 0) -> list[Any]:
    """Noise pictures of given (width, height)."""
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(seed)
    return [
        Image.fromarray(generator.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in sizes
    ]


def batch(
    processor: Any, rows: list[list[Any]], question: str = "how many cats?"
) -> dict[str, Any]:
    """A left-padded batch: one prompt per list of pictures."""
    from mimic_checks.cases.case import chat_messages, images_first

    texts = [
        processor.apply_chat_template(
            chat_messages(images_first([""] * len(row), question)),
            add_generation_prompt=True,
            tokenize=False,
        )
        for row in rows
    ]
    given = {} if not any(rows) else {"images": list(rows)}
    return dict(processor(text=texts, padding=True, return_tensors="pt", **given))
