"""The repaired built-in model: its adapter under its mask, small enough to ship, refused an adapter
beside its own.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from mimic_checks.attention import read_adapter_mask
from mimic_checks.cases import draw, listing_cases
from mimic_checks.errors import InvalidArgument
from mimic_checks.models import ModelOptions, check_vlm, load_vlm, prompt_of
from mimic_checks.models.backends import BUILTIN_FOLDER, REPAIRED, REPAIRED_ADAPTER

DEMO = json.loads((REPAIRED_ADAPTER / "demo_answers.json").read_text())


def test_it_is_the_built_in_model_with_its_adapter_and_its_mask(scenes):
    prompts = [
        prompt_of(case, scenes.manifest) for case in draw(listing_cases(scenes, images=4), 6, 0)
    ]
    by_name = load_vlm(REPAIRED, ModelOptions(), scenes)
    by_hand = load_vlm("builtin", ModelOptions(adapter=str(REPAIRED_ADAPTER)), scenes)
    plain = load_vlm("builtin", ModelOptions(), scenes)
    assert torch.equal(by_name.logits(prompts), by_hand.logits(prompts))
    assert not torch.allclose(by_name.logits(prompts), plain.logits(prompts), atol=0.1)
    recorded = read_adapter_mask(str(REPAIRED_ADAPTER))
    assert by_name.identity()["name"] == REPAIRED
    assert by_name.identity()["remedies"] == ([recorded.describe()] if recorded else [])


def test_it_takes_no_second_adapter(scenes, tmp_path):
    for call in (check_vlm, load_vlm):
        with pytest.raises(
            InvalidArgument, match=f"no adapter with --vlm {REPAIRED}, which brings its own"
        ):
            call(REPAIRED, ModelOptions(adapter=str(tmp_path)), scenes)


def test_what_ships_is_small_and_names_no_machine():
    files = [path for path in REPAIRED_ADAPTER.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1.5 * 2**20
    for path in files:
        if path.suffix == ".json":
            assert str(Path.home()) not in path.read_text()
            assert "/tmp" not in path.read_text()
    config = json.loads((REPAIRED_ADAPTER / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "builtin"
    assert BUILTIN_FOLDER.is_dir()


@pytest.mark.slow
def test_recorded_answers_are_what_it_says(tmp_path):
    """A seeded sample of the demonstration's answers, asked again."""
    from mimic_checks.cases import cases_of
    from mimic_checks.checks.discovery import find_checks
    from mimic_checks.checks.run_plan import RunPlan
    from mimic_checks.checks.settings import Settings

    known = find_checks()
    plan = RunPlan(
        Settings(vlm=REPAIRED, cases=100, seed=0, output=tmp_path),
        [known["image_count.odd_one"], known["image_count.listing"]],
    )
    cases = [case for check in plan.checks for d in plan.draws(check)[::10] for case in cases_of(d)]
    vlm = load_vlm(REPAIRED, ModelOptions(), plan.catalog)
    prompts = [prompt_of(case, plan.catalog.manifest) for case in cases]
    assert vlm.answer(prompts) == [DEMO[case.id] for case in cases]
