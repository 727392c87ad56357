"""Whole runs against a server that cannot do what they ask."""

from __future__ import annotations

import pytest

from tests.models.chat_server import KEY, serving

LIMIT = "HTTP 400: At most 2 image(s) may be provided in one prompt"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving() as made:
        yield made


def run(pytester, server, *more):
    return pytester.runpytest_subprocess(
        "--pyargs",
        "mimic_checks.checks",
        "-p",
        "no:cacheprovider",
        "-k",
        "test_unbalanced",
        "--vlm",
        "openai:tiny",
        "--vlm-base-url",
        server.options().base_url,
        "--vlm-cases",
        "20",
        # Few scenes: most of the time goes into drawing them.
        "--vlm-catalog",
        "rendered?scenes=150&families=40",
        "--vlm-batch",
        "40",
        "--junitxml",
        "junit.xml",
        *more,
    )


def test_levels_beyond_a_limit_are_not_asked_and_say_why(server, pytester):
    """And the key is nowhere: in reports, journals, logs, whatever the server says back."""
    server.most_images = 2
    server.trouble = {"How many cats are there in this image? Answer with a number.": ("400", 99)}
    result = run(pytester, server)
    assert result.ret in (1, 6), "it counts pictures, not things"
    result.stdout.fnmatch_lines(
        [
            f"mimic-checks: prompts of more than 2 images are not asked ({LIMIT} *without answers:"
            " spread.unbalanced (spread=3, spread=4)",
            f"spread.unbalanced * 3, 4: not answered: {LIMIT}*",
        ]
    )
    large = [
        request
        for request in server.requests
        if sum(part["type"] == "image_url" for part in request["messages"][0]["content"]) > 2
    ]
    assert len(large) == 2, "the largest prompt, and a smaller one in search of the limit"
    folder = pytester.path / "mimic-report"
    said = [result.stdout.str() + result.stderr.str(), (pytester.path / "junit.xml").read_text()]
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert len(written) > 4
    assert not any(KEY.encode() in data for data in [*written, *(t.encode() for t in said)])
    summary = (folder / "summary.md").read_text()
    assert "3 and 4: not answered: HTTP 400" in summary
    page = (folder / "report.html").read_text()
    assert page.count(">not answered</td>") == 2
    assert 'value="not answered"' in said[1]
    for text in (said[0], summary):
        assert "3: 0.00" not in text


@pytest.mark.slow
def test_a_server_of_no_use_ends_the_run_with_exit_4(server, pytester):
    server.send_all = 200, {"Content-Type": "text/html"}, b"<h1>Welcome"
    result = run(pytester, server)
    assert result.ret == 4
    result.stdout.fnmatch_lines(
        [
            "ERROR: the model does not answer a single question (1 images): the server sent no"
            " answer: text/html: <h1>Welcome"
        ]
    )
    assert len(server.requests) == 2
    assert not (pytester.path / "mimic-report" / "report.html").exists()
