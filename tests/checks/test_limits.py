"""What a model will not take is found out with few questions, before a run."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.cases import images_first
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.evaluator import Evaluator
from mimic_checks.checks.limits import find_limit, largest_by_images
from mimic_checks.checks.node import CheckNode
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import AnswerError, ModelLoadError
from mimic_checks.models import PromptImage, prompt_for
from mimic_checks.models.stubs import Oracle
from tests.scored import case


class Limited:
    """Takes so many images; `broken`: numbers of images at which a mishap comes."""

    def __init__(self, most, broken=()):
        self.most, self.broken, self.asked = most, broken, []

    def why_refused(self, prompt):
        images = len(prompt.images)
        self.asked.append(images)
        if images in self.broken:
            raise AnswerError("HTTP 503: busy")
        return f"at most {self.most}" if images > self.most else ""


def prompts(*counts):
    return [prompt_for([PromptImage("x", lambda: None)] * count, "q") for count in counts]


@given(st.sets(st.integers(1, 40), min_size=1, max_size=12), st.integers(1, 40))
def test_the_largest_number_of_images_is_found(counts, most):
    ordered, model = sorted(counts), Limited(most)
    taken = [count for count in ordered if count <= most]
    if not taken:
        with pytest.raises(ModelLoadError, match="does not answer a single question .*at most"):
            find_limit(model, prompts(*ordered))
        return
    found = find_limit(model, prompts(*ordered))
    assert found == (None if taken == ordered else (taken[-1], f"at most {most}"))
    assert len(model.asked) <= 2 + math.ceil(math.log2(len(ordered)))
    assert model.asked[0] == ordered[-1], "one request, if nothing is wrong"
    assert found is not None or len(model.asked) == 1


def test_a_mishap_is_no_limit_and_nothing_but_mishaps_is_no_model():
    assert find_limit(Limited(9, broken=[8]), prompts(1, 4, 8)) is None
    assert find_limit(Limited(4, broken=[2]), prompts(1, 2, 4, 8)) == (4, "at most 4")
    with pytest.raises(ModelLoadError, match="HTTP 503: busy"):
        find_limit(Limited(9, broken=[1, 8]), prompts(1, 4, 8))
    with pytest.raises(ModelLoadError, match="HTTP 503: busy"):
        find_limit(Limited(9, broken=[8]), prompts(8))


def test_the_longest_question_stands_for_a_number_of_images():
    longer = case(3, content=images_first(["a", "b"], "How many cats are there in these pictures?"))
    found = largest_by_images([case(1, images=3), case(2, images=2), longer])
    assert found == [longer, case(1, images=3)]


def test_a_model_that_is_lost_on_the_way_ends_the_run_and_no_check_fails_for_it(tmp_path):
    """The second check does not even ask."""
    found = [find_checks()[name] for name in ("spread.unbalanced", "distractors")]
    small = "rendered?scenes=200&families=40"
    settings = Settings(vlm="x", catalog=small, cases=20, batch=8, output=tmp_path / "out")
    plan = RunPlan(settings, found)
    asked, told = [], []

    class Lost(Oracle):
        def answer(self, prompts):
            asked.append(len(prompts))
            if len(asked) > 28:
                raise ModelLoadError("the server does not answer any more")
            return super().answer(prompts)

    session = CheckSession(plan, make_model=lambda: Lost(plan.catalog))
    session.folder.prepare(plan.describe())
    evaluator = Evaluator(session)
    for check in found:
        node = CheckNode(evaluator, check, None, lambda *results, **more: None, told.append)
        with pytest.raises(pytest.skip.Exception, match="no model: the server"):
            node.run()
    assert told == ["the server does not answer any more"] * 2
    assert len(asked) == 29
    kept = (tmp_path / "out" / "journal" / "spread.unbalanced.jsonl").read_text()
    assert '"answers"' in kept, "what was answered is kept"
