"""The tiny encoders that are shipped: mining finds pairs that differ in what captions left out, and
no others, on pictures that neither was trained on."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from mimic_checks import mining
from mimic_checks.mining.cosines import Embeddings
from mimic_checks.mining.pairs import Wanted, mine

TINY = Path(mining.__file__).parent / "tiny"


def embedded(folder, pictures):
    import torch
    from transformers import AutoImageProcessor, AutoModel

    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    pixels = AutoImageProcessor.from_pretrained(folder)(pictures, return_tensors="pt")
    with torch.no_grad():
        see = getattr(model, "get_image_features", model)
        return see(**pixels).pooler_output.numpy()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_mined_pairs_differ_in_what_the_captions_left_out_and_in_nothing_else(seed):
    from training.encoders import ALL, pictures

    shown = [Image.fromarray(picture) for picture in pictures(seed)]
    encoder = Embeddings.of("encoder", embedded(TINY / "contrastive", shown))
    reference = Embeddings.of("reference", embedded(TINY / "self_supervised", shown))
    pairs = mine(encoder, reference, Wanted()).pairs()
    for first, second in zip(pairs.first, pairs.second, strict=True):
        assert ALL[first].caption == ALL[second].caption
        assert ALL[first].left != ALL[second].left
    # 16 such pairs exist.
    assert 12 <= len(pairs) <= 16
    print(f"recall {len(pairs)} of 16")


def test_the_end_of_a_text_has_the_highest_id_and_is_not_2():
    from transformers import AutoConfig, AutoTokenizer

    words = AutoTokenizer.from_pretrained(TINY / "contrastive")
    end = words.eos_token_id
    assert end == AutoConfig.from_pretrained(TINY / "contrastive").text_config.eos_token_id
    assert end == max(words.get_vocab().values()) != 2
    assert words("a photo of one red bird").input_ids[-1] == end
