"""A suite asked in a run: nodes, verdicts, what is not asked, resume, gate, exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.suites import toy

pytest_plugins = ["pytester"]

SCORES = """
import sys
sys.path.insert(0, "{root}")
from mimic_checks.suites import SUITES
from tests.suites import toy
SUITES.add("toy", toy.TOY)
from mimic_checks.cli import main
sys.exit(main(sys.argv[1:]))
"""
CONFTEST = """
import sys
sys.path.insert(0, {root!r})
from mimic_checks.suites import SUITES
from tests.suites import toy
SUITES.add("toy", toy.TOY)

class Model:
    wrong = ()

    def __init__(self, catalog):
        self.manifest = catalog.manifest

    def identity(self):
        return {{"name": type(self).__name__}}

    def answer(self, prompts):
        return [self.say(prompt) for prompt in prompts]

    def say(self, prompt):
        colours = [self.colour(image) for image in prompt.images]
        words = prompt.question.replace("?", " ").split()
        asked = next(word for word in words if word in toy.COLOURS)
        if "Which picture" in prompt.question:
            return f"({{'ABC'[colours.index(asked)]}})"
        return "Yes." if colours[0] == asked else "No."

    def colour(self, image):
        pixel = image.open().getpixel((20, 20))
        return next(name for name, value in toy.COLOURS.items() if value == pixel)

class AlwaysA(Model):
    def say(self, prompt):
        return "A" if "Which picture" in prompt.question else "Yes"

def pytest_vlm_make_model(config, catalog):
    return {{"sees": Model, "always_a": AlwaysA}}[config.getoption("vlm")](catalog)
"""


@pytest.fixture
def run(pytester, request):
    pytester.makeconftest(CONFTEST.format(root=str(request.config.rootpath)))
    folder = toy.write(pytester.path / "toy", items=200)

    def start(vlm, *arguments, suite=f"toy:{folder}", output="out"):
        return pytester.runpytest_subprocess(
            "--pyargs",
            "mimic_checks.checks.test_suites",
            "-p",
            "no:cacheprovider",
            f"--vlm={vlm}",
            f"--vlm-output={output}",
            *([f"--vlm-suite={suite}"] if suite else []),
            *arguments,
        )

    start.folder = folder
    return start


def result_of(pytester, output="out", check="suites.toy"):
    return json.loads((pytester.path / output / "results" / f"{check}.json").read_text())


@pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["without", "n0", "n2"])
def test_one_that_sees_passes_and_one_that_does_not_look_passes_nothing(run, pytester, workers):
    seen = run("sees", "-v", *workers)
    assert seen.ret == 0, seen.stdout.str()
    for node in ("toy-categoryis_there", "toy-categorywhich_one", "toy-verdict"):
        seen.stdout.fnmatch_lines([f"*test_suites?{node}?*"])
    levels = {level["level"]["value"]: level for level in result_of(pytester)["levels"]}
    assert {name: (level["n"], level["right"]) for name, level in levels.items()} == {
        "is there": (100, 100),
        "which one": (100, 100),
    }
    blind = run("always_a", *workers, output="blind")
    assert blind.ret == 6, blind.stdout.str()
    assert "not proven better than the blind answer" in result_of(pytester, "blind")["reason"]


def test_without_a_suite_there_is_no_test_of_it(run):
    nothing = run("sees", suite="")
    assert nothing.ret == 5
    assert "no tests ran" in nothing.stdout.str()


def test_a_category_is_selected_by_name_and_asked_alone(run, pytester):
    one = run("sees", "-k", "which_one")
    one.assert_outcomes(passed=1, deselected=2)
    records = (pytester.path / "out" / "outcomes" / "suites.toy.jsonl").read_text()
    assert {json.loads(line)["level"]["value"] for line in records.splitlines()} == {"which one"}


def test_too_few_to_prove_anything_are_counted_by_category(run):
    few = run("sees", suite=f"toy:{run.folder}?items=2")
    assert few.ret == 4
    few.stderr.fnmatch_lines(["*is right in * of 2 cases, proves as much as a perfect model*"])


def test_two_suites_of_one_format_need_names(run):
    both = run("sees", f"--vlm-suite=toy:{run.folder}?items=30")
    assert both.ret == 4
    both.stderr.fnmatch_lines(["*allowed: one suite that is called 'suites.toy'; name the other*"])
    named = run("sees", f"--vlm-suite=toy:{run.folder}?items=30&name=some", "-k", "some")
    named.assert_outcomes(passed=3, deselected=3)


def test_what_cannot_be_read_is_refused_before_a_model(run):
    absent = run("sees", suite="toy:nowhere")
    assert absent.ret == 4, absent.stdout.str() + absent.stderr.str()
    unknown = run("sees", suite="tyo:nowhere")
    assert unknown.ret == 4
    assert "did you mean 'toy'" in unknown.stdout.str() + unknown.stderr.str()


def test_items_without_an_answer_are_named_in_result_and_report(run, pytester):
    run("sees").stdout.fnmatch_lines(["suites.toy: 2 questions have no answer*bad gold: its*"])
    assert any("bad gold" in line for line in result_of(pytester)["refused"])
    page = (pytester.path / "out" / "report.html").read_text()
    assert "2 questions have no answer and were not asked" in page
    assert "bad gold: its gold" in page


def test_a_release_is_gated_on_another_item_by_item(run):
    recorded = run("sees", "--vlm-baseline=base", "--snapshot-update")
    assert recorded.ret == 0, recorded.stdout.str() + recorded.stderr.str()
    same = run("sees", "--vlm-baseline=base", output="same")
    assert same.ret == 0, same.stdout.str()
    worse = run("always_a", "--vlm-baseline=base", output="worse")
    assert worse.ret == 1, worse.stdout.str()
    worse.stdout.fnmatch_lines(["*regressed by more than*"])


def test_other_data_are_another_run(run, pytester):
    assert run("sees").ret == 0
    rows = json.loads((run.folder / "items.json").read_text())
    rows[0]["asked"] = next(name for name in toy.COLOURS if name != rows[0]["asked"])
    (run.folder / "items.json").write_text(json.dumps(rows))
    assert run("sees").ret == 0
    described = json.loads((pytester.path / "out" / "run.json").read_text())["description"]
    assert described["checks"]["suites.toy"]["key"] == "the only one"
    assert len(described["checks"]["suites.toy"]["data"]) == 64


def scores(pytester, *folders):
    code = SCORES.format(root=Path(toy.__file__).parents[2])
    return pytester.run(sys.executable, "-c", code, "scores", *folders)


def test_scores_of_a_run_say_what_each_harness_would_have(run, pytester):
    run("sees")
    printed = scores(pytester, "out")
    assert printed.ret == 0, printed.stderr.str()
    printed.stdout.fnmatch_lines(
        [
            "suites.toy: A toy suite, 200 items, wording 'official', key 'the only one', data *",
            "strict *100.0 % *micro*",
            "strict *100.0 % *mean of categories*",
            "official *100.0 % *",
            "lmms-eval *- *it has no such task*",
        ]
    )


def test_two_runs_are_compared_where_one_thing_differs(run, pytester):
    run("sees", "-k", "toy")
    run("always_a", output="other")
    changed = scores(pytester, "out", "other")
    changed.stdout.fnmatch_lines(["suites.toy: the model changes the strict score by -*lost)"])
    same = scores(pytester, "out", "out")
    same.stdout.fnmatch_lines(["suites.toy: not separated: what differs: nothing"])


def test_scores_refuse_what_is_not_what_was_asked(run, pytester):
    run("sees")
    rows = json.loads((run.folder / "items.json").read_text())
    rows[0]["asked"] = next(name for name in toy.COLOURS if name != rows[0]["asked"])
    (run.folder / "items.json").write_text(json.dumps(rows))
    refused = scores(pytester, "out")
    assert refused.ret == 4
    assert "holds other questions, answers or pictures than when they were asked" in (
        refused.stderr.str()
    )
    assert scores(pytester, "nowhere").ret == 4


def test_pairs_and_rotations_count_as_in_the_verdicts(run, pytester):
    """q0 and q2 are a pair: 199 things to be right, and a model that says yes is right on no pair
    whose members differ. Rotated, each choice counts once, right in all its rotations."""
    file = run.folder / "items.json"
    grouped = [
        row | ({"group": "pair"} if row["id"] in ("q0", "q2") else {})
        for row in json.loads(file.read_text())
    ]
    file.write_text(json.dumps(grouped))
    run("always_a", suite=f"toy:{run.folder}?groups=true", output="pairs")
    run("sees", suite=f"toy:{run.folder}?groups=true", output="other")
    run("always_a", "--vlm-rotate-options", output="rotated")
    rows = [r for r in json.loads((run.folder / "items.json").read_text()) if r.get("shown")]
    yes = {r["id"]: r["shown"][0] == r["asked"] for r in rows if r["category"] == "is there"}
    first = [r["shown"][0] == r["asked"] for r in rows if r["category"] == "which one"]
    alone = sum(yes.values()) - yes["q0"] - yes["q2"] + sum(first)
    whole = alone + (yes["q0"] and yes["q2"])
    pairs = scores(pytester, "pairs", "other")
    pairs.stdout.fnmatch_lines([f"strict *{100 * whole / 199:.1f} % *groups*"])
    pairs.stdout.fnmatch_lines(
        [f"suites.toy: the model changes *({199 - whole} of 199 groups gained, 0 lost)"]
    )
    rotated = scores(pytester, "rotated", "pairs")
    share = sum(yes.values()) / 200
    rotated.stdout.fnmatch_lines([f"strict *{100 * share:.1f} % *items in every rotation*"])
    rotated.stdout.fnmatch_lines(["suites.toy: not separated: what differs: groups or rotations"])


def test_a_suite_without_answers_is_named_and_the_others_are_scored(run, pytester):
    run("sees", f"--vlm-suite=toy:{run.folder}?items=30&name=some", output="out")
    (pytester.path / "out" / "outcomes" / "suites.some.jsonl").unlink()
    printed = scores(pytester, "out")
    assert printed.ret == 0
    printed.stdout.fnmatch_lines(["suites.toy: A toy suite, *", "suites.some: no answers in *"])
    (pytester.path / "out" / "outcomes" / "suites.toy.jsonl").unlink()
    nothing = scores(pytester, "out")
    assert nothing.ret == 4
    assert "has no answers of suites.toy, suites.some" in nothing.stderr.str()


def test_a_folder_that_is_not_there_any_more_is_named_with_its_run(run, pytester):
    run("sees")
    run.folder.rename(pytester.path / "elsewhere")
    refused = scores(pytester, "out")
    assert refused.ret == 4
    refused.stderr.fnmatch_lines(["*run='out': its suite 'toy:*' cannot be opened:*"])
