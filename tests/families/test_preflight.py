"""The preflight raises no alarm on any clean family behind its real processor."""

from __future__ import annotations

import json

import pytest

from mimic_checks.catalog import load_catalog
from mimic_checks.checks import preflight
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.evaluation import Finding
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.models import ModelOptions
from tests.families.tiny import BUILDABLE, tiny


@pytest.fixture(scope="module")
def catalog():
    return load_catalog("rendered?scenes=400&families=24")


@pytest.mark.parametrize("family", BUILDABLE)
def test_a_clean_family_raises_no_alarm(family, catalog, tmp_path):
    model, processor = tiny(family)
    model.save_pretrained(tmp_path / "model")
    processor.save_pretrained(tmp_path / "model")
    settings = tmp_path / "model" / "generation_config.json"
    settings.write_text(
        json.dumps(
            {**json.loads(settings.read_text()), "eos_token_id": processor.tokenizer.eos_token_id}
        )
    )
    asked = Settings(
        vlm=str(tmp_path / "model"),
        cases=20,
        batch=4,
        output=tmp_path / "run",
        answer_cache=tmp_path / "kept",
        model=ModelOptions(max_new_tokens=4, device="cpu"),
    )
    known = find_checks()
    plan = RunPlan(asked, [known["preconditions.image_blocks"], known["image_count.counting"]])
    plan.__dict__["catalog"] = catalog
    sound = {name: Finding() for name in preflight.PREFLIGHT}
    sound["adapter"] = Finding(reason="the model has no adapter")
    assert preflight.run(CheckSession(plan)) == sound
