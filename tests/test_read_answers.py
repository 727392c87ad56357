"""`mimic-checks read`: a reading for each line, and a table against what a fair judge reads."""

from __future__ import annotations

import io
import json
import sys

import pytest

from mimic_checks.cli import main

LINES = [
    {"task": "counting", "answer": "2 dogs", "classes": ["dog"], "fair": [2], "kind": "plain"},
    {"task": "counting", "answer": "at least 2", "classes": ["dog"], "fair": None, "kind": "plain"},
    {"task": "counting", "answer": "2 dogs", "classes": ["dog"], "fair": [3], "kind": "wrong"},
    {"task": "listing", "answer": "many of them", "fair": ["dog"], "kind": "wrong"},
    {"task": "listing", "answer": "cat, dogs", "fair": ["dog", "cat"]},
    {"task": "common", "answer": "a toy dog", "fair": "another thing"},
    {"task": "multiple_choice", "answer": "B", "options": ["x1", "x2"], "fair": "x2"},
    {"task": "multiple_choice", "answer": "B", "options": ["x1", "x2"], "fair": 1},
    {"task": "multiple_choice", "answer": "B", "options": ["x1", "x2"], "fair": "B"},
    {"task": "yes_no", "answer": "Yes.", "fair": "yes"},
    {"task": "number", "answer": "2.5", "fair": 2.5},
    {"task": "short_text", "answer": "the Moon", "fair": "Moon"},
    {"task": "common", "answer": "the okapi", "classes": ["okapi"], "fair": ["okapi"]},
]
READ = [[2], None, [2], None, ["cat", "dog"], ["toy dog"], "B", "B", "B", "yes", 2.5, "moon"]


def test_each_line_is_read_and_compared(tmp_path, capsys):
    file = tmp_path / "answers.jsonl"
    file.write_text("\n".join(map(json.dumps, LINES)) + "\n")
    assert main(["read", str(file)]) == 0
    out, err = capsys.readouterr()
    printed = [json.loads(line) for line in out.splitlines()]
    assert [one["read"] for one in printed] == [*READ, ["okapi"]]
    assert printed[1]["why"] == "a bound, no number"
    assert [bool(one["why"]) for one in printed] == [one["read"] is None for one in printed]
    rows = {line.split("  ")[0]: line.split() for line in err.splitlines()}
    assert rows["wrong"] == ["wrong", "2", "1", "(50.0%)", "2", "1", "(50.0%)"]
    assert rows["all"] == ["all", "13", "1", "(7.7%)", "12", "1", "(8.3%)"]


def test_classes_of_ones_own_from_standard_input(tmp_path, capsys, monkeypatch):
    classes = tmp_path / "classes.txt"
    classes.write_text("no entry\nokapi\n")
    text = json.dumps({"task": "common", "answer": "no entry"}).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert main(["read", "-", "--classes", str(classes)]) == 0
    out, err = capsys.readouterr()
    assert (json.loads(out), err) == ({"read": ["no entry"], "why": ""}, "")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "no JSON"),
        ("[1]", "no JSON object"),
        ('{"task": "number"}', "answer is missing or no text"),
        ('{"task": "poem", "answer": ""}', "task 'poem' is none of"),
        ('{"task": "counting", "answer": "3"}', "a counting answer needs classes"),
        ('{"task": "counting", "answer": "3", "classes": "dog"}', "classes is no list of texts"),
        ('{"task": "multiple_choice", "answer": "A", "options": ["x1"]}', "needs options"),
    ],
)
def test_a_malformed_line_is_refused_by_its_number(tmp_path, capsys, line, says):
    file = tmp_path / "answers.jsonl"
    file.write_text('{"task": "number", "answer": "1"}\n' + line)
    assert main(["read", str(file)]) == 4
    error = capsys.readouterr().err
    assert "line=2" in error
    assert says in error
