"""The engine: conditions become outcomes, each asked in its own way and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mimic_checks.models.vlm import Capabilities
from mimic_checks.runs import Condition, Engine
from mimic_checks.tasks import Vocabulary
from tests.scored import case


class Three:
    """Says "3" to a question with an image, "2" to one without."""

    capabilities = Capabilities()

    def __init__(self):
        self.calls = []

    def answer(self, prompts):
        self.calls.append(len(prompts))
        return ["3" if prompt.images else "2" for prompt in prompts]

    def identity(self):
        return {"name": "three"}


class NoPictures:
    def open(self, image_id):
        raise AssertionError("this model looks at no picture")


@pytest.fixture
def engine(tmp_path):
    return Engine(
        Three(),
        opener=NoPictures(),
        vocabulary=Vocabulary(("cat",)),
        journal_of=lambda name: tmp_path / f"{name}.jsonl",
        budget=8,
        cache_folder=tmp_path / "cache",
    )


CASES = [case(number) for number in range(6)]


def without_images(prompt):
    return replace(prompt, content=prompt.content[-1:])


def test_a_condition_is_answered_in_batches_of_the_run_or_its_own(engine):
    assert set(engine.outcomes(Condition("run", CASES))) == {case.id for case in CASES}
    assert engine.model.calls == [4, 2], "two images each, eight at a time"
    engine.model.calls.clear()
    engine.outcomes(Condition("own", CASES, batch=3))
    assert engine.model.calls == [3, 3]


def test_what_a_condition_changes_is_what_the_model_is_shown(engine):
    shown = engine.outcomes(Condition("shown", CASES[:1]))
    changed = engine.outcomes(Condition("changed", CASES[:1], transform=without_images))
    assert [outcome.kind for outcome in (*shown.values(), *changed.values())] == ["right", "wrong"]


def test_answers_of_a_model_that_is_not_known_for_sure_are_not_kept(engine, tmp_path):
    engine.outcomes(Condition("run", CASES))
    assert engine.cache is None
    assert not (tmp_path / "cache").exists()
