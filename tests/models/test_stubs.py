"""Stubs see what the catalog says, and understand the question, whatever classes are called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mimic_checks.catalog import load_catalog
from mimic_checks.models.prompt import PromptImage, prompt_for
from mimic_checks.models.stubs import Oracle
from mimic_checks.tasks import TASKS

NAMES = ("cat", "dog", "cat and dog", "no entry", "every day", "two", "glasses", "do_not_turn_r")


@pytest.fixture(scope="module")
def named():
    catalog = load_catalog("rendered?scenes=200&families=0")
    return replace(catalog, class_names=NAMES + catalog.class_names[len(NAMES) :])


@pytest.mark.parametrize("template", ["plain", "instruct", "mimic", "singular"])
@pytest.mark.parametrize("asked", [("cat and dog",), ("cat", "dog"), ("dog", "cat and dog"), NAMES])
def test_an_oracle_counts_what_is_asked_whatever_it_is_called(named, template, asked):
    question = TASKS.get("counting").question(template, classes=asked, images=1)
    row = 5
    image = PromptImage(named.manifest.id(row), lambda: None)
    counts = [int(named.counts[row, named.class_index(name)]) for name in asked]
    told = Oracle(named).answer([prompt_for([image], question)])[0]
    expected = ", ".join(f"{name}: {max(n, 0)}" for name, n in zip(asked, counts, strict=True))
    assert told == (expected if len(asked) > 1 else str(max(counts[0], 0)))
