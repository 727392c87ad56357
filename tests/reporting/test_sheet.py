"""The contact sheet: everything that a person needs to judge a true answer, safe and offline."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest

from mimic_checks.cases import Level, counting_cases, draw, listing_cases
from mimic_checks.catalog import rendered
from mimic_checks.cli import main
from mimic_checks.reporting.sheet import sheet
from tests.browser import chromium

SMALL = "rendered?scenes=300&families=6"
HOSTILE = '"><script>alert(1)</script>&'


@pytest.fixture(scope="module")
def catalog():
    return rendered(scenes=300, families=6)


def page_of(catalog, check="distractors"):
    cases = draw(counting_cases(catalog, distractors=1), 3, 0)
    cases += draw(listing_cases(catalog, images=2), 2, 0)
    return cases, sheet([(check, Level("distractors", 1), case) for case in cases], catalog)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def named(self, name):
        return [attrs for tag, attrs in self.tags if tag == name]


def read(page):
    tags = Tags()
    tags.feed(page)
    return tags


def test_every_case_has_its_question_answer_pictures_and_mark(catalog):
    cases, page = page_of(catalog)
    tags = read(page)
    assert [mark["value"] for mark in tags.named("input") if mark.get("class") == "mark"] == [
        case.id for case in cases
    ]
    shown = [image["data-picture"] for image in tags.named("img")]
    assert shown == [image for case in cases for image in case.images]
    embedded = json.loads(page.split('id="pictures">')[1].split("</script>")[0])
    assert set(embedded) == set(shown), "each picture once"
    assert all(case.question in page for case in cases)


def test_asked_objects_have_their_boxes(catalog):
    cases, page = page_of(catalog)
    assert catalog.boxes
    first = cases[0]
    card = page.split("<article>")[1]
    assert card.count("<rect") == first.truth.counts[0][1]
    row = catalog.manifest.row(first.images[first.needles[0]])
    c = catalog.class_index(first.truth.counts[0][0])
    boxes = catalog.boxes(row, c)
    rows, columns = np.nonzero(catalog.masks(row, c))
    inside = [
        (left <= columns) & (columns < left + width + 1) & (top <= rows) & (rows < top + height + 1)
        for left, top, width, height in boxes
    ]
    assert np.any(inside, axis=0).all()
    assert all(of_one.any() for of_one in inside)
    for left, top, width, _ in boxes:
        assert f'x="{left:g}" y="{top:g}" width="{width:g}"' in card


def test_foreign_text_is_escaped_and_nothing_is_fetched(catalog):
    _, page = page_of(catalog, HOSTILE)
    assert HOSTILE not in page
    tags = read(page)
    assert len(tags.named("script")) == 2
    assert "default-src 'none'" in tags.named("meta")[2]["content"]
    assert not any(attrs.get("src") for attrs in tags.named("img") + tags.named("script"))


def test_the_command_writes_it_beside_the_cases_and_leaves_marked_ones_out(tmp_path, capsys):
    def cases(name, *more):
        common = ["--vlm-catalog", SMALL, "--vlm-cases", "5", "--check", "distractors"]
        assert main(["cases", "--out", str(tmp_path / name), *common, *more]) == 0
        lines = (tmp_path / name / "cases.jsonl").read_text().splitlines()[1:]
        return [json.loads(line)["case"]["id"] for line in lines]

    before = cases("before", "--sheet")
    assert (tmp_path / "before" / "sheet.html").is_file()
    marks = tmp_path / "leave_out.txt"
    marks.write_text(f"{before[0]}  # distractors\n{'0' * 24}\n")
    after = cases("after", "--vlm-leave-out", str(marks))
    assert before[0] not in after
    assert after[:16] == before[4:], "the other draws stay, in order"
    assert f"in no draw, so not left out: {'0' * 24}" in capsys.readouterr().err


@pytest.mark.browser
def test_marks_by_keyboard_are_saved(catalog, tmp_path):
    cases, page = page_of(catalog)
    path = tmp_path / "sheet.html"
    path.write_text(page)
    driver = chromium(path)
    try:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(driver).send_keys("n", "n", " ").perform()
        assert driver.find_element("id", "count").text == "1 of 5 cases marked as arguable"
        saved = driver.execute_async_script(
            "const done = arguments[0];"
            "const text = document.getElementById('listed').value;"
            "done([text, document.getElementById('save').href])"
        )
        assert saved[0].startswith(f"{cases[1].id}  # distractors, distractors=1: ")
        assert saved[1].startswith("blob:")
        widths = driver.execute_script(
            "return [...document.images].map(image => image.naturalWidth)"
        )
        assert min(widths) > 0
        assert [e for e in driver.get_log("browser") if e["level"] == "SEVERE"] == []
    finally:
        driver.quit()
