"""Tiny models that the suite has no row for, or whose row says less than usual: they are asked as
any other, and what is true of them is said."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForImageTextToText, PreTrainedTokenizerFast

from tests.families.tiny import _TEXT

ROWLESS = ("llava_pixtral", "mllama", "blip-2", "fuyu", "florence2")
WRITTEN = {"llava_pixtral": "[IMG]", "mllama": "<|image|>"}
"""What templates write for a picture; the other processors place it by themselves."""
_IMAGE = {**WRITTEN, "fuyu": "|SPEAKER|"}


def rowless(family: str) -> tuple[Any, Any]:
    """A float32 model in eval mode, its processor; seeded."""
    image = _IMAGE.get(family, "<image>")
    # Blip2's processor makes a token of its own, where the tokenizer has none by that name.
    tokenizer = _tokenizer(image, named=family != "blip-2")
    config, processor = globals()[f"_{family.replace('-', '_')}"](tokenizer)
    processor.chat_template = (
        "{% for m in messages %}{{ '<|user|>' }}{% for c in m['content'] %}"
        "{% if c['type'] == 'image' %}"
        + WRITTEN.get(family, "")
        + "{% else %}{{ c['text'] }}{% endif %}"
        "{% endfor %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3 if parameter.numel() == 1 else 0.08)
    model.generation_config.pad_token_id, model.generation_config.eos_token_id = 0, 2
    return model, processor


def _tokenizer(image: str, *, named: bool) -> PreTrainedTokenizerFast:
    special = ["<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>", image]
    special += ["[IMG_BREAK]", "[IMG_END]", "|NEWLINE|", "<0x04>", "<|python_tag|>", "<unk>"]
    special += ["<0x00>", "<0x01>", "<0x02>", "<0x03>"]
    pieces = [chr(code) for code in range(32, 127)] + ["\n"]
    inner = Tokenizer(
        models.WordLevel({t: k for k, t in enumerate([*special, *pieces])}, unk_token="<unk>")
    )
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    inner.decoder = decoders.Fuse()
    inner.add_special_tokens(special)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        padding_side="left",
        extra_special_tokens={"image_token": image} if named else {},
    )


def _text(tokenizer: Any, model_type: str, **more: Any) -> dict[str, Any]:
    return {"model_type": model_type, "vocab_size": len(tokenizer) + 8, **_TEXT, **more}


def _llava_pixtral(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import PixtralImageProcessor, PixtralProcessor

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
    config = AutoConfig.for_model(
        "llava",
        vision_config=vision,
        text_config=_text(tokenizer, "mistral", sliding_window=None),
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        image_seq_length=1,
        image_token_index=tokenizer.convert_tokens_to_ids("[IMG]"),
        tie_word_embeddings=False,
    )
    images = PixtralImageProcessor(size={"longest_edge": 64}, patch_size={"height": 8, "width": 8})
    return config, PixtralProcessor(images, tokenizer, patch_size=8)


def _mllama(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import MllamaImageProcessor, MllamaProcessor

    vision = {
        "hidden_size": 16,
        "attention_heads": 2,
        "num_hidden_layers": 2,
        "num_global_layers": 1,
        "intermediate_size": 24,
        "vision_output_dim": 32,
        "image_size": 32,
        "patch_size": 8,
        "max_num_tiles": 2,
        "intermediate_layers_indices": [0],
        "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
    }
    text = _text(
        tokenizer,
        "mllama_text_model",
        cross_attention_layers=[1, 3],
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    )
    config = AutoConfig.for_model(
        "mllama",
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<|image|>"),
    )
    images = MllamaImageProcessor(size={"height": 32, "width": 32}, max_image_tiles=2)
    return config, MllamaProcessor(images, tokenizer)


def _blip_2(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import Blip2Processor, BlipImageProcessor

    vision = {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    qformer = {
        "vocab_size": 10,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "encoder_hidden_size": 16,
    }
    text = _text(tokenizer, "opt", word_embed_proj_dim=32, ffn_dim=48, activation_function="gelu")
    config = AutoConfig.for_model(
        "blip-2",
        vision_config=vision,
        qformer_config=qformer,
        text_config=text,
        num_query_tokens=4,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )
    images = BlipImageProcessor(size={"height": 32, "width": 32})
    return config, Blip2Processor(images, tokenizer, num_query_tokens=4)


def _fuyu(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import FuyuImageProcessor, FuyuProcessor

    config = AutoConfig.for_model(
        "fuyu",
        text_config=_text(tokenizer, "persimmon"),
        image_size=32,
        patch_size=8,
        image_token_id=tokenizer.convert_tokens_to_ids("|SPEAKER|"),
    )
    patch = {"height": 8, "width": 8}
    images = FuyuImageProcessor(size={"height": 32, "width": 32}, patch_size=patch)
    return config, FuyuProcessor(images, tokenizer)


def _florence2(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import CLIPImageProcessor, Florence2Processor

    vision = {
        "depths": [1, 1],
        "patch_size": [7, 3],
        "patch_stride": [4, 2],
        "patch_padding": [3, 1],
        "patch_prenorm": [False, True],
        "embed_dim": [8, 16],
        "num_heads": [2, 2],
        "num_groups": [2, 2],
        "window_size": 4,
        "projection_dim": 32,
    }
    text = _text(
        tokenizer,
        "bart",
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        decoder_start_token_id=2,
    )
    for unknown in ("hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim"):
        text.pop(unknown)
    config = AutoConfig.for_model(
        "florence2",
        vision_config=vision,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    images = CLIPImageProcessor(size={"height": 32, "width": 32}, do_center_crop=False)
    images.image_seq_length = 17
    return config, Florence2Processor(images, tokenizer)
