"""Tokens that `builtin-choices` has beside the built-in model's: phrases of its questions.

Byte by byte, a lettered question has eighty tokens; with these, twenty. None of them occurs in the
built-in model's own questions, so that those are tokenized as they were.
"""

from __future__ import annotations

import torch
from tokenizers import AddedToken
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

PHRASES = (
    "\nAnswer with the option's letter.",
    "\nGive only the letter of the right option.",
    " Answer with yes or no.",
    " Give only yes or no.",
    *(f"\n{letter}. " for letter in "ABCD"),
    *(f" ({letter}) " for letter in "abcd"),
    " picture",
    "Which way is the",
    " facing?",
    "Which of these is",
    "Which word is on the sign?",
    "What colour is the",
    "Is there a",
    "Is the",
    " to the left or to the right of the",
    " above or below the",
    " upright or upside down?",
    " whole or cut in half?",
    " Look at the first",
    " Look at the second",
    " For which",
    " is the answer:",
    "upright",
    "upside down",
    "cut in half",
    "whole",
    "above",
    "below",
    "left",
    "the first",
    "the second",
    "yellow",
    "green",
    "blue",
)


def extend(model: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast) -> None:
    """Adds the phrases to a model and its tokenizer; each begins as the mean of its pieces."""
    pieces = [tokenizer(phrase)["input_ids"] for phrase in PHRASES]
    known = len(tokenizer)
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in PHRASES])
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    rows = model.get_input_embeddings().weight
    with torch.no_grad():
        for number, own in enumerate(pieces):
            rows[known + number] = rows[own].mean(dim=0)
