"""Projected image features by image id, least recently used first out, within a byte limit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import Tensor


class FeatureCache:
    """A cache of tensors, at most `max_bytes` of them whatever the run's size; `computed` and
    `served` count for reports and tests."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.clear()

    def clear(self) -> None:
        """Forgets all tensors, and what was counted."""
        self.bytes = self.computed = self.served = 0
        self._cached: OrderedDict[str, Tensor] = OrderedDict()

    def get(
        self, keys: Sequence[str], compute: Callable[[list[str]], Sequence[Tensor]]
    ) -> dict[str, Tensor]:
        """The tensors of all keys; `compute` is called once, with the keys that are not cached
        (each once)."""
        tensors = {key: self._cached[key] for key in dict.fromkeys(keys) if key in self._cached}
        for key in tensors:
            self._cached.move_to_end(key)
        # `tensors` holds what this call needs: putting new ones may push those out of the cache.
        missing = [key for key in dict.fromkeys(keys) if key not in tensors]
        if missing:
            for key, tensor in zip(missing, compute(missing), strict=True):
                tensors[key] = tensor
                self._put(key, tensor)
        self.computed += len(missing)
        self.served += len(keys) - len(missing)
        return tensors

    def _put(self, key: str, tensor: Tensor) -> None:
        size = tensor.numel() * tensor.element_size()
        # It would push out everything else, and then itself.
        if size > self.max_bytes:
            return
        self._cached[key] = tensor
        self.bytes += size
        while self.bytes > self.max_bytes:
            _, oldest = self._cached.popitem(last=False)
            self.bytes -= oldest.numel() * oldest.element_size()
