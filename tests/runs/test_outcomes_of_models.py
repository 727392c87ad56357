"""What a model raises to end a test or the process is its own error, as anything else."""

from __future__ import annotations

import pytest

from mimic_checks.errors import AnswerError, ModelLoadError, as_answer_errors
from mimic_checks.runs import Runner
from tests.runs.test_run import prompts


class Does:
    def __init__(self, deed):
        self.deed = deed

    def answer(self, asked):
        return self.deed(asked)

    def identity(self):
        return {"name": "does"}


def skips(asked):
    pytest.skip("not today")


def fails(asked):
    pytest.fail("failing")


def leaves(asked):
    raise SystemExit(0)


@pytest.mark.parametrize(
    ("deed", "said"),
    [(skips, "Skipped: not today"), (fails, "Failed: failing"), (leaves, "SystemExit: 0")],
)
def test_a_model_that_ends_tests_or_the_process_fails_to_answer(deed, said):
    found = Runner(Does(deed), batch=2).answer(prompts([1, 1]))
    assert [(one.text, said in one.error) for one in found.values()] == [(None, True)] * 2


def test_the_list_of_prompts_is_the_models_own():
    def clears(asked):
        answers = ["1"] * len(asked)
        asked.clear()
        return answers

    found = Runner(Does(clears), batch=2).answer(prompts([1, 1]))
    assert [one.text for one in found.values()] == ["1", "1"]


def test_a_model_that_owes_answers_is_no_model():
    with pytest.raises(ModelLoadError, match="1 answers to 2 prompts"):
        Runner(Does(lambda asked: ["1"]), batch=2).answer(prompts([1, 1]))


def test_what_stops_a_run_is_no_answer():
    with pytest.raises(KeyboardInterrupt), as_answer_errors():
        raise KeyboardInterrupt
    with pytest.raises(AnswerError, match="SystemExit"), as_answer_errors():
        raise SystemExit(1)
