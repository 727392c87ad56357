"""The plugin's manners: options, exit codes, xdist, JUnit, fixtures, cost."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

ARGUMENTS = ("--pyargs", "mimic_checks.checks", "-p", "no:cacheprovider", "--vlm-cases", "40")
ONE = (*ARGUMENTS, "-k", "test_unbalanced")
WITH_AND_WITHOUT_XDIST = pytest.mark.parametrize(
    "workers", [("-p", "no:xdist"), ("-n", "0"), ("-n", "2")], ids=["without", "n0", "n2"]
)


def run(pytester, *arguments):
    return pytester.runpytest_subprocess(*arguments)


@WITH_AND_WITHOUT_XDIST
def test_a_passing_model_exits_0_with_table_and_report(pytester, workers):
    result = run(
        pytester,
        *ARGUMENTS,
        "-k",
        "test_unbalanced or test_listing or test_batch",
        "--vlm",
        "stub:oracle",
        *workers,
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "check * verdict *rate per level",
            "*",
            "spread.unbalanced *pass *1.00*",
            "report: mimic-report/report.html",
        ]
    )
    assert (pytester.path / "mimic-report" / "report.html").is_file()
    assert sorted(path.stem for path in (pytester.path / "mimic-report" / "results").iterdir()) == [
        "image_count.listing",
        "preconditions.batch",
        "spread.unbalanced",
    ]


@WITH_AND_WITHOUT_XDIST
def test_a_failing_model_exits_1_and_says_why(pytester, workers):
    result = run(pytester, *ONE, "--vlm", "stub:first-image-only", *workers)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "spread.unbalanced: fail: spread=2: accuracy is at most * % of the reference level's*",
            "spread=1 (reference) * 40/40 * pass *",
            "e.g. case * at spread=2, 2 images: 'How many *",
            "What it means and what to do: mimic-checks describe spread.unbalanced",
        ]
    )


@WITH_AND_WITHOUT_XDIST
def test_inconclusive_is_a_skip_of_its_own_and_exits_6(pytester, workers):
    result = run(pytester, *ONE, "--vlm", "stub:fragile", *workers)
    assert result.ret == 6
    result.stdout.fnmatch_lines(["*4 inconclusive*"])
    result.stdout.fnmatch_lines(
        [
            "inconclusive: spread.unbalanced: spread=2: * of 40 cases raised an error"
            " (error_ceiling=0.02): AnswerError: planted failure"
        ]
    )
    assert " failed" not in result.stdout.str()


@WITH_AND_WITHOUT_XDIST
def test_nothing_is_scored_of_a_model_whose_harness_is_wrong(pytester, workers):
    """Without the preconditions selected as well: they are tried all the same."""
    result = run(pytester, *ONE, "--vlm", "stub:swapped-blocks", *workers)
    assert result.ret == 6
    result.stdout.fnmatch_lines(
        [
            "inconclusive: spread.unbalanced: not scored, for the harness itself failed:"
            " image_blocks: case *: block 1 holds the features of image 2"
        ]
    )
    assert list((pytester.path / "mimic-report" / "journal").glob("spread*")) == []
    with_them = run(
        pytester,
        *ARGUMENTS,
        "-k",
        "test_image_blocks or test_unbalanced",
        "--vlm",
        "stub:swapped-blocks",
        *workers,
    )
    assert with_them.ret == 1


def test_a_failure_wins_over_inconclusive(pytester):
    result = run(
        pytester, *ARGUMENTS, "-k", "test_unbalanced or test_batch", "--vlm", "stub:raising"
    )
    assert result.ret == 1


@WITH_AND_WITHOUT_XDIST
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "add --vlm <hub id | folder | builtin>"),
        (("--vlm", "stub:orcale"), "did you mean 'oracle'"),
        (("--vlm", "stub:oracle", "--vlm-catalog", "coco:/nowhere"), "is not a directory"),
        (("--vlm", "stub:oracle", "--vlm-cases", "5"), "use at least --vlm-cases 14"),
        (
            ("--vlm", "builtin", "--vlm-dtype", "fp8"),
            "vlm-dtype='fp8' is not allowed; allowed: 'auto', 'float32', 'bfloat16', 'float16'",
        ),
        (
            ("--vlm", "stub:oracle", "--vlm-profile", "huge"),
            "vlm-profile='huge' is not allowed; allowed: 'standard', 'mimic'",
        ),
        (
            ("--vlm", "stub:oracle", "--vlm-catalog", "rendered?scenes=3&families=0"),
            "-k 'not test_",
        ),
    ],
)
def test_usage_errors_exit_4_before_any_model(pytester, arguments, message, workers):
    result = run(pytester, *ONE, *arguments, *workers)
    assert result.ret == 4
    assert message in result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str()
    assert not (pytester.path / "mimic-report").exists()


def test_flag_beats_ini_beats_default(pytester):
    pytester.makeini(
        "[pytest]\nvlm = stub:blind\nvlm_cases = 33\nvlm_seed = 5\nvlm_output = here\n"
    )
    assert (
        run(
            pytester,
            "--pyargs",
            "mimic_checks.checks",
            "-k",
            "test_unbalanced",
            "--vlm",
            "stub:oracle",
            "--vlm-seed",
            "6",
        ).ret
        == 0
    )
    described = json.loads((pytester.path / "here" / "run.json").read_text())["description"]
    assert (described["vlm"], described["cases"], described["seed"], described["profile"]) == (
        "stub:oracle",
        33,
        6,
        "standard",
    )
    pytester.makeini("[pytest]\nvlm = stub:oracle\nvlm_cases = many\n")
    result = run(pytester, "--pyargs", "mimic_checks.checks")
    assert result.ret == 4
    assert "vlm_cases='many' is not a int" in result.stderr.str()


def test_collect_only_needs_no_model_and_loads_none(pytester):
    result = run(pytester, *ARGUMENTS[:4], "--collect-only", "-q", "--vlm", "/no/such/model")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*test_preconditions.py::test_image_blocks",
            "*test_spread.py::test_balanced[[]spread1]",
            "*test_spread.py::test_balanced[[]verdict]",
            "78 tests collected*",
        ]
    )


def test_junit_has_a_testcase_per_level_with_its_numbers(pytester):
    run(pytester, *ONE, "--vlm", "stub:first-image-only", "--junitxml", "junit.xml")
    found = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in ElementTree.parse(pytester.path / "junit.xml").getroot().iter("testcase")
    }
    assert list(found) == [
        f"test_unbalanced[{name}]"
        for name in ("spread1", "spread2", "spread3", "spread4", "verdict")
    ]
    second = found["test_unbalanced[spread2]"]
    assert second["vlm_check"] == "spread.unbalanced"
    assert second["vlm_level"] == "spread=2"
    assert second["vlm_verdict"] == "fail"
    assert float(second["vlm_rate"]) == 0.0
    low, high = map(float, second["vlm_interval"].split())
    assert low == 0 < high < 0.2
    assert found["test_unbalanced[spread1]"]["vlm_verdict"] == "pass"
    verdict = found["test_unbalanced[verdict]"]
    assert (verdict["vlm_check"], verdict["vlm_verdict"]) == ("spread.unbalanced", "fail")
    assert "vlm_level" not in verdict


def test_a_users_own_model_and_tests(pytester):
    """The hook for a model made in code, and the fixtures `ask`, `vlm`, `vlm_catalog` in a test of
    one's own."""
    pytester.makeconftest("""
        class Own:
            def answer(self, prompts):
                return [f"{len(p.images)} images, {p.images[0].open().size[0]} px" for p in prompts]
            def identity(self):
                return {"name": "own"}
        def pytest_vlm_make_model(config):
            return Own()
    """)
    pytester.makepyfile("""
        from PIL import Image
        def test_own(ask, vlm, vlm_catalog):
            images = [Image.new("L", (8, 8)), Image.new("RGB", (9, 9))]
            assert ask(images, "What?") == "2 images, 8 px"
            assert vlm.identity() == {"name": "own"}
            assert len(vlm_catalog.class_names) == 16
    """)
    assert run(pytester).ret == 0
    result = run(pytester, *ONE)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["spread.unbalanced: fail: spread=1: 40 of 40 answers are unparseable *: other"]
    )


def test_the_shipped_checks_run_from_another_projects_root(pytester):
    """With an unrelated conftest and addopts of its own."""
    pytester.makeini("[pytest]\naddopts = -q\ntestpaths = tests\n")
    pytester.makepyfile(test_mine="def test_mine(): pass")
    assert run(pytester, *ONE, "--vlm", "stub:oracle", "--strict-markers").ret == 0


def test_an_unfinished_run_is_taken_up_and_a_foreign_folder_left_alone(pytester):
    assert run(pytester, *ONE, "--vlm", "stub:oracle").ret == 0
    (pytester.path / "other").mkdir()
    (pytester.path / "other" / "thesis.txt").write_text("dear")
    result = run(pytester, *ONE, "--vlm", "stub:oracle", "--vlm-output", "other")
    assert result.ret == 4
    assert "holds other files and no run" in result.stderr.str()
    assert (pytester.path / "other" / "thesis.txt").read_text() == "dear"


def test_thresholds_of_ones_own_change_the_verdict(pytester):
    own = '[checks."spread.unbalanced"]\nunparseable_ceiling = 0.99\n'
    pytester.makefile(".toml", own=own)
    assert run(pytester, *ONE, "--vlm", "stub:unparseable").ret == 1
    lenient = run(pytester, *ONE, "--vlm", "stub:unparseable", "--vlm-thresholds", "own.toml")
    assert lenient.ret == 6
    pytester.makefile(".toml", typo='[checks."spread.unbalancd"]\nretention = 0.01\n')
    result = run(pytester, *ONE, "--vlm", "stub:oracle", "--vlm-thresholds", "typo.toml")
    assert result.ret == 4
    assert "did you mean 'spread.unbalanced'" in result.stderr.str()


def test_unreadable_images_are_named_in_the_summary(pytester, photos):
    import shutil

    folder = pytester.path / "photos"
    shutil.copytree(photos, folder)
    for path in sorted((folder / "images").iterdir())[:6]:
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:2000])
    result = run(
        pytester,
        *ARGUMENTS,
        "-k",
        "test_listing",
        "--vlm",
        "stub:oracle",
        "--vlm-catalog",
        f"coco:{folder}",
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(["unreadable image left out: 0*.jpg: *"])


def test_the_unused_plugin_loads_pytest_and_the_standard_library_only():
    """What importing the plugin adds, measured against pytest alone, in fresh interpreters."""
    code = (
        "import pytest, sys; before = set(sys.modules); import mimic_checks.plugin;"
        " print(*sorted(set(sys.modules) - before))"
    )
    added = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    outside = (
        {name.partition(".")[0] for name in added} - set(sys.stdlib_module_names) - {"mimic_checks"}
    )
    assert outside == set()


def test_collecting_the_checks_imports_nothing_heavy():
    """In a fresh interpreter, without the plugins of others that import numpy themselves."""
    code = """
import pytest, sys
class Nodes:
    def pytest_collection_finish(self, session):
        heavy = "torch transformers numpy scipy PIL pydantic pycocotools".split()
        print("nodes", len(session.items), [name for name in heavy if name in sys.modules])
quiet = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:syrupy"]
pytest.main(["--pyargs", "mimic_checks.checks", "--collect-only", "-q", *quiet], plugins=[Nodes()])
"""
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "nodes 78 []" in printed


def test_results_survive_a_killed_worker(pytester):
    """The model takes its whole process down in one check; what the other checks found is reported
    all the same."""
    pytester.makeconftest("""
        import os
        from mimic_checks.models.stubs import Oracle
        from mimic_checks.catalog import load_catalog
        class Deadly(Oracle):
            def answer(self, prompts):
                if any("How many" in prompt.question for prompt in prompts):
                    os._exit(9)
                return super().answer(prompts)
        def pytest_vlm_make_model(config, catalog):
            return Deadly(catalog)
    """)
    result = run(
        pytester,
        *ARGUMENTS,
        "-k",
        "test_common or test_odd_one or test_unbalanced",
        "-n",
        "2",
        "--max-worker-restart",
        "1",
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "image_count.common *pass*",
            "image_count.odd_one *pass*",
            "no result: spread.unbalanced: a process died while it evaluated this check",
            "what was answered is kept: run the same command again to go on from there",
            "report: mimic-report/report.html",
        ]
    )
    assert (
        json.loads((pytester.path / "mimic-report" / "run.json").read_text())["finished"] is False
    ), "the run can be taken up again"


def test_progress_is_redrawn_on_a_terminal_and_not_in_ci(pytester):
    """Under a pseudo-terminal; with CI set, the same command shows whole lines, if any
    (tests/test_progress.py)."""
    import os
    import pty

    def said(environment):
        master, slave = pty.openpty()
        command = [sys.executable, "-m", "pytest", *ONE, "--vlm", "stub:slow", "--vlm-batch", "4"]
        process = subprocess.Popen(
            command,
            stdout=slave,
            stderr=slave,
            stdin=subprocess.DEVNULL,
            env=environment,
            cwd=pytester.path,
        )
        os.close(slave)
        output = b""
        try:
            while chunk := os.read(master, 65536):
                output += chunk
        except OSError:  # the terminal closes when the process ends
            pass
        process.wait()
        return output.decode()

    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    assert re.search(
        r"\rspread.unbalanced: \d+/160 cases, [\d.]+ a second, \d+ s left", said(environment)
    )
    assert not re.search(r"\r[^\r\n]*cases, ", said({**environment, "CI": "true"}))


def test_the_fixture_for_edited_models(pytester):
    """Rules and pooling in a user's own test; the model itself stays as it is."""
    pytester.makepyfile("""
        from mimic_checks.attention import ImageLocal, Knockout
        from mimic_checks.models import PromptImage, prompt_for
        from PIL import Image
        import pytest

        def test_edits(vlm, vlm_intervened, vlm_catalog):
            manifest, load = vlm_catalog.manifest, vlm_catalog.source.load
            images = [PromptImage(manifest.id(k), lambda k=k: load(k)[0]) for k in range(3)]
            prompt = prompt_for(images, "How many cats are there in these images?")
            before = vlm.logits([prompt])
            masked = vlm_intervened(ImageLocal(), layers="deep")
            assert masked.answer([prompt])
            assert masked.identity()["intervention"] == ["image_local in layers 0.5-1.0"]
            assert not (vlm.logits([prompt], masked.intervention) == before).all()
            assert (vlm.logits([prompt]) == before).all()
            assert vlm_intervened(pooling=4).image_tokens(prompt) == 48

        def test_windows(vlm_intervened):
            outside = "layers='4-9' is outside the model; allowed: layers 0 to 5"
            with pytest.raises(Exception, match=outside):
                vlm_intervened(ImageLocal(), layers="4-9")
    """)
    result = pytester.runpytest_subprocess(
        "--vlm", "builtin", "--vlm-catalog", "rendered?scenes=60&families=0"
    )
    result.assert_outcomes(passed=2)
    closed = pytester.runpytest_subprocess(
        "--vlm",
        "stub:oracle",
        "--vlm-catalog",
        "rendered?scenes=60&families=0",
        "-k",
        "windows",
        "-rs",
    )
    closed.assert_outcomes(skipped=1, deselected=1)


NAMED_IN_GERMAN = '''
from mimic_checks.cases import common_sweep
from mimic_checks.checks.check import Sweep, check

SIZES = Sweep(
    check_id="size", title="t", factor="größe", moves="m", levels=("klein", "日本"),
    cases=common_sweep,
)

@check(SIZES)
def test_size(vlm_check):
    """Sizes."""
'''


@pytest.mark.parametrize(("words", "chosen"), [("größe", 2), ("größe日本", 1)])
def test_a_level_is_selected_by_its_name_in_any_script(pytester, words, chosen):
    """pytest escapes such letters in a node id."""
    pytester.makepyfile(NAMED_IN_GERMAN)
    result = run(pytester, "--collect-only", "-q", "-k", words)
    result.stdout.fnmatch_lines([f"{chosen}/3 tests collected*"])


def test_a_model_that_skips_is_inconclusive_and_a_run_that_judged_nothing_does_not_pass(pytester):
    pytester.makeconftest("""
        import pytest

        class Skips:
            def answer(self, prompts):
                pytest.skip("not today")

            def identity(self):
                return {"name": "skips"}

        def pytest_vlm_make_model(config):
            return Skips()
    """)
    result = run(pytester, *ONE)
    assert result.ret == 6
    result.stdout.fnmatch_lines(["*the model raised Skipped: not today*"])
    pytester.makeconftest("""
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                item.add_marker(pytest.mark.skip(reason="all of them"))
    """)
    nothing = run(pytester, *ONE, "--vlm", "stub:oracle")
    assert nothing.ret == 6
