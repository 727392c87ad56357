"""The feature cache: every image computed once while it fits, memory bounded, results the same."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.models.features import FeatureCache


def _tensor(key):
    return torch.full((4,), float(ord(key)))  # 16 bytes


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=20), st.integers(0, 8))
def test_the_cache_is_bounded_and_transparent(requests, fitting):
    cache = FeatureCache(16 * fitting)
    for keys in requests:
        asked = []
        found = cache.get(
            keys,
            lambda missing, asked=asked: asked.extend(missing) or [_tensor(key) for key in missing],
        )
        assert {key: found[key][0].item() for key in keys} == {key: float(ord(key)) for key in keys}
        assert len(asked) == len(set(asked))
        assert cache.bytes <= cache.max_bytes
        assert cache.bytes == 16 * len(cache._cached)


def test_a_repeated_image_is_computed_once():
    cache = FeatureCache(16 * 8)
    for _ in range(5):
        cache.get(list("aab"), lambda missing: [_tensor(key) for key in missing])
    assert (cache.computed, cache.served) == (2, 13)


def test_the_least_recently_used_goes_first():
    cache = FeatureCache(32)
    for key in "abac":
        cache.get([key], lambda missing: [_tensor(key) for key in missing])
    assert list(cache._cached) == ["a", "c"]
