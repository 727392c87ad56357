"""The mask that an adapter was trained under, in transformers code of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mimic_checks.attention.adapter_record import read_adapter_mask
from mimic_checks.attention.edit import Editor, edit_attention


@contextmanager
def adapter_mask(model: Any, adapter: str, tokenizer: Any) -> Iterator[Editor | None]:
    """Makes a model obey the mask its adapter was trained under.

    Nothing changes, and the editor is None, if the adapter records no mask.

    Raises:
        AttentionError: a record that cannot be read, or a window outside this model.
    """
    mask = read_adapter_mask(adapter)
    if mask is None:
        yield None
        return
    with edit_attention(model, [mask], tokenizer=tokenizer) as editor:
        yield editor
