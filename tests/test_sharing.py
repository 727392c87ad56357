"""Several processes on one run: work shared by image tokens, a device each, one journal and
report.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest

ARGUMENTS = (
    "--pyargs",
    "mimic_checks.checks",
    "-p",
    "no:cacheprovider",
    "--vlm-cases",
    "40",
    "--vlm-batch",
    "4",
)
LOGGING = """
    import json, os, time
    from mimic_checks.models.stubs import LosesTrack

    class Logging(LosesTrack):
        def answer(self, prompts):
            images = sum(len(prompt.images) for prompt in prompts)
            time.sleep(0.01 * images)
            with open({log!r}, "a") as stream:
                worker = os.environ["PYTEST_XDIST_WORKER"]
                ids = [prompt.case_id for prompt in prompts]
                stream.write(json.dumps([worker, images, ids]) + "\\n")
            return super().answer(prompts)

        def image_tokens(self, prompt):
            return 16 * len(prompt.images)

    def pytest_vlm_make_model(config, catalog):
        return Logging(catalog)
"""


@pytest.fixture
def shared(pytester, monkeypatch):
    """Runs the checks of an expression on two workers; what each of them was asked while
    scoring."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)

    def run(expression):
        log = pytester.path / "asked.jsonl"
        pytester.makeconftest(LOGGING.format(log=str(log)))
        pytester.runpytest_subprocess(*ARGUMENTS, "-k", expression, "-n", "2")
        journals = [
            path.read_text().splitlines()
            for path in (pytester.path / "mimic-report" / "journal").glob("*.jsonl")
        ]
        planned = {tuple(batch) for lines in journals for batch in json.loads(lines[0])["plan"]}
        asked = [
            (worker, images, tuple(cases))
            for worker, images, cases in map(json.loads, log.read_text().splitlines())
        ]
        return planned, [entry for entry in asked if entry[2] in planned and len(entry[2]) > 1]

    return run


@pytest.mark.parametrize(
    "expression", ["test_unbalanced", "test_unbalanced or test_listing or test_distractors"]
)
def test_every_batch_is_answered_by_one_of_the_workers_and_they_share_by_images(
    shared, pytester, expression
):
    """One check or three on two workers: nobody idles while batches are left."""
    planned, asked = shared(expression)
    scored = Counter(cases for _, _, cases in asked)
    # the preflight of each worker asks probe_cases in batches of its own, which are no planned ones
    # but for a chance of nothing
    assert set(scored) == {batch for batch in planned if len(batch) > 1}
    assert set(scored.values()) == {1}
    images = Counter()
    for worker, count, _ in asked:
        images[worker] += count
    assert set(images) == {"gw0", "gw1"}
    assert min(images.values()) > 0.3 * sum(images.values())
    assert (pytester.path / "mimic-report" / "report.html").is_file()
    assert json.loads((pytester.path / "mimic-report" / "run.json").read_text())["finished"] is True


def test_shared_or_alone_the_results_are_the_same(shared, pytester):
    shared("test_unbalanced or test_listing")
    two = {
        path.name: path.read_bytes()
        for path in (pytester.path / "mimic-report" / "outcomes").iterdir()
    }
    pytester.makeconftest("")
    arguments = (
        *ARGUMENTS,
        "-k",
        "test_unbalanced or test_listing",
        "--vlm",
        "stub:loses-track",
        "--vlm-output",
        "alone",
    )
    pytester.runpytest_subprocess(*arguments, "-p", "no:xdist")
    assert two == {
        path.name: path.read_bytes() for path in (pytester.path / "alone" / "outcomes").iterdir()
    }


def test_worker_k_takes_visible_device_k(pytester, monkeypatch):
    """Two devices are faked where the built-in model asks for one; it then runs where it can."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    log = pytester.path / "devices"
    pytester.makeconftest(f"""
        import os, types
        from mimic_checks.models import loading
        choose = loading.choose_device
        backends = types.SimpleNamespace(mps=types.SimpleNamespace(is_available=lambda: False))
        cuda = types.SimpleNamespace(is_available=lambda: True, device_count=lambda: 2)

        def chosen(wish, torch):
            with open({str(log)!r}, "a") as stream:
                device = choose(wish, types.SimpleNamespace(cuda=cuda, backends=backends))
                stream.write(os.environ["PYTEST_XDIST_WORKER"] + " " + device + "\\n")
            return "cpu"

        loading.choose_device = chosen
    """)
    arguments = (*ARGUMENTS, "-k", "test_unbalanced or test_listing", "--vlm", "builtin")
    result = pytester.runpytest_subprocess(*arguments, "-n", "2")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["image_count.listing *", "spread.unbalanced *", "report: mimic-report/report.html"]
    )
    assert sorted(log.read_text().splitlines()) == ["gw0 cuda:0", "gw1 cuda:1"]


def test_a_run_that_was_refused_is_helped_by_nobody(pytester, monkeypatch):
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    result = pytester.runpytest_subprocess(
        *ARGUMENTS[:-2],
        "-k",
        "test_unbalanced",
        "--vlm",
        "stub:oracle",
        "--vlm-cases",
        "5",
        "-n",
        "2",
    )
    assert result.ret == 4
    assert not (pytester.path / "mimic-report").exists()
