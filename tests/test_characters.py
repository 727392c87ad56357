"""Any text at all, through everything that keeps or shows it: nothing is lost, nothing is obeyed,
and every file that comes of it is one that its parsers take."""

from __future__ import annotations

import html
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mimic_checks.cases import Level, judge
from mimic_checks.characters import visible, whole
from mimic_checks.errors import message_of
from mimic_checks.models import Prompt
from mimic_checks.reporting.cards import item_card
from mimic_checks.reporting.document import document
from mimic_checks.reporting.escape import cell
from mimic_checks.reporting.gate import gate_junit
from mimic_checks.reporting.markdown import gate_markdown
from mimic_checks.runs.answer_cache import AnswerCache
from mimic_checks.runs.journal import Answer, Journal
from mimic_checks.tasks import Vocabulary
from mimic_checks.verdicts.baseline import Baseline, BaselineHead, BaselineItem, parse_baseline
from mimic_checks.verdicts.files import read_models
from mimic_checks.verdicts.gate_result import CheckGate
from mimic_checks.verdicts.gate_text import gate_failure, gate_summary
from mimic_checks.verdicts.record import Record, records_of
from mimic_checks.verdicts.result import Table
from mimic_checks.verdicts.run_folder import RunFolder
from tests.scored import case

HARD = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\x00\x1b[31m\x9b\x7f\ufffe\uffff\ud800\udfff\r\n\ufeff"
TEXTS = st.text(st.characters() | st.characters(categories=["Cs"]) | st.sampled_from(HARD))
"""Over all of Unicode, what is no character included."""
hard = example(text=HARD)
BAD_XML = set(map(chr, [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]))


@given(text=TEXTS)
@hard
@example(text="\ud83d\ude00 \ud83d x")
def test_what_utf8_can_hold_stays_and_the_rest_is_replaced(text):
    kept = whole(text)
    assert kept.encode().decode() == kept == whole(kept)
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert kept == text
    others = "".join(c for c in text if not "\ud800" <= c <= "\udfff" and c != "\ufffd")
    assert "".join(c for c in kept if c != "\ufffd" and c <= "\uffff") == "".join(
        c for c in others if c <= "\uffff"
    )


@pytest.mark.parametrize(
    ("said", "kept"), [("a\ud800b", "a\ufffdb"), ("\ud83d\ude00", "\U0001f600")]
)
def test_half_characters_are_replaced_and_whole_ones_joined(said, kept):
    """A server may send them as escapes; no file can hold them."""
    assert Answer(said, said, said) == Answer(kept, kept, kept)


@given(text=TEXTS)
@hard
def test_an_answer_comes_back_from_every_file(text, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    answer, asked = Answer(text), case(1)
    with Journal(folder / "journal", "plan") as journal:
        journal.start(lambda: [[asked.id]])
        journal.record(0, {asked.id: answer})
    with Journal(folder / "journal", "plan") as again:
        again.start(lambda: [])
        assert again.answers == {asked.id: answer}
    cache, prompt = AnswerCache(folder / "cache", {}), Prompt(asked.id, ())
    cache.put([prompt], {asked.id: answer})
    assert cache.get([prompt]) == {asked.id: answer}
    outcome = judge(asked, answer.text, answer.error, Vocabulary(("cat",), {}))
    assert outcome.answer == whole(text)
    records = records_of("check", Level("spread", 1), [outcome], lambda image: 0)
    run = RunFolder(folder / "run")
    run.prepare({"checks": {"check": {}}})
    (folder / "lines").write_bytes(records[0].model_dump_json().encode() + b"\n")
    assert read_models(Record, folder / "lines") == records
    table = Table(title=text, note=text, head=(text,), rows=((text,),))
    assert Table.model_validate_json(table.model_dump_json()) == table
    head = BaselineHead(
        check="check", rules=1, suite="", drawn={}, sampling={}, model={"name": [text]}
    )
    item = BaselineItem(level="spread1", item=asked.id, kind="wrong", answer=text)
    baseline = Baseline(head, (item,))
    assert parse_baseline(baseline.text().encode().decode(), "x") == baseline


class Words(HTMLParser):
    """The text of a page."""

    def __init__(self, page):
        super().__init__()
        self.said = ""
        self.feed(page)

    def handle_data(self, data):
        self.said += data


def gate(text):
    """A failed comparison that quotes a text wherever it can."""
    return CheckGate(
        check="spread.balanced",
        verdict="fail",
        reason=text,
        tier="blocking",
        alpha=0.05,
        rule="two_margins",
        margin=0.05,
        level_margin=0.076,
        notes=(text,),
        levels=(),
        flips=(),
    )


@given(text=TEXTS)
@hard
def test_reports_hold_any_text_and_obey_none(text):
    answered = judge(case(1), whole(text), None, Vocabulary(("cat",), {}))
    page = document("t", [], [item_card(answered, "folder", text)], {})
    page.encode()
    said = Words(page).said
    assert visible(text).replace("\r\n", "\n").replace("\r", "\n")[:60] in said.replace(
        "\r\n", "\n"
    ).replace("\r", "\n")
    junit = gate_junit([gate(text)])
    assert not BAD_XML & set(junit)
    (read,) = ElementTree.fromstring(junit.encode()).iter("failure")
    assert read.get("message") == visible(text)
    (row,) = [line for line in gate_markdown([gate(text)], text).split("\n") if "fail" in line[:40]]
    assert len(row.splitlines()) == 1
    for line in (gate_summary([gate(text)]), gate_failure(gate(text), [])):
        assert not {"\x1b", "\x9b", "\x00", "\u2028", "\x85"} & set(line)
        line.encode()


class Odd(Exception):
    def __str__(self):
        return "\ud800"


def test_a_message_can_be_written():
    assert message_of(Odd()) == "Odd: \ufffd"


LIVE = [
    ("thanks @octocat", "@octocat"),
    ("fixes #12, GH-7", "#12"),
    ("org/repo#3", "#3"),
    ("GH-7", "GH-7"),
    ("see https://evil.example/x", "https://"),
    ("www.evil.example", "www."),
    ("me@evil.example", "me@evil"),
    ("mailto:me", "mailto:me"),
    ("&lt;b&gt; &copy;", "&lt;"),
    (":tada:", ":tada:"),
    ("~~no~~", "~~"),
    ("<img src=x>", "<img"),
    ("[a](b)", "[a]("),
]


@pytest.mark.parametrize(("text", "alive"), LIVE)
def test_markdown_mentions_links_and_refers_to_nobody(text, alive):
    said = cell(text)
    # As rendered: entities and escapes resolved.
    rendered = html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", said))
    assert rendered.replace("\u200b", "") == text
    assert not re.search(rf"(?<!\\){re.escape(alive)}", said)
    if "&" not in text and not set("<~[") & set(text):
        assert alive not in rendered


def test_the_command_prints_in_any_encoding(tmp_path):
    """An ascii terminal gets escapes, not a traceback."""
    code = "from mimic_checks.cli import speak_any_text; speak_any_text(); print('\\u00e9 \\ud800')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"\\xe9 \\ud800\n"), done.stderr
