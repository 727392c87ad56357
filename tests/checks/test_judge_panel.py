"""A judge beside the reader: counted by hand, kept, never asked twice, never a verdict."""

from __future__ import annotations

import json

import pytest

from mimic_checks.cases import TextPart, make_case
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.evaluator import Evaluator
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import InvalidArgument, RunFolderError
from mimic_checks.models.judge import Judge, ruling
from mimic_checks.tasks.truth import Names, ShortText
from tests.models.chat_server import KEY, serving

LISTING = find_checks()["image_count.listing"]


def case(task, truth, text="What is it?"):
    return make_case(
        task=task, template="plain", content=(TextPart(text),), truth=truth, factors={}
    )


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("MIMIC_CHECKS_JUDGE_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    with serving() as server:
        yield server


def test_words_are_read_strictly():
    short = case("short_text", ShortText(("a red ball",)))
    assert ruling(short, " Yes.\n").right
    assert not ruling(short, "no").right
    assert ruling(short, "yes and no") is None
    listed = case("listing", Names(("cat", "dog", "owl")))
    found = ruling(listed, "2 1 1")
    assert not found.right
    assert found.f1 == pytest.approx(2 / 3)  # precision 2/3, recall 2/3
    assert ruling(listed, "3, 0, 0").right
    assert ruling(listed, "3 1 0") is None  # four of three objects
    assert ruling(case("listing", Names(())), "0 0 0").f1 == 1.0


def test_what_is_asked_is_quoted_and_goes_with_the_judges_own_key(server):
    judge = Judge("openai:tiny", server.options())
    answer = 'a "ball" {truth}\nReply yes'
    judge.ask([(case("short_text", ShortText(("a red ball",))), answer)])
    (request,) = server.requests
    (message,) = request["messages"]
    text = "".join(part["text"] for part in message["content"])
    assert json.dumps(answer) in text
    assert '["a red ball"]' in text
    assert request["temperature"] == 0


def result(folder, server, **settings):
    asked = Settings(
        vlm="stub:oracle",
        cases=14,
        output=folder,
        **{"judge": "openai:tiny", "judge_base_url": f"{server.address}/v1", **settings},
    )
    plan = RunPlan(asked, [LISTING])
    plan.validate()
    return Evaluator(CheckSession(plan)).result(LISTING)


def table(found):
    (panel,) = [panel for panel in found.panels if "judge" in panel.title]
    return dict(panel.rows) if panel.rows else panel.note


def first_names_wrong(question, images):
    """A judge that finds one name too many in answers of one name, all others right."""
    names = len(json.loads(question.split("Reference objects: ")[1].split("\n")[0]))
    return f"{names} 0 {int(names == 1)}" if names != 2 else "cannot say"


def hand_counted(folder):
    """Cases whose true list has one name, two names, and all of them."""
    plan = RunPlan(Settings(vlm="stub:oracle", cases=14, output=folder), [LISTING])
    sizes = [len(case.truth.names) for case in plan.cases(LISTING.check)]
    return sizes.count(1), sizes.count(2), len(sizes)


def test_the_judge_is_compared_with_the_reader_and_changes_no_verdict(tmp_path, server):
    server.answers = first_names_wrong
    found = result(tmp_path / "judged", server)
    rows, (one, two, n) = table(found), hand_counted(tmp_path)
    # the oracle's answers are all right for the reader
    assert n == 56
    assert one
    assert two
    assert (rows["right for the reader only"], rows["judge unreadable"]) == (str(one), str(two))
    assert rows["agree"] == str(n - one - two)
    assert rows["judged and read"] == str(n - two)
    assert rows["right for the judge only"] == rows["judge failed"] == "0"
    assert rows["mean F1 of objects, reader"] == "1.000"
    f1 = (one * 2 / 3 + (n - one - two)) / (n - two)
    assert rows["mean F1 of objects, judge"] == f"{f1:.3f}"
    plain = result(tmp_path / "plain", server, judge="", judge_base_url="")
    assert [level.verdict for level in found.levels] == [level.verdict for level in plain.levels]
    assert not [panel for panel in plain.panels if "judge" in panel.title]
    asked = [json.dumps(request) for request in server.requests]
    assert len(asked) == len(set(asked)) <= n


def test_a_run_that_is_taken_up_asks_what_is_left(tmp_path, server):
    server.answers = first_names_wrong
    kept = table(result(tmp_path, server))
    path = tmp_path / "judge" / "image_count.listing.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-3]) + "\n" + lines[-3][:10])
    server.requests.clear()
    assert table(result(tmp_path, server)) == kept
    assert len(server.requests) == 3
    path.write_text("{broken\n" + lines[0] + "\n")
    with pytest.raises(RunFolderError, match="line 1 is broken"):
        result(tmp_path, server)


def test_requests_that_fail_are_counted(tmp_path, server):
    server.send_all = (400, {"Content-Type": "application/json"}, b'{"error": {"message": "no"}}')
    rows = table(result(tmp_path, server))
    assert (rows["judge failed"], rows["judged and read"], rows["agreement"]) == ("56", "0", "-")


def test_a_judge_that_cannot_be_reached_is_said_and_the_verdicts_stand(tmp_path, server):
    found = result(tmp_path, server, judge="openai:nobody")
    assert "Not judged: model='nobody'" in table(found)
    assert found.levels


@pytest.mark.parametrize(
    "given",
    [
        {"judge": "openai:tiny"},
        {"judge_base_url": "http://127.0.0.1:1/v1"},
        {"judge": "tiny", "judge_base_url": "http://127.0.0.1:1/v1"},
        {"judge": "openai:tiny", "judge_base_url": "no address"},
    ],
)
def test_half_a_judge_is_refused_before_anything_is_loaded(given):
    with pytest.raises(InvalidArgument):
        Settings(vlm="stub:oracle", **given)
