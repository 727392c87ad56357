"""Somebody's checks, task and backend in a run: verdicts, exit codes, reports, selection."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ElementTree

import pytest

from tests.extending.conftest import CHECKS, QUIET, TWO, WORKERS

NODES = {
    "test_layers",
    *(f"test_position[{level}]" for level in ("positionfirst", "positionmiddle", "positionlast")),
    "test_position[verdict]",
    *(f"test_twins[{level}]" for level in ("images2", "images4", "verdict")),
}


def results(folder):
    """Verdicts and rates by check and level, as they are stored."""
    read = [json.loads(path.read_text()) for path in sorted((folder / "results").iterdir())]
    return {
        result["check"]: (
            result["verdict"],
            [
                (level["level"]["value"], level["rate"], level["verdict"])
                for level in result["levels"]
            ],
        )
        for result in read
    }


def test_a_run_is_finished_although_a_check_was_skipped(runs):
    """Else the next run in its folder would go on with its answers."""
    assert json.loads((runs / "wise" / "run.json").read_text())["finished"]
    assert not (runs / "wise" / "run.lock").exists()


def test_an_able_model_passes_and_one_with_the_defect_fails(runs):
    assert results(runs / "wise") == {
        "somebody.position": (
            "pass",
            [("first", 1.0, "pass"), ("middle", 1.0, "pass"), ("last", 1.0, "pass")],
        ),
        "somebody.twins": ("pass", [(2, 1.0, "pass"), (4, 1.0, "pass")]),
    }
    assert results(runs / "lazy") == {
        "somebody.position": (
            "fail",
            [("first", 1.0, "pass"), ("middle", 0.0, "fail"), ("last", 0.0, "fail")],
        ),
        "somebody.twins": ("fail", [(2, 1.0, "pass"), (4, 0.0, "fail")]),
    }


def test_workers_change_nothing(run, tmp_path, runs):
    assert run(*CHECKS, "--vlm", "parrot:lazy", *TWO).ret == 1
    assert results(tmp_path / "mimic-report") == results(runs / "lazy")


def test_a_constant_answer_has_no_pair_right(run):
    """Alone, "yes" is right in half of the cases; the group takes that away."""
    result = run(*CHECKS, "-k", "twins", "--vlm", "parrot:agreeable")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["somebody.twins*fail*images 2: 0.00*4: 0.00"])


def test_errors_are_inconclusive_and_exit_6(run):
    result = run(*CHECKS, "-k", "position", "--vlm", "parrot:hoarse")
    assert result.ret == 6
    result.stdout.fnmatch_lines(
        ["inconclusive: somebody.position: position=first: * of 40 cases raised an error (*"]
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "add --vlm <hub id | folder | builtin>"),
        (("--vlm", "parrot:wize"), "vlm parrot='wize' is not allowed"),
        (("--vlm", "parrot:wize", *TWO), "vlm parrot='wize' is not allowed"),
        (("--vlm", "parot:wise"), "did you mean 'parrot'"),
    ],
)
def test_usage_errors_exit_4_before_any_model(run, tmp_path, arguments, says):
    result = run(*CHECKS, *arguments)
    assert result.ret == 4
    assert says in result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str()
    assert not (tmp_path / "mimic-report").exists()


def test_what_looks_inside_is_skipped_with_the_reason_that_the_backend_gives(run):
    result = run(*CHECKS, "-k", "layers", "-rs", "--vlm", "parrot:wise")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["SKIPPED*cannot look inside the model: a parrot is not to be opened; checks that only*"]
    )


@pytest.mark.slow
def test_what_looks_inside_runs_on_a_model_that_can_be_looked_into(run):
    pytest.importorskip("transformers")
    result = run(*CHECKS, "-k", "layers", "--vlm", "builtin")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["somebody.layers*pass*"])


def test_the_page_shows_check_levels_and_members(runs):
    page = (runs / "lazy" / "report.html").read_text()
    for text in (
        "Looking at the image that is asked about",
        "An image in the middle or at the end is seen as well as the first.",
        "https://somebody.example/position",
        "position=middle",
        "not there",
        "in image 5?",
    ):
        assert text in page
    assert "somebody.twins" in (runs / "lazy" / "summary.md").read_text()


def test_the_report_format_writes_its_file(runs):
    with (runs / "lazy" / "verdicts.csv").open() as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["check", "level", "cases", "rate", "verdict"]
    assert ["somebody.position", "position=middle", "40", "0.000", "fail"] in rows
    assert ["somebody.twins", "images=2", "40", "1.000", "pass"] in rows
    assert rows[-1] == ["somebody.twins", "", "", "", "fail"]


def test_junit_has_a_testcase_per_level(runs):
    cases = list(ElementTree.parse(runs / "lazy.xml").getroot().iter("testcase"))
    assert {case.get("name") for case in cases} == NODES
    (middle,) = [case for case in cases if "middle" in str(case.get("name"))]
    properties = [(p.get("name"), p.get("value")) for p in middle.iter("property")]
    assert len(properties) == len(dict(properties))
    assert dict(properties)["vlm_check"] == "somebody.position"
    assert dict(properties)["vlm_level"] == "position=middle"
    assert dict(properties)["vlm_rate"] == "0.0000"
    assert dict(properties)["vlm_verdict"] == "fail"
    assert middle.find("failure") is not None


@WORKERS
def test_one_level_asks_its_reference_and_judges_no_check(run, tmp_path, workers):
    result = run(*CHECKS, "-k", "positionmiddle", "--vlm", "parrot:lazy", *workers)
    assert result.ret == 1
    stored = results(tmp_path / "mimic-report")
    assert stored == {
        "somebody.position": ("inconclusive", [("first", 1.0, "pass"), ("middle", 0.0, "fail")])
    }
    result.stdout.fnmatch_lines(["somebody.position*not judged*first: 1.00*middle: 0.00"])
    kept = (tmp_path / "mimic-report" / "results" / "somebody.position.json").read_text()
    assert "check not judged" in json.loads(kept)["reason"]


def test_an_option_of_the_suite_reaches_their_strategies(run, tmp_path):
    result = run(
        *CHECKS, "-k", "position", "--vlm", "parrot:wise", "--vlm-template", "mimic", "-n", "0"
    )
    assert result.ret == 0
    record = (tmp_path / "mimic-report" / "outcomes" / "somebody.position.jsonl").read_text()
    assert "Question: Is there a" in record


def test_a_profile_that_a_check_has_levels_for(run):
    result = run(*CHECKS, "-k", "twins", "--vlm", "parrot:wise", "--vlm-profile", "mimic")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["somebody.twins*2: 1.00*4: 1.00*8: 1.00*16: 1.00*"])


def test_a_server_like_backend_gets_one_worker(run, tmp_path):
    """`-n auto`: the parrot says that it is not local."""
    result = run(*CHECKS, "-k", "twins", "--vlm", "parrot:wise", "-n", "auto")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["1 worker*"])


def test_a_catalog_format_of_ones_own(run, tmp_path, photos_of_shapes):
    result = run(
        "--pyargs",
        "somebodys_checks",
        *QUIET,
        "--vlm-cases",
        "40",
        "--vlm",
        "parrot:wise",
        "--vlm-catalog",
        f"tiny:{photos_of_shapes}?most=3",
    )
    assert result.ret == 0
    described = json.loads((tmp_path / "mimic-report" / "run.json").read_text())
    assert described["description"]["catalog"] == f"tiny:{photos_of_shapes}?most=3"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("tiny", "allowed: 'tiny:<folder>'"),
        ("tiny:nowhere", "catalog='nowhere' holds no tiny catalog"),
        ("tiny:nowhere?mots=3", "did you mean 'most'"),
        ("tiny:nowhere?most=few", "vlm-catalog option most='few' is not allowed"),
        ("tinny:nowhere", "did you mean 'tiny'"),
    ],
)
def test_a_wrong_catalog_of_ones_own_exits_4(run, spec, says):
    arguments = ("--pyargs", "somebodys_checks", *QUIET, "--vlm", "parrot:wise")
    result = run(*arguments, "--vlm-catalog", spec)
    assert result.ret == 4
    assert says in result.stderr.str()


@pytest.fixture
def photos_of_shapes(tmp_path_factory, scenes):
    """A tiny catalog of rendered scenes."""
    folder = tmp_path_factory.mktemp("tiny")
    shown = {}
    for row in range(60):
        name = f"{row:03d}.png"
        scenes.source.load(row)[0].save(folder / name)
        present = [c for c in range(len(scenes.class_names)) if scenes.counts[row, c]]
        shown[name] = {scenes.class_names[c]: int(scenes.counts[row, c]) for c in present}
    classes = dict(zip(scenes.class_names, scenes.supercategories, strict=True))
    (folder / "tiny.json").write_text(json.dumps({"classes": classes, "images": shown}))
    return folder


def test_the_family_row_is_found(python, somebody, tmp_path):
    """By its model type, as a model that is loaded finds it."""
    (tmp_path / "script.py").write_text(
        "from types import SimpleNamespace\n"
        "from mimic_checks.attention.families import family_of\n"
        "from somebodys_checks.family import PARROT_VL\n"
        "assert family_of(SimpleNamespace(model_type='parrot_vl')) is PARROT_VL\n"
    )
    assert python("script", (), folder=tmp_path, path=[somebody]).ret == 0


def test_a_catalog_too_small_names_their_check_and_what_it_lacks(run):
    result = run(
        *("--pyargs", "somebodys_checks", *QUIET, "-k", "twins", "--vlm", "parrot:wise"),
        *("--vlm-catalog", "rendered?scenes=3&families=0"),
    )
    assert result.ret == 4
    says = "check 'somebody.twins': twins of 4 images on catalog='rendered?seed=0&size_px=64&"
    assert says in result.stderr.str()
    assert "or leave the check out with -k 'not test_twins'" in result.stderr.str()


@pytest.fixture
def quiz(tmp_path, scenes):
    """A quiz about rendered scenes: which class is shown, how many objects there are."""
    folder = tmp_path / "quiz"
    folder.mkdir()
    rows = [["id", "topic", "question", "pictures", "options", "answer"]]
    for row in range(80):
        name = f"{row:03d}.png"
        scenes.source.load(row)[0].save(folder / name)
        shown = [scenes.class_names[c] for c in range(16) if scenes.counts[row, c]]
        absent = [scenes.class_names[c] for c in range(16) if not scenes.counts[row, c]]
        options = [shown[0], *absent[:3]]
        options = options[row % 4 :] + options[: row % 4]
        rows.append([f"q{row}", "which", "Which is shown?", name, "|".join(options), shown[0]])
    rows.append(["broken", "which", "Which?", name, "cat|dog", "bird"])
    with (folder / "quiz.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def test_a_suite_format_of_ones_own(run, tmp_path, quiz):
    suite = ("--pyargs", "mimic_checks.checks.test_suites", *QUIET)
    result = run(*suite, "--vlm", "parrot:wise", "--vlm-suite", f"quiz:{quiz}")
    assert result.ret in (1, 6), result.stdout.str()  # a parrot knows no quiz
    result.stdout.fnmatch_lines(["suites.quiz: 1 questions have no answer*broken: its answer*"])
    found = json.loads((tmp_path / "mimic-report" / "results" / "suites.quiz.json").read_text())
    assert [(level["level"]["value"], level["n"]) for level in found["levels"]] == [("which", 80)]
    wrong = run(*suite, "--vlm", "parrot:wise", "--vlm-suite", f"quizz:{quiz}")
    assert wrong.ret == 4
    assert "did you mean 'quiz'" in wrong.stderr.str()
