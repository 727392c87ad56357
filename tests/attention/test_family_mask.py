"""A family's mask as a recipe: what transformers would make, any corner of it, on any device."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.masking_utils import (
    causal_mask_function,
    sdpa_mask,
    sliding_window_causal_mask_function,
)

from mimic_checks.attention import ImageLocal
from mimic_checks.attention.family_mask import FamilyMask
from tests.attention.test_segmented import token_map


def recipe(queries, keys, *, q_offset=0, kv_offset=0, window=0, attended=None):
    function = sliding_window_causal_mask_function(window) if window else causal_mask_function
    return {
        "batch_size": 2,
        "q_length": queries,
        "kv_length": keys,
        "q_offset": q_offset,
        "kv_offset": kv_offset,
        "mask_function": function,
        "attention_mask": attended,
        "allow_is_causal_skip": True,
        "dtype": torch.float32,
        "use_vmap": False,
        "device": torch.device("cpu"),
    }


@given(
    length=st.integers(2, 12),
    pads=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    window=st.sampled_from([0, 3]),
    data=st.data(),
)
def test_corners_are_those_of_the_whole_mask(length, pads, window, data):
    attended = torch.ones(2, length, dtype=torch.bool)
    for row, pad in enumerate(pads):
        attended[row, : min(pad, length - 1)] = False
    mask = FamilyMask("sdpa", recipe(length, length, window=window, attended=attended))
    whole = sdpa_mask(**{**mask.recipe, "allow_is_causal_skip": False})
    rows = torch.tensor(sorted(data.draw(st.sets(st.integers(0, length - 1), min_size=1))))
    columns = torch.tensor(sorted(data.draw(st.sets(st.integers(0, length - 1), min_size=1))))
    for row in range(2):
        assert torch.equal(mask.corner(row, rows, columns), whole[row, 0][rows][:, columns])


def test_cropped_keys_keep_their_positions():
    """A sliding-window cache at position 9: keys 6 to 9 are left, each of the image it was of."""
    mask = FamilyMask("sdpa", recipe(1, 4, q_offset=9, kv_offset=6, window=4))
    assert (list(mask.queries), list(mask.keys)) == ([9], [6, 7, 8, 9])
    mapped = token_map([[("image", 3), ("image", 7)], [("image", 8), ("image", 2)]], 10)
    ruled = mask.ruled([ImageLocal()], mapped, torch.device("cpu"))[:, 0, 0]
    assert ruled.tolist() == [[True, True, True, True], [False, False, True, True]]


def test_masks_go_to_the_device_of_a_layer_and_are_made_once():
    attended = torch.tensor([[False, True, True], [True, True, True]])
    mask = FamilyMask("sdpa", recipe(3, 3, attended=attended))
    cpu, far = torch.device("cpu"), torch.device("meta")
    assert mask.plain(cpu) is mask.plain(cpu)
    assert mask.plain(far).device == far
    assert mask.plain(far) is mask.plain(far)
    assert FamilyMask("sdpa", recipe(3, 3)).plain(far) is None, (
        "plain causal needs no mask anywhere"
    )


def test_inner_padding_is_seen():
    for row, inner in [
        ([0, 1, 1, 0], False),
        ([1, 1, 1, 1], False),
        ([1, 0, 1, 1], True),
        ([0, 1, 0, 1], True),
    ]:
        attended = torch.tensor([row, [1, 1, 1, 1]], dtype=torch.bool)
        assert FamilyMask("sdpa", recipe(4, 4, attended=attended)).has_inner_padding is inner
