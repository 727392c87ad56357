"""A comparison with a baseline as people read it: terminal, Markdown, JUnit, and the page in a real
browser.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from mimic_checks.reporting.gate import gate_junit, gate_page
from mimic_checks.reporting.markdown import gate_markdown
from mimic_checks.verdicts.baseline import Baseline, BaselineHead, BaselineItem
from mimic_checks.verdicts.comparison import compare_all
from mimic_checks.verdicts.gate_text import gate_failure, gate_summary
from mimic_checks.verdicts.policy import load_policy
from tests.browser import chromium
from tests.reporting.test_report import EVIL
from tests.scored import group, outcome, records


def release(check, *, lost=0, answer="2", device="cpu"):
    """100 cases of two levels, of which the first `lost` of the second are answered wrongly."""
    head = BaselineHead(
        check=check,
        rules=1,
        suite="0.1.0",
        drawn={"seed": 0},
        sampling={},
        model={"device": device},
    )
    items = [
        BaselineItem(
            level="spread2",
            item=f"{k:024x}",
            kind="wrong" if k < lost else "right",
            answer=answer if k < lost else "3",
        )
        for k in range(100)
    ]
    first = [
        item.model_copy(update={"level": "spread1", "kind": "right", "answer": "3"})
        for item in items
    ]
    return Baseline(head, (*first, *items), {"spread1": "spread=1", "spread2": "spread=2"})


def gates(answer="2"):
    pairs = {
        check: (release(check), release(check, lost=lost, answer=answer, device="cuda"))
        for check, lost in (("spread.balanced", 40), ("spread.unbalanced", 0), ("distractors", 4))
    }
    return compare_all(pairs, load_policy())


ITEMS = {item.id: item for item in (outcome(k, "wrong") for k in range(100))}
RECORDS = records(ITEMS.values())


def test_what_the_terminal_says(snapshot):
    assert gate_failure(gates()[0], RECORDS) == snapshot(name="failure")
    assert gate_summary(gates()) == snapshot(name="summary")


def test_cases_that_became_errors_are_counted_with_what_most_of_them_say():
    before, after = release("distractors"), release("distractors", lost=3, answer="time out")
    raised = tuple(
        item.model_copy(update={"kind": "error"}) if item.kind == "wrong" else item
        for item in after.items
    )
    now = Baseline(after.head, raised, after.labels)
    found = compare_all({"distractors": (before, now)}, load_policy())
    said = "spread=2: 3 cases are errors now: time out"
    assert f"note: distractors: {said}" in gate_summary(found)
    assert f"note: {said}" in gate_failure(found[0], RECORDS)


def test_too_many_errors_are_the_reason_whatever_else_is_inconclusive():
    """They block under every policy, so nobody should read of another level only."""
    before, after = release("distractors"), release("distractors", lost=24, answer="time out")
    now = Baseline(
        after.head,
        tuple(
            item.model_copy(update={"kind": "error"})
            if item.kind == "wrong"
            else item.model_copy(update={"kind": "wrong"})
            if item.level == "spread1" and int(item.item, 16) < 6
            else item
            for item in after.items
        ),
        after.labels,
    )
    (gate,) = compare_all({"distractors": (before, now)}, load_policy())
    assert gate.reason.startswith("spread=2: 24 of 100 cases raised an error")
    assert [level.verdict for level in gate.levels] == ["inconclusive"] * 2
    assert gate.errors_above
    assert "distractors: with so many errors the run passes under no policy" in gate_summary([gate])


def test_what_the_markdown_says(snapshot):
    assert gate_markdown(gates(), "candidate") == snapshot


def test_what_the_page_says(snapshot):
    body = (
        gate_page(gates()[:1], ITEMS, ("release 1", "release 2"), {})
        .split("<main>")[1]
        .split("</main>")[0]
    )
    pieces = re.sub(r"(</(?:p|tr|section|details|h2|h3|figure|table)>)", r"\1\n", body).splitlines()
    cards = [piece for piece in pieces if 'class="case"' in piece]
    assert len(cards) == 40, "every flipped case"
    assert [piece for piece in pieces if 'class="case"' not in piece and "figure" not in piece][
        :12
    ] == snapshot


def test_a_group_that_was_lost_shows_all_its_members():
    """Images, roles and answers of both releases, in the terminal and on the page."""
    item = group(1, ["right", "wrong"], roles=("normal", "misleading"))
    before, after = release("twins"), release("twins", lost=40)
    lost = BaselineItem(level="spread2", item=item.id, kind="right", answer="3\n4")
    before = Baseline(before.head, (*before.items, lost), before.labels)
    changed = lost.model_copy(update={"kind": "wrong", "answer": "3\n2"})
    after = Baseline(after.head, (changed, *after.items), after.labels)
    (gate,) = compare_all({"twins": (before, after)}, load_policy())
    said = gate_failure(gate, records([item, *ITEMS.values()], check="twins"))
    assert f"e.g. group {item.id} at spread=2, 2 cases that must all be right (wrong):" in said
    assert "true answer '3', '4', before '3\\n4', now '3\\n2' (wrong)" in said
    made = gate_page([gate], {**ITEMS, item.id: item}, ("1", "2"), {})
    cards = re.findall(r'<details class="case".*?</details>', made, re.DOTALL)
    (card,) = [card for card in cards if item.id in card]
    assert card.count("<figure>") == 4
    assert re.findall("<h4>(.*?)</h4>", card) == ["normal", "misleading"]


def test_junit_counts_blocking_checks_only():
    suite = ElementTree.fromstring(gate_junit(gates()))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert [case.get("name") for case in suite if case.find("failure") is not None] == [
        "spread.balanced"
    ]


@pytest.mark.parametrize("text", EVIL)
def test_foreign_text_is_never_markup(text):
    made = gate_page(gates(text), ITEMS, (text, text), {})
    for fragment in ("<script>document", "<img src=x", "<svg onload", '" onmouseover="'):
        assert fragment not in made
    assert len(re.findall(r"(?<!\\)\|", gate_markdown(gates(text), text).splitlines()[-3])) == 6
    ElementTree.fromstring(gate_junit(gates(text)))


@pytest.mark.browser
@pytest.mark.slow
def test_in_a_real_browser(tmp_path):
    """Every flipped case opens to all its pictures and both answers."""
    from selenium.webdriver.common.by import By

    pixel = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d494441"
        "54789c63f8cfc0f01f00050001ff56c72f0d0000000049454e44ae426082"
    )
    path = tmp_path / "gate.html"
    path.write_text(
        gate_page(gates(), ITEMS, ("release 1", "release 2"), {"img0": pixel, "img1": pixel})
    )
    driver = chromium(path)
    try:
        assert driver.title == "release 2 against release 1"
        cards = driver.find_elements(By.CSS_SELECTOR, "details.case")
        assert len(cards) == 44
        cards[0].find_element(By.TAG_NAME, "summary").click()
        images = cards[0].find_elements(By.TAG_NAME, "img")
        assert [image.get_attribute("src")[:10] for image in images] == ["data:image"] * 2
        answers = [answer.text for answer in cards[0].find_elements(By.CSS_SELECTOR, "pre.answer")]
        assert answers == ["3", "2"]
        assert [
            entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")
        ] == []
    finally:
        driver.quit()
