"""Batches of the built-in model: labels stand on the answers, and nowhere else."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import AutoConfig, AutoProcessor

from mimic_checks.catalog import rendered
from mimic_checks.catalog.presence import presence
from mimic_checks.errors import RemedyError
from mimic_checks.models.backends import BUILTIN_FOLDER
from remedies.batches import IGNORE, Collator, align
from remedies.dataset import write_training_data
from remedies.mixture import Mixture, Part
from remedies.own_data import training_rows


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    mixture = Mixture(
        parts=(
            Part(
                name="counting",
                family="counting",
                samples=12,
                images=(1, 4),
                turns=(1, 4),
                concepts=(1, 2),
            ),
            Part(name="common", family="common", samples=8, images=(2, 5), turns=(2, 3)),
        )
    )
    catalog = rendered(seed=21, scenes=400, families=0)
    return training_rows(
        write_training_data(
            presence(catalog), mixture, tmp_path_factory.mktemp("b") / "d", processes=1
        )
    )


def collator(root, processor=None):
    return Collator(
        processor or AutoProcessor.from_pretrained(BUILTIN_FOLDER),
        AutoConfig.from_pretrained(BUILTIN_FOLDER),
        root,
    )


def answers_of(row):
    return [
        message["content"][0]["text"]
        for message in row["messages"]
        if message["role"] == "assistant"
    ]


def test_labels_are_the_answers_and_their_ends(data):
    rows, root = data
    made = collator(root)
    tokenizer = made.tokenizer
    batch = made([rows[k] for k in range(len(rows))])
    for k, row in enumerate(rows):
        labels = batch["labels"][k]
        said = tokenizer.decode(labels[labels != IGNORE]).split(tokenizer.eos_token)
        assert said == [*answers_of(row), ""]
        assert (batch["input_ids"][k][labels != IGNORE] == labels[labels != IGNORE]).all()
        whole = tokenizer.decode(batch["input_ids"][k][batch["attention_mask"][k] == 1])
        questions = [m["content"][-1]["text"] for m in row["messages"] if m["role"] == "user"]
        spoken = re.sub(r"<image>", "", whole)
        assert spoken == "".join(
            f"<|user|>{q}<|assistant|>{a}<|end|>"
            for q, a in zip(questions, answers_of(row), strict=True)
        )
    assert batch["token_map"].images == [row["length"] for row in rows]


def test_a_row_in_a_batch_is_as_it_is_alone(data):
    rows, root = data
    made = collator(root)
    together = made([rows[k] for k in range(6)])
    for k in range(6):
        alone, length = made([rows[k]]), int(together["attention_mask"][k].sum())
        for key in ("input_ids", "labels"):
            assert torch.equal(together[key][k, :length], alone[key][0])


def test_interleaved_images_and_text_alone(data, tmp_path):
    Image.new("RGB", (64, 64), (200, 10, 10)).save(tmp_path / "a.png")

    def row(*turns):
        messages = [
            {
                "role": r,
                "content": [
                    {"type": "image", "text": None} if p is None else {"type": "text", "text": p}
                    for p in parts
                ],
            }
            for r, parts in turns
        ]
        return {
            "images": ["a.png"] * sum(p is None for _, parts in turns for p in parts),
            "messages": messages,
        }

    made = collator(tmp_path)
    batch = made(
        [
            row(
                ("user", ["First ", None, " and "]),
                ("assistant", ["apple"]),
                ("user", [None, "?"]),
                ("assistant", ["pear, plum"]),
            ),
            row(("user", ["How many?"]), ("assistant", ["3"])),
        ]
    )
    said = [made.tokenizer.decode(labels[labels != IGNORE]) for labels in batch["labels"]]
    assert said == ["apple<|end|>pear, plum<|end|>", "3<|end|>"]


def test_a_broken_picture_is_named(data):
    rows, root = data
    broken = {**rows[0], "images": ["images/gone.png"] * rows[0]["length"]}
    with pytest.raises(RemedyError, match=r"image='.*images/gone.png' cannot be read"):
        collator(root)([broken])


def test_a_template_that_rewrites_earlier_turns_is_refused(data):
    rows, root = data
    processor = AutoProcessor.from_pretrained(BUILTIN_FOLDER)
    processor.chat_template = "{{ messages | length }}" + processor.chat_template
    with pytest.raises(RemedyError, match=r"rewrites earlier turns.*turns = \[1, 1\]"):
        collator(root, processor)([rows[0]])


@given(st.lists(st.tuples(st.integers(10, 20), st.booleans()), min_size=1, max_size=20))
def test_alignment_finds_every_text_token(tokens):
    # 1: a placeholder, which the processed text does not have.
    text = [1 if image else token for token, image in tokens]
    processed = [token for token, image in tokens if not image]
    expected, index = [], 0
    for _, image in tokens:
        expected.append(-1 if image else index)
        index += not image
    assert align(text, processed) == expected
    assert align(text, [*processed, 99]) is None
