"""The built-in model's tokenizer: byte-level BPE, learnt on the suite's own questions.

Bytes, so that any text can be written, also a user's own question.
"""

from __future__ import annotations

import itertools

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from mimic_checks.catalog.labels import plural
from mimic_checks.catalog.shapes import SHAPES
from mimic_checks.tasks.common_object import COMMON
from mimic_checks.tasks.counting import COUNTING
from mimic_checks.tasks.listing import LISTING
from mimic_checks.tasks.odd_one import ODD_ONE
from mimic_checks.tasks.task import MIXED_TEMPLATES
from mimic_checks.tasks.truth import Names

IMAGE, USER, ASSISTANT, END, PAD = "<image>", "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>' }}{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}"
    "{% endif %}"
    "{% if message['role'] == 'assistant' %}{{ '<|end|>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def build(vocabulary: int = 640) -> PreTrainedTokenizerFast:
    """The tokenizer with `vocabulary` tokens, its chat template included."""
    tokenizer = Tokenizer(models.BPE())
    # Digit by digit: the model shall learn numbers, not one token for each that training had.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, IMAGE, USER, ASSISTANT, END],
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        padding_side="left",
        extra_special_tokens={"image_token": IMAGE},
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def _corpus() -> list[str]:
    """Questions and answers over the rendered classes; names often, so that each is a token.

    How often a line is in it decides what becomes a token: every task but listing words a question
    once per category too.
    """
    names = tuple(SHAPES)
    lines = [f"{name}: number, {name}, {plural(name)} and {name}" for name in names] * 20
    categories = sorted({shape.supercategory for shape in SHAPES.values()})
    pairs = list(zip(names, names[1:] + names[:1], strict=True))
    for template, images, (first, second) in itertools.product(MIXED_TEMPLATES, (1, 2), pairs):
        counting = COUNTING.question(template, classes=[first], images=images)
        lines += [counting] * len(categories)
        lines.append(COUNTING.question(template, classes=[first, second], images=images))
        lines += [LISTING.question(template, category=c, images=images) for c in categories]
        for task in (COMMON, ODD_ONE):
            lines += [task.question(template, images=images)] * len(categories)
        lines += [Names((first, second)).text] * 4  # one per task
    return lines + ["none"] * 50
