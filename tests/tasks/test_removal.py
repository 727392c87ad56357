"""Without the file of one task, only that task and the checks that ask it are lost: nothing else in
the house knows a task by name."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

COUNTING = {
    "attention_by_depth",
    "distractors",
    "image_count.counting",
    "localization",
    "multi_concept",
    "pooling",
    "preconditions.blank_images",
    "preconditions.not_constant",
    "sequence_length",
    "spread.balanced",
    "spread.unbalanced",
}
LISTING = {"image_count.listing", "knockout"}
"""Besides the preconditions of the harness, whose probe cases are listing cases."""
LOST = {
    "counting": ("counting", COUNTING),
    "listing": ("listing", LISTING),
    "common_object": ("common", {"image_count.common"}),
    "odd_one": ("odd_one", {"image_count.odd_one"}),
    "multiple_choice": ("multiple_choice", {"misleading_inputs", "visual_patterns"}),
    "yes_no": ("yes_no", set()),
    "number": ("number", set()),
    "short_text": ("short_text", set()),
}

WITHOUT = """
import json, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == f"mimic_checks.tasks.{sys.argv[1]}":
            raise ModuleNotFoundError(f"no file {name}", name=name)

sys.meta_path.insert(0, Missing())
from mimic_checks.catalog import load_catalog, rendered
from mimic_checks.catalog.joined import with_others
from mimic_checks.cases import cases_of, draw
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.session import CheckSession
from mimic_checks.errors import ExtensionError
from mimic_checks.models import prompt_of
from mimic_checks.models.stubs import make_stub
from mimic_checks.tasks import TASKS, Vocabulary
from mimic_checks.cases import judge
import mimic_checks.cli, mimic_checks.plugin, mimic_checks.reporting, remedies.generate

tasks = []
for name in TASKS.names():
    try:
        TASKS.get(name)
    except ExtensionError:
        tasks.append(name)
own = {spec: load_catalog(spec) for spec in ("twins?pairs=4", "misleading?pairs=4")}
catalog = with_others(rendered(seed=1, scenes=600, families=6), own)
of_check = {"visual_patterns": "twins?pairs=4", "misleading_inputs": "misleading?pairs=4"}
oracle, vocabulary = make_stub("oracle", catalog), Vocabulary(catalog.class_names)
checks, wrong = [], []
for check_id, found in find_checks().items():
    levels = [level.value for level in found.check.drawn_levels("standard")]
    try:
        drawn_from = own[of_check[check_id]] if found.check.catalog else catalog
        draws = draw(found.check.cases(drawn_from, levels=levels, template="plain"), 2, 0)
    except ModuleNotFoundError:
        checks.append(check_id)
        continue
    for case in cases_of(item for items in draws for item in items):
        answer = oracle.answer([prompt_of(case, catalog.manifest)])[0]
        if judge(case, answer, None, vocabulary).kind != "right":
            wrong.append(case.id)
print(json.dumps([tasks, checks, wrong]))
"""


@pytest.mark.parametrize("module", sorted(LOST))
def test_without_the_file_of_a_task_only_that_task_is_lost(module):
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT, module], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    tasks, checks, wrong = json.loads(run.stdout)
    task, lost = LOST[module]
    assert tasks == [task]
    harness = {check for check in checks if check.startswith("preconditions.")} - lost
    assert set(checks) - harness == lost
    assert len(harness) == (13 if module == "listing" else 0)
    assert wrong == [], "the other tasks ask and judge as before"
