"""A whole small proof on the built-in model: it trains, asks the same cases, and is readable."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time

import pytest

from mimic_checks.catalog import rendered
from mimic_checks.errors import RemedyError
from remedies.proof import LevelChange, Proof, Rate, VariantResult
from remedies.proof_page import page, promises, read_proof, summary, write_proof
from remedies.prove import prove
from remedies.variants import ProofPlan
from tests.browser import chromium

SETTINGS = ("max_steps=3", "bf16=false", "batch_size=2", "save_steps=0.5")


@pytest.fixture(scope="module")
def catalog():
    return rendered(seed=41, scenes=900, families=0)


@pytest.fixture(scope="module")
def plan(training_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("proof") / "p"
    return ProofPlan(
        "builtin",
        training_data,
        out,
        masks=("deep",),
        seeds=(0, 1),
        settings=SETTINGS,
        cases=8,
        guard_cases=10,
        batch=8,
    )


@pytest.fixture(scope="module")
def proof(plan, catalog):
    return prove(plan, catalog, command="mimic-checks remedy prove", report=lambda line: None)


def test_every_variant_answers_the_same_cases(proof, plan):
    assert [v.name for v in proof.variants] == [
        "mask only",
        "pooling x4",
        "stitched",
        "data + LoRA, mask deep",
        "data + LoRA, mask deep, served without",
    ]
    assert proof.budget.startswith("3 steps of 2 samples each, for every adapter")
    for variant in proof.variants:
        assert len(variant.levels[0].rates) == (2 if "LoRA" in variant.name else 1)
        assert [change.level for change in variant.levels] == [level for level, _ in proof.base]
        assert len(variant.train_seconds) == len(variant.seeds)
    plain, without = proof.variants[3], proof.variants[4]
    assert plain.levels != without.levels or plain.flips != without.flips
    assert {(v, t) for v, t, *_ in proof.held_out} >= {
        ("base", "common"),
        ("base", "odd_one"),
        ("data + LoRA, mask deep", "common"),
    }


def test_it_is_stored_and_read_back(proof, plan):
    assert read_proof(plan.out) == proof
    assert Proof.model_validate_json((plan.out / "proof.json").read_text()) == proof
    shown = {image for v in proof.variants for flip in v.flips for image in flip.case.images}
    assert {path.stem for path in (plan.out / "images").iterdir()} == shown
    with pytest.raises(RemedyError, match="make one with: mimic-checks remedy prove"):
        read_proof(plan.out / "nowhere")


def test_again_nothing_is_trained_or_asked(proof, plan, catalog, monkeypatch):
    from mimic_checks.models.transformers_vlm import TransformersVLM

    monkeypatch.setattr(
        TransformersVLM, "answer_intervened", lambda *args: pytest.fail("asked again")
    )
    times = {path: path.stat().st_mtime_ns for path in plan.out.rglob("adapter_model.safetensors")}
    again = prove(plan, catalog, command="mimic-checks remedy prove", report=lambda line: None)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert again.variants == proof.variants


def test_an_adapter_of_another_budget_is_refused(proof, plan, catalog):
    record = plan.adapter("deep", 1) / "training.json"
    old = record.read_text()
    record.write_text(json.dumps({**json.loads(old), "steps": 99}))
    try:
        with pytest.raises(
            RemedyError, match=r"'deep-seed1' was trained with another budget \(99, 2"
        ):
            prove(plan, catalog, report=lambda line: None)
    finally:
        record.write_text(old)


def test_further_adapters_bring_their_own_budget(proof, plan, catalog, tmp_path):
    longer = dataclasses.replace(
        plan, given=(("longer", plan.adapter("deep", 0)), ("longer", plan.adapter("deep", 1)))
    )
    found = prove(longer, catalog, report=lambda line: None).variants[-1]
    assert (found.name, found.what, found.seeds) == (
        "longer",
        "given: mask deep, 3 steps of 2 samples each",
        (0, 1),
    )
    assert found.levels == proof.variants[3].levels
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(plan.adapter("deep", 0), elsewhere)
    record = json.loads((elsewhere / "training.json").read_text())
    (elsewhere / "training.json").write_text(json.dumps({**record, "data": "other"}))
    with pytest.raises(RemedyError, match="was trained on data='other'"):
        prove(
            dataclasses.replace(plan, given=(("x", elsewhere),)), catalog, report=lambda line: None
        )
    with pytest.raises(RemedyError, match="has no training.json"):
        prove(
            dataclasses.replace(plan, given=(("x", tmp_path),)), catalog, report=lambda line: None
        )


def test_images_that_were_trained_on_stop_it_before_training(training_data, tmp_path):
    plan = ProofPlan("builtin", training_data, tmp_path / "p", cases=8, guard_cases=10)
    with pytest.raises(RemedyError, match="images of the evaluation cases were trained on"):
        prove(plan, rendered(seed=31, scenes=300, families=0), report=lambda line: None)
    assert not (tmp_path / "p").exists()


def made_up(proof, name):
    """The proof with a hostile name, to see that nothing gets through."""
    return proof.model_copy(
        update={"model": name, "variants": (proof.variants[0].model_copy(update={"name": name}),)}
    )


def test_foreign_text_never_becomes_markup(proof):
    hostile = "<script>document.title = 'owned'</script>"
    html = page(made_up(proof, hostile), {})
    assert hostile not in html
    assert "&lt;script&gt;document.title" in html
    assert "<script>" not in summary(made_up(proof, hostile))


def rate(right: int, n: int = 100) -> Rate:
    return Rate(right=right, n=n, low=right / n - 0.05, high=right / n + 0.05)


def change(
    level: str, role: str | None, right: int, before: int, verdict: str | None = None
) -> LevelChange:
    moved = (right - before) / 100
    return LevelChange(
        level=level,
        role=role,
        rates=(rate(right), rate(right + 1)),
        change=moved,
        low=moved - 0.06,
        high=moved + 0.06,
        lost=(2, 1),
        gained=(2 + right - before, 2),
        verdict=verdict,
    )


def test_what_people_read(proof, snapshot):
    """Made-up numbers: what is compared is how they are said."""
    levels = ("counting at 8 images", "common at 8 images", "counting at 1 image")
    variants = (
        VariantResult(
            name="mask only",
            what="no training",
            seeds=(),
            ratio=0.5,
            ratio_low=0.4,
            ratio_high=None,
            levels=(
                change(levels[0], "target", 10, 20),
                change(levels[1], "kept", 70, 90, "lost"),
                change(levels[2], "guard", 95, 96, "inconclusive"),
            ),
        ),
        VariantResult(
            name="data + LoRA, mask deep",
            what="trained",
            seeds=(0, 1),
            ratio=2.5,
            ratio_low=2.1,
            ratio_high=3.0,
            levels=(
                change(levels[0], "target", 50, 20),
                change(levels[1], "kept", 91, 90, "kept"),
                change(levels[2], "guard", 96, 96, "kept"),
            ),
        ),
    )
    base = tuple(zip(levels, (rate(20), rate(90), rate(96)), strict=True))
    made = proof.model_copy(
        update={
            "base": base,
            "variants": variants,
            "budget": "400 steps of 16 samples each",
            "held_out": (),
        }
    )
    assert summary(made) == snapshot(name="summary")
    assert promises(made) == snapshot(name="promises")


@pytest.mark.browser
def test_the_page_in_a_browser(proof, plan):
    write_proof(proof, plan.out)
    driver = chromium(plan.out / "proof.html", width=390)
    try:
        assert driver.title == "builtin: remedies, before and after"
        assert len(driver.find_elements("css selector", "section.check")) == 2 + len(proof.variants)
        flipped = driver.find_elements("css selector", "details.case")
        assert len(flipped) == sum(len(variant.flips) for variant in proof.variants) > 0
        flipped[0].find_element("css selector", "summary").click()
        time.sleep(0.3)
        first = next(flip for variant in proof.variants for flip in variant.flips)
        pictures = flipped[0].find_elements("css selector", "img")
        assert len(pictures) == len(first.case.images)
        assert all(
            driver.execute_script("return arguments[0].naturalWidth", picture) > 0
            for picture in pictures
        )
        assert [pre.text for pre in flipped[0].find_elements("css selector", "pre.answer")] == [
            first.before,
            first.after,
        ]
        assert driver.execute_script(
            "return document.documentElement.scrollWidth <= window.innerWidth"
        )
        assert [
            entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")
        ] == []
    finally:
        driver.quit()
