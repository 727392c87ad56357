"""The time limit is per case: a batch has it as many times as it has cases."""

from __future__ import annotations

import time

from mimic_checks.models import PromptImage, prompt_for
from mimic_checks.runs import Runner, choose_budget

CASES = 32


class Slow:
    """Takes 0.05 s for one case and less per case the larger the batch: 0.28 s for 32."""

    def __init__(self):
        self.calls = []

    def answer(self, prompts):
        self.calls.append(len(prompts))
        time.sleep(0.05 * len(prompts) ** 0.5)
        return ["two"] * len(prompts)

    def identity(self):
        return {"name": "slow"}


def prompts():
    image = PromptImage("0", lambda: None)
    return [prompt_for([image], "?", f"case{number}") for number in range(CASES)]


def test_a_batch_may_take_the_time_of_all_its_cases():
    model = Slow()
    answers = Runner(model, batch=CASES, case_limit_s=0.1).answer(prompts())
    assert model.calls == [CASES], "answered whole, at the first try"
    assert {answer.error for answer in answers.values()} == {None}


def test_trying_batch_sizes_gives_every_batch_the_time_of_all_its_cases():
    assert choose_budget(Slow(), prompts(), case_limit_s=0.1) >= 8
