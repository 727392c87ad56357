"""Projected image features by image id, least recently used first out, within a byte limit.

Data in: image ids and tensors. Data out: the tensors again, while they fit. Memory is bounded by
`max_bytes`, whatever the run's size.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import Tensor


class FeatureCache:
    """A least-recently-used cache of tensors; `computed` and `served` count for reports and
    tests."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = self.computed = self.served = 0
        self._kept: OrderedDict[str, Tensor] = OrderedDict()

    def get(
        self, keys: Sequence[str], compute: Callable[[list[str]], Sequence[Tensor]]
    ) -> dict[str, Tensor]:
        """The tensors of all keys; `compute` is called once, with the keys that are not kept (each
        once)."""
        wanted = list(dict.fromkeys(keys))
        found = {key: self._kept[key] for key in wanted if key in self._kept}
        for key in found:
            self._kept.move_to_end(key)
        missing = [key for key in wanted if key not in found]
        if missing:
            for key, tensor in zip(missing, compute(missing), strict=True):
                found[key] = tensor
                self._keep(key, tensor)
        self.computed += len(missing)
        self.served += len(keys) - len(missing)
        return found

    def _keep(self, key: str, tensor: Tensor) -> None:
        size = tensor.numel() * tensor.element_size()
        if size > self.max_bytes:
            return
        self._kept[key] = tensor
        self.bytes += size
        while self.bytes > self.max_bytes:
            _, old = self._kept.popitem(last=False)
            self.bytes -= old.numel() * old.element_size()
