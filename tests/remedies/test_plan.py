"""From a report to remedies: the cheapest first, with reasons from the run itself."""

from __future__ import annotations

import json

import pytest

from mimic_checks.attention import read_adapter_mask
from mimic_checks.cases import Level
from mimic_checks.checks.profiles import FILE
from mimic_checks.cli import main
from mimic_checks.errors import RemedyError, RunFolderError
from mimic_checks.verdicts.result import CheckResult, LevelResult
from mimic_checks.verdicts.run_folder import RunFolder
from remedies.plan import plan


def level(value: int, right: int) -> LevelResult:
    return LevelResult(
        level=Level("pooling", value),
        n=100,
        right=right,
        wrong=100 - right,
        unparseable=0,
        error=0,
        rate=right / 100,
        low=right / 100 - 0.08,
        high=right / 100 + 0.08,
        verdict="pass",
        reason="",
        threshold=0.8,
        is_reference=value == 1,
    )


def result(check: str, verdict: str, reason: str = "why", levels=()) -> CheckResult:
    return CheckResult(
        check=check,
        module="m",
        title=check,
        behaviour="b",
        factor="images",
        moves="m",
        verdict=verdict,
        reason=reason,
        seconds=1.0,
        alpha=0.05,
        levels=tuple(levels),
    )


def run(folder, *results, profile=None):
    store = RunFolder(folder)
    store.prepare(
        {"vlm": "my/model", "catalog": "coco:/photos", "checks": {r.check: {} for r in results}}
    )
    for one in results:
        store.write_result(one, [], None)
    if profile is not None:
        store.write_extra(
            FILE,
            json.dumps({"cases": {f"c{k}": [(1 - a, a, 0.0) for a in profile] for k in range(12)}}),
        )
    return folder


def names(proposals):
    return [proposal.remedy for proposal in proposals]


def test_nothing_failed_nothing_proposed(tmp_path, capsys):
    run(tmp_path / "r", result("spread.balanced", "pass"))
    assert plan(tmp_path / "r") == []
    assert main(["remedy", "plan", str(tmp_path / "r")]) == 0
    assert "nothing to repair" in capsys.readouterr().out


def test_the_cheapest_first_with_the_parts_that_failed(tmp_path):
    found = plan(
        run(
            tmp_path / "r",
            result("spread.unbalanced", "fail", "falls"),
            result("image_count.odd_one", "inconclusive", "unclear"),
            result("image_count.common", "pass"),
        )
    )
    assert names(found) == [
        "pooling x4",
        "mask only",
        "training data for counting, odd_one",
        "LoRA on that data, image-local mask in layers deep",
    ]
    assert "the run did not measure pooling" in found[0].reason
    assert "spread.unbalanced: falls; image_count.odd_one: unclear" in found[2].reason
    assert all("my/model" in c for p in found for c in p.commands if "--vlm" in c)
    assert "--keep-out" in found[2].commands[0]


def test_pooling_is_proposed_where_it_was_measured_to_help(tmp_path):
    helps = result("pooling", "fail", "pooling=4 wins", [level(1, 40), level(2, 50), level(4, 70)])
    found = plan(run(tmp_path / "a", result("distractors", "fail"), helps))
    assert (found[0].remedy, found[0].commands[0].split()[-2:]) == (
        "pooling x4",
        ["--vlm-pooling", "4"],
    )
    not_proven = result("pooling", "pass", "no pooling wins", [level(1, 40), level(2, 46)])
    assert (
        names(plan(run(tmp_path / "b", result("distractors", "fail"), not_proven)))[0]
        == "mask only"
    )


def test_the_window_comes_from_the_attention_profile(tmp_path):
    fades = [0.2, 0.5, 0.4, 0.1, 0.1, 0.05]
    found = plan(run(tmp_path / "a", result("distractors", "fail"), profile=fades))
    assert found[-1].remedy.endswith("in layers 3-5")
    assert "from layer 3 on, attention between images is under half of its peak" in found[-1].reason
    assert "--set mask=3-5" in found[-1].commands[0]
    stays = plan(run(tmp_path / "b", result("distractors", "fail"), profile=[0.5, 0.5, 0.5, 0.45]))
    assert stays[-1].remedy.endswith("in layers deep")
    assert "does not fade in this model" in stays[-1].reason
    assert (
        "has no attention profile"
        in plan(run(tmp_path / "c", result("distractors", "fail")))[-1].reason
    )


def test_train_takes_the_window_of_a_run(tmp_path, training_data, capsys):
    folder = run(
        tmp_path / "r", result("distractors", "fail"), profile=[0.2, 0.5, 0.4, 0.1, 0.1, 0.05]
    )
    small = [
        "--preset",
        "builtin",
        "--set",
        "max_steps=1",
        "--set",
        "bf16=false",
        "--set",
        "batch_size=1",
    ]
    arguments = [
        "--vlm",
        "builtin",
        "--data",
        str(training_data),
        "--out",
        str(tmp_path / "a"),
        *small,
        "--mask-from",
        str(folder),
    ]
    assert main(["remedy", "train", *arguments]) == 0
    assert (
        "mask=3-5: from layer 3 on, attention between images is under half of its peak"
        in capsys.readouterr().out
    )
    assert read_adapter_mask(str(tmp_path / "a")).window.describe() == "3-5"


def test_a_broken_harness_comes_first(tmp_path):
    run(
        tmp_path / "r",
        result("own.batch", "fail", "answers change with the batch").model_copy(
            update={"harness": True}
        ),
        result("distractors", "fail"),
    )
    with pytest.raises(
        RemedyError,
        match=(
            r"own.batch failed \(answers change with the batch\); repair the harness"
            r" first"
        ),
    ):
        plan(tmp_path / "r")
    with pytest.raises(RunFolderError):
        plan(tmp_path / "nowhere")
