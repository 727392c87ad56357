"""Runs: batches, journal, resume after kill -9, out of memory, errors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.errors import AnswerError, RunFolderError, UsageError
from mimic_checks.models import PromptImage, Reply, prompt_for
from mimic_checks.models.reply import reply_texts
from mimic_checks.runs import Answer, Journal, Runner, choose_budget, plan_batches
from mimic_checks.runs.answer_cache import AnswerCache
from mimic_checks.tasks.unread import CUT_OFF, ONLY_REASONING, REFUSED


class Echo:
    """Answers with the case id; fails as told."""

    def __init__(self, *, most=10**9, bad=()):
        self.calls, self.most, self.bad = [], most, set(bad)

    def answer(self, prompts):
        self.calls.append([prompt.case_id for prompt in prompts])
        if sum(len(p.images) for p in prompts) > self.most:
            raise type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory")
        for prompt in prompts:
            if prompt.case_id in self.bad:
                raise ValueError("bad case")
        return [f"answer {prompt.case_id}" for prompt in prompts]

    def identity(self):
        return {"name": "echo"}


def prompts(sizes):
    return [
        prompt_for([PromptImage(f"{n}-{k}", lambda: None) for k in range(size)], "?", f"case{n}")
        for n, size in enumerate(sizes)
    ]


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1, 200))
def test_a_plan_holds_every_prompt_once_within_its_budget(lengths, budget):
    plan = plan_batches(lengths, budget)
    assert sorted(index for batch in plan for index in batch) == list(range(len(lengths)))
    for batch in plan:
        longest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or longest * len(batch) <= budget
        assert longest <= 1.34 * min(lengths[i] for i in batch)
    tops = [max(lengths[i] for i in batch) for batch in plan]
    assert tops == sorted(tops, reverse=True)


@pytest.mark.parametrize(
    ("per_call", "per_case", "chosen"), [(1.0, 0.01, 32), (0.0, 1.0, 1), (0.1, 0.1, 8)]
)
def test_the_chosen_batch_is_never_slower_than_one_by_one(per_call, per_case, chosen):
    """On a faked clock: a call costs `per_call` seconds, a prompt `per_case`."""
    now = [0.0]

    class Timed(Echo):
        def answer(self, asked):
            now[0] += per_call + per_case * len(asked)
            return super().answer(asked)

    budget = choose_budget(Timed(), prompts([2] * 64), clock=lambda: now[0])
    size = budget // 2
    assert (per_call + per_case * size) / size <= per_call + per_case
    assert size >= chosen
    assert size == 1 or per_call > 0, "a batch that gains nothing is not made larger"


def test_out_of_memory_halves_the_batch_and_goes_on():
    model = Echo(most=3)
    found = Runner(model, batch=8).answer(prompts([1] * 8))
    assert {key: answer.text for key, answer in found.items()} == {
        f"case{k}": f"answer case{k}" for k in range(8)
    }
    assert [len(call) for call in model.calls] == [8, 4, 2, 2, 2, 2], (
        "what is as large as what did not fit is not tried"
    )


def test_one_bad_case_takes_no_other_with_it():
    found = Runner(Echo(bad={"case5"}), batch=8).answer(prompts([1] * 8))
    assert found["case5"].text is None
    assert found["case5"].error == "ValueError: bad case"
    assert all(answer.text for key, answer in found.items() if key != "case5")


class Gives:
    """Gives the same to every prompt, in a list of its own kind."""

    def __init__(self, one, listed=list):
        self.one, self.listed = one, listed

    def answer(self, prompts):
        return self.listed(self.one for _ in prompts)

    def identity(self):
        return {"name": "gives"}


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


class Word(str):
    """A text all the same."""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "an object of type NoneType, not a text"),
        (5, "an object of type int, not a text (5)"),
        (b"3", "an object of type bytes, not a text"),
        (["3"], "an object of type list, not a text"),
        ((word for word in "3"), "an object of type generator, not a text"),
        (AnswerError("at most 2 images"), "at most 2 images"),
        (AnswerError(), ""),
    ],
)
def test_what_is_no_text_is_an_error_each(given, said):
    found = Runner(Gives(given), batch=2).answer(prompts([1, 1, 1]))
    assert [answer.text for answer in found.values()] == [None] * 3
    assert all(said in answer.error for answer in found.values())


@pytest.mark.parametrize("listed", [iter, tuple, lambda given: (one for one in given)])
def test_answers_may_come_in_any_row(listed):
    found = Runner(Gives(Word("3"), lambda given: listed(list(given))), batch=2)
    answers = found.answer(prompts([1, 1])).values()
    assert [type(answer.text) for answer in answers] == [str, str]


@pytest.mark.parametrize("given", [None, 5, b"33", "33", object()])
def test_answers_in_no_row_are_an_error_each(given):
    found = Runner(Gives("3", lambda ones: given), batch=2).answer(prompts([1, 1]))
    assert all("it owes a list of texts" in answer.error for answer in found.values())


def test_an_exception_whose_text_raises_is_an_error_each():
    class Raises(Gives):
        def answer(self, prompts):
            raise Unspeakable

    found = Runner(Raises(None), batch=2).answer(prompts([1, 1]))
    words = "Unspeakable (its message cannot be read: RuntimeError)"
    assert [answer.error for answer in found.values()] == [words] * 2


REPLIES = st.one_of(
    st.text(),
    st.builds(Reply, st.text(), st.sampled_from([CUT_OFF, REFUSED, ONLY_REASONING, "its own"])),
)


@given(REPLIES)
def test_a_reply_keeps_its_remark_in_journal_and_cache(tmp_path_factory, reply):
    place, asked = tmp_path_factory.mktemp("replies"), prompts([1, 1])
    cache = AnswerCache(place, {"name": "gives"})
    text, remark = (reply.text, reply.remark) if isinstance(reply, Reply) else (reply, "")
    first = Runner(Gives(reply), batch=2, cache=cache).answer(asked, place / "a.jsonl")
    assert set(first.values()) == {Answer(text, remark=remark)}
    model = Gives("never asked")
    model.answer = None
    assert Runner(model, batch=2).answer(asked, place / "a.jsonl") == first
    assert Runner(model, batch=2, cache=cache).answer(asked, place / "b.jsonl") == first


@pytest.mark.parametrize("given", [None, 5, b"3", AnswerError("no")])
def test_the_text_of_what_is_none_is_an_error(given):
    with pytest.raises(AnswerError):
        reply_texts(["3", given])


def test_a_model_that_returns_too_few_answers_is_refused():
    class Short(Echo):
        def answer(self, asked):
            return super().answer(asked)[:-1]

    with pytest.raises(UsageError, match=r"returned 3 answers to 4 prompts"):
        Runner(Short(), batch=4).answer(prompts([1] * 4))


def test_a_split_is_journalled_and_kept_on_resume(tmp_path):
    """What a resumed run asks, and in which batches, is what the killed one would have asked."""
    path = tmp_path / "check.jsonl"
    whole = Runner(Echo(most=3), batch=8).answer(prompts([1] * 8), path)
    lines = path.read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["split"] for line in lines if b"split" in line] == [0, 0, 1]
    path.write_bytes(b"".join(lines[:4]))  # the plan, two splits, one batch of two
    again = Echo(most=3)
    assert Runner(again, batch=8).answer(prompts([1] * 8), path) == whole
    assert [len(call) for call in again.calls] == [4, 2, 2, 2]
    assert path.read_bytes() == b"".join(lines)


@pytest.mark.parametrize(
    "broken",
    [
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"batch": 99, "answers": {}}',
        b'{"batch": 1, "answers": {"case0": {"text": "x"}}}',
        b'{"split": 99}',
    ],
)
def test_a_journal_line_that_cannot_be_read_is_named_and_the_rest_kept(tmp_path, broken):
    path = tmp_path / "check.jsonl"
    whole = Runner(Echo(), batch=2).answer(prompts([1] * 8), path)
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:2], broken, *lines[3:]]) + b"\n")
    again = Echo()
    with pytest.warns(UserWarning, match=r"check\.jsonl', line 3 cannot be read"):
        assert Runner(again, batch=2).answer(prompts([1] * 8), path) == whole
    assert again.calls == [["case2", "case3"]]


def test_a_journal_whose_plan_cannot_be_read_is_refused(tmp_path):
    path = tmp_path / "check.jsonl"
    path.write_text('{"fingerprint": 3\n')
    with pytest.raises(
        RunFolderError, match=r"line 1: the plan cannot be read .*; move the file away"
    ):
        Runner(Echo(), batch=2).answer(prompts([1] * 8), path)


@given(st.binary(max_size=400))
def test_no_journal_makes_a_run_crash(tmp_path_factory, noise):
    path = tmp_path_factory.mktemp("noise") / "check.jsonl"
    Runner(Echo(), batch=2).answer(prompts([1] * 4), path)
    head = path.read_bytes().splitlines()[0]
    path.write_bytes(head + b"\n" + noise)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = Runner(Echo(), batch=2).answer(prompts([1] * 4), path)
    assert {key: answer.text for key, answer in found.items()} == {
        f"case{k}": f"answer case{k}" for k in range(4)
    }


def test_a_case_that_takes_too_long_becomes_an_error_and_no_other_does():
    class Stuck(Echo):
        def answer(self, asked):
            if any(prompt.case_id == "case2" for prompt in asked):
                time.sleep(60)
            return super().answer(asked)

    began = time.monotonic()
    found = Runner(Stuck(), batch=4, case_limit_s=0.1).answer(prompts([1] * 4))
    assert time.monotonic() - began < 10
    assert found["case2"].error == "AnswerError: no answer within 0.1 s"
    assert [found[f"case{k}"].text for k in (0, 1, 3)] == [
        "answer case0",
        "answer case1",
        "answer case3",
    ]


def test_a_resumed_run_asks_only_what_is_missing(tmp_path):
    path = tmp_path / "journal" / "check.jsonl"
    first = Echo()
    whole = Runner(first, batch=2).answer(prompts([1] * 7), path)
    lines = path.read_bytes().splitlines(keepends=True)
    # The plan, two batches, and one that was cut off in writing.
    path.write_bytes(b"".join(lines[:3]) + lines[3][:20])
    second = Echo()
    assert Runner(second, batch=5).answer(prompts([1] * 7), path) == whole
    assert second.calls == first.calls[2:], (
        "the interrupted batch is asked again whole, in the plan of the first run"
    )
    assert path.read_bytes() == b"".join(lines)
    third = Echo()
    assert Runner(third).answer(prompts([1] * 7), path) == whole
    assert third.calls == []


def test_a_journal_of_other_cases_or_another_model_is_not_used(tmp_path):
    path = tmp_path / "check.jsonl"
    Runner(Echo(), batch=2).answer(prompts([1] * 4), path)
    other = Echo()
    Runner(other, batch=2).answer(prompts([1] * 5), path)
    assert sum(map(len, other.calls)) == 5
    renamed = Echo()
    renamed.identity = lambda: {"name": "other"}
    Runner(renamed, batch=2).answer(prompts([1] * 5), path)
    assert sum(map(len, renamed.calls)) == 5


def test_a_full_disk_is_explained(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "check.jsonl", "x")
    journal.start(lambda: [["a"]])

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        RunFolderError, match="No space left on device; free the disk and run again"
    ):
        journal.record(0, {})


@pytest.mark.slow
def test_kill_nine_loses_at_most_the_batch_in_flight(tmp_path):
    """A run of the slow stub is killed three times at arbitrary moments.

    In the end it has written what an uninterrupted run writes, byte for byte but for times.
    """
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--pyargs",
        "mimic_checks.checks",
        "-k",
        "test_unbalanced",
        "--vlm",
        "stub:slow",
        "--vlm-cases",
        "40",
        "--vlm-batch",
        "4",
        "-p",
        "no:cacheprovider",
        "-q",
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    journal = killed / "journal" / "spread.unbalanced.jsonl"
    kept = 0
    for _ in range(3):
        process = subprocess.Popen([*command, "--vlm-output", str(killed)], **quiet)
        waited = time.monotonic()
        while time.monotonic() - waited < 60 and process.poll() is None:
            if journal.is_file() and len(journal.read_bytes().splitlines()) >= kept + 4:
                break
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        lines = journal.read_bytes().splitlines()
        assert len(lines) >= kept + 4, "no answered batch was lost"
        kept = len(lines) - 1
    for folder in (killed, whole):
        subprocess.run([*command, "--vlm-output", str(folder)], check=False, **quiet)
    assert journal.read_bytes() == (whole / "journal" / journal.name).read_bytes()
    name = "outcomes/spread.unbalanced.jsonl"
    assert (killed / name).read_bytes() == (whole / name).read_bytes()
    results = [
        json.loads((folder / "results" / "spread.unbalanced.json").read_text())
        for folder in (killed, whole)
    ]
    for result in results:
        result.pop("seconds")
    assert results[0] == results[1]


def test_the_measuring_of_the_batch_keeps_to_the_time_limit():
    """A batch that hangs while sizes are tried is given up, and no such size is chosen."""

    class HangsInBatches(Echo):
        def answer(self, asked):
            if len(asked) > 2:
                time.sleep(60)
            return super().answer(asked)

    began = time.monotonic()
    model = HangsInBatches()
    assert choose_budget(model, prompts([1] * 16), case_limit_s=0.05) <= 2
    assert time.monotonic() - began < 10


def test_nothing_depends_on_the_time_of_day(tmp_path, monkeypatch):
    """The clock jumps back and forth, by years, while a run is answered and taken up again."""
    whole = Runner(Echo(), batch=2).answer(prompts([1] * 8), tmp_path / "whole.jsonl")
    jumps = iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: (-1) ** next(jumps) * 1e9)
    monkeypatch.setattr(time, "time_ns", lambda: (-1) ** next(jumps) * 10**18)
    path = tmp_path / "check.jsonl"
    assert Runner(Echo(), batch=2, case_limit_s=5).answer(prompts([1] * 8), path) == whole
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))
    os.utime(path, (0, 0))
    again = Echo()
    assert Runner(again, batch=2, case_limit_s=5).answer(prompts([1] * 8), path) == whole
    assert len(again.calls) == 2
    assert path.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def in_another_process(code, *arguments):
    """Starts Python with a journal at hand; returns it once it has said that it is ready."""
    head = "import sys, time; from pathlib import Path; from mimic_checks.runs import Journal\n"
    process = subprocess.Popen(
        [sys.executable, "-c", head + code, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


HOLDS_BATCH_0 = """
journal = Journal(Path(sys.argv[1]), "x"); journal.start(lambda: [["a"], ["b"]])
with journal.claim(0):
    print("ready", flush=True); time.sleep(60)
"""


def test_a_batch_is_claimed_by_one_process_and_free_when_that_dies(tmp_path):
    path = tmp_path / "check.jsonl"
    with in_another_process(HOLDS_BATCH_0, path) as other, Journal(path, "x") as journal:
        journal.start(lambda: [["never"]])
        assert journal.plan == [["a"], ["b"]], "the plan of whoever came first"
        with journal.claim(0) as mine:
            assert not mine
        with journal.claim(1) as mine:
            assert mine
        other.kill()
        other.wait()
        with journal.claim(0, orphans=False) as mine:
            assert not mine, "it may have died of it"
        with journal.claim(0, wait=True) as mine:
            assert mine


RECORDS_BATCH_0 = """
from mimic_checks.runs import Answer
journal = Journal(Path(sys.argv[1]), "x"); journal.start(lambda: [["a"], ["b"]])
with journal.claim(0):
    print("ready", flush=True); time.sleep(0.5); journal.record(0, {"a": Answer("said")})
"""


def test_what_another_process_is_answering_is_waited_for(tmp_path):
    path = tmp_path / "check.jsonl"
    with in_another_process(RECORDS_BATCH_0, path) as other, Journal(path, "x") as journal:
        journal.start(lambda: [["never"]])
        with journal.claim(0, wait=True) as mine:
            assert not mine, "answered by then"
        assert journal.answers["a"].text == "said"
        assert other.wait() == 0


@given(st.lists(st.sampled_from(["split", "record", "other split", "other record"]), max_size=12))
def test_two_journals_of_one_file_agree_whatever_is_written_through_either(tmp_path_factory, steps):
    """Batches are numbered in the file's order, so splits by two processes do not collide."""
    path = tmp_path_factory.mktemp("two") / "check.jsonl"
    cases = [f"case{k}" for k in range(8)]
    with Journal(path, "x") as one, Journal(path, "x") as two:
        one.start(lambda: [cases[:4], cases[4:]])
        two.start(lambda: [["never"]])
        for step in steps:
            journal = two if step.startswith("other") else one
            journal.read()
            free = [n for n in range(len(journal.plan)) if n not in journal.answered]
            if step.endswith("split") and (large := [n for n in free if len(journal.plan[n]) > 1]):
                journal.split(large[-1])
            elif step.endswith("record") and free:
                journal.record(
                    free[0], {case: Answer(case.upper()) for case in journal.plan[free[0]]}
                )
        one.read()
        two.read()
        assert (one.plan, one.answers, one.answered) == (two.plan, two.answers, two.answered)
        assert sorted(case for batch in one.plan for case in batch) == cases
    with Journal(path, "x") as later:
        later.read()
        assert (later.plan, later.answers) == (one.plan, one.answers)


def test_a_journal_of_another_plan_is_set_aside_and_found_again(tmp_path):
    """As when some levels of a check are selected, and then all again."""
    path = tmp_path / "check.jsonl"
    Runner(Echo(), batch=2).answer(prompts([1] * 4), path)
    all_four = path.read_bytes()
    Runner(Echo(), batch=2).answer(prompts([1] * 2), path)
    assert path.read_bytes() != all_four
    again = Echo()
    Runner(again, batch=2).answer(prompts([1] * 4), path)
    assert again.calls == []
    assert path.read_bytes() == all_four


@pytest.mark.parametrize("how", ["removed", "cut short"])
def test_a_journal_that_is_taken_away_stops_the_run(tmp_path, how):
    path = tmp_path / "journal" / "check.jsonl"

    class Careless(Echo):
        def answer(self, asked):
            if len(self.calls) == 1:
                path.unlink() if how == "removed" else path.write_bytes(b"")
            return super().answer(asked)

    model = Careless()
    with pytest.raises(RunFolderError, match=f"check.jsonl' was {how} while the run was going on"):
        Runner(model, batch=2).answer(prompts([1] * 8), path)
    assert len(model.calls) == 2
