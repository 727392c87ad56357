"""The report: what it says (snapshot), what it must never do (run a model's text), and how it works
in a real browser.
"""

from __future__ import annotations

import json
import re
import time

import pytest
from PIL import Image

from mimic_checks.reporting import write_report
from mimic_checks.reporting.html import page
from mimic_checks.reporting.markdown import markdown
from mimic_checks.verdicts.result import (
    CheckResult,
    Curves,
    HeatMap,
    LevelResult,
    OutcomeLine,
    Series,
    StoredCase,
    Table,
)
from mimic_checks.verdicts.store import RunFolder
from mimic_checks.verdicts.text import failure, summary
from tests.browser import chromium

EVIL = [
    "<script>document.title = 'owned'</script>",
    "</script><img src=x onerror=\"document.title='owned'\">",
    "\" onmouseover=\"document.title='owned'",
    "--><svg onload=document.title='owned'>",
    "'; DROP TABLE cases; --",
    "\u2028\u202e\x00 reversed",
    "[a](javascript:alert(1)) | `cell` | **bold**",
]


def outcome(level, number, kind, answer, images=2):
    case = StoredCase(
        id=f"{number:024x}",
        cluster="c",
        task="counting",
        template="plain",
        images=tuple(f"img{k}" for k in range(images)),
        rows=tuple(range(images)),
        question="How many cats are there in these images?",
        counts=(("cat", 3),),
        factors={"images": images, "needles": "1,2"},
    )
    return OutcomeLine(check="spread.balanced", level=level, case=case, answer=answer, kind=kind)


def result(check="spread.balanced", verdict="fail", answer="2"):
    def level(value, right, verdict, reference=False):
        return LevelResult(
            level=f"spread={value}",
            value=value,
            n=100,
            right=right,
            wrong=98 - right,
            unparseable=2,
            error=0,
            rate=right / 100,
            low=right / 100 - 0.08,
            high=right / 100 + 0.05,
            best_constant=0.3,
            verdict=verdict,
            reason=f"because of {right}",
            threshold=0.5 if reference else 0.8,
            is_reference=reference,
            official=right / 100,
        )

    return CheckResult(
        check=check,
        title="Counting the same instances, spread over more images",
        behaviour="Counted as well.",
        factor="spread",
        moves="images = spread",
        verdict=verdict,
        reason=f"spread=2: {answer} is not enough",
        seconds=1.5,
        levels=(level(1, 95, "pass", True), level(2, 41, "fail")),
        shown=(outcome("spread=1", 1, "right", "3"), outcome("spread=2", 2, "wrong", answer)),
        docs="docs/checks/spread.md",
    )


def measured(text="own image"):
    """A check with panels in place of a sweep."""
    panels = (
        HeatMap(
            title=f"From {text}",
            note="Where it looks.",
            rows=("layer 0", "layer 1"),
            columns=(text, "text"),
            values=((0.25, 0.75), (None, 1.0)),
        ),
        Curves(
            title="Two curves",
            note="On one axis.",
            x_label="images",
            x=("1", "4"),
            series=(
                Series(name="all", values=(1.0, 0.5), low=(0.9, 0.4), high=(1.0, 0.6)),
                Series(name=text, values=(0.9, None)),
            ),
        ),
        Table(
            title="Words", note="As they are.", head=("what", "how much"), rows=((text, "+0.100"),)
        ),
    )
    return result("sequence_length").model_copy(
        update={"panels": panels, "title": "More images, or more tokens?"}
    )


RUN = {
    "description": {"vlm": "builtin", "catalog": "rendered", "cases": 100, "seed": 0},
    "identity": {"name": "builtin", "dtype": "float32"},
}


def test_what_the_terminal_says(snapshot):
    assert failure(result()) == snapshot(name="failure")
    assert summary([result(), result("distractors", "inconclusive")]) == snapshot(name="summary")


def test_what_the_markdown_says(snapshot):
    assert markdown([result(), result("distractors", "pass")], "builtin") == snapshot


def test_what_panels_say(snapshot):
    made = page([measured()], RUN, {}, "mimic-report").split("<main>")[1].split("</main>")[0]
    assert re.sub(r"(</(?:p|tr|section|details|h2|h3|svg|ul|table)>)", r"\1\n", made) == snapshot


@pytest.mark.parametrize("text", EVIL)
def test_foreign_text_in_panels_is_never_markup(text):
    made = page([measured(text)], RUN, {}, "mimic-report")
    for fragment in ("<script>document", "<img src=x", "<svg onload", '" onmouseover="'):
        assert fragment not in made


def test_what_the_page_says(snapshot):
    """The body without style, script and pictures: what a person reads."""
    body = (
        page([result(), result("distractors", "pass")], RUN, {"img0": b"PNG0"}, "mimic-report")
        .split("<main>")[1]
        .split("</main>")[0]
    )
    assert re.sub(r"(</(?:p|tr|section|details|h2|h3|figure|table)>)", r"\1\n", body) == snapshot


@pytest.mark.parametrize("text", EVIL)
def test_foreign_text_is_never_markup(text):
    made = page([result(answer=text)], {**RUN, "identity": {"name": text}}, {}, text)
    for fragment in ("<script>document", "<img src=x", "<svg onload", '" onmouseover="'):
        assert fragment not in made
    cell = markdown([result(answer=text)], text).splitlines()[-1]
    assert len(re.findall(r"(?<!\\)\|", cell)) == 5, "a model's text cannot add cells"


def test_every_image_is_embedded_once_and_nothing_is_fetched():
    made = page(
        [result(), result("distractors")], RUN, {"img0": b"PNG0", "img1": b"PNG1"}, "mimic-report"
    )
    assert made.count("data:image/png;base64,") == 2
    assert made.count('data-picture="img0"') == 4
    assert not re.findall(r"(?:src|href)=[\"'](?!data:|#)", made)
    assert "http://" not in made.replace("http://www.w3.org", "")
    assert "https://" not in made


@pytest.fixture
def folder(tmp_path):
    """A run folder as a run leaves it, with pictures and hostile answers."""
    path = tmp_path / "run"
    store = RunFolder(path)
    store.prepare(
        {"vlm": "builtin", "checks": ["spread.balanced", "distractors"], "catalog": "rendered"}
    )
    store.write_identity({"name": "builtin"})

    class Opener:
        def open(self, image_id):
            return Image.new("RGB", (400, 300), (200, int(image_id[3:]) * 90, 40))

    first, second = (
        result(answer=EVIL[1]),
        result("distractors", "pass", EVIL[0]).model_copy(update={"factor": "distractors"}),
    )
    for made in (first, second, measured(EVIL[0])):
        store.write_result(made, list(made.shown), Opener())
    store.finish()
    return path


def test_reports_are_written_for_people_and_for_github(folder, monkeypatch, tmp_path):
    step = tmp_path / "step.md"
    step.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    assert write_report(folder) == folder / "report.html"
    assert step.read_text().startswith("before\n### builtin on several images")
    assert (folder / "summary.md").read_text() in step.read_text()
    with Image.open(folder / "images" / "img0.png") as picture:
        assert max(picture.size) == 288


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "dark"), [(1200, False), (390, True)], ids=["desktop", "phone in the dark"]
)
def test_in_a_real_browser(folder, width, dark):
    """Offline, hostile answers inside: the console stays silent, filters and a case's detail work,
    by keyboard too."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.select import Select

    driver = chromium(write_report(folder), width=width, dark=dark)
    try:
        shown = driver.find_element(By.ID, "shown")
        assert shown.text == "6 cases shown"
        Select(driver.find_element(By.NAME, "outcome")).select_by_value("wrong")
        assert shown.text == "3 cases shown"
        Select(driver.find_element(By.NAME, "check")).select_by_value("distractors")
        assert shown.text == "1 cases shown"
        Select(driver.find_element(By.NAME, "factor")).select_by_value("spread")
        assert shown.text == "0 cases shown"
        driver.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
        time.sleep(0.2)
        assert shown.text == "6 cases shown"

        case = driver.find_element(By.CSS_SELECTOR, "details.case[data-outcome=wrong]")
        case.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
        time.sleep(0.3)
        assert case.get_attribute("open")
        pictures = case.find_elements(By.TAG_NAME, "img")
        assert len(pictures) == 2
        assert all(
            driver.execute_script("return arguments[0].naturalWidth", picture) == 288
            for picture in pictures
        )
        assert case.find_element(By.CSS_SELECTOR, "pre.answer").text == EVIL[1]
        assert "mimic-checks replay" in case.text

        cells = driver.find_elements(By.CSS_SELECTOR, "table.heat td")
        colours = {cell.text: cell.value_of_css_property("background-color") for cell in cells}
        assert set(colours) == {"0.250", "0.750", "-", "1.000"}
        assert len(set(colours.values())) == 4, "a larger share has a stronger colour"
        drawn = driver.find_element(By.CSS_SELECTOR, ".panel svg")
        assert drawn.size["height"] > 100
        assert len(drawn.find_elements(By.CSS_SELECTOR, "circle")) == 3
        tones = [
            line.value_of_css_property("stroke")
            for line in drawn.find_elements(By.TAG_NAME, "polyline")
        ]
        assert len(set(tones)) == 2
        numbers = driver.find_element(By.CSS_SELECTOR, ".panel details")
        numbers.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
        time.sleep(0.2)
        assert "0.900" in numbers.text

        assert "owned" not in driver.title
        assert driver.execute_script(
            "return document.documentElement.scrollWidth <= window.innerWidth"
        ), "nothing hangs over the edge"
        ink = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ink)[:3])) < 200) is dark
        assert [
            entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")
        ] == []
    finally:
        driver.quit()


def test_broken_run_folders_are_named(tmp_path):
    from mimic_checks.errors import RunFolderError

    with pytest.raises(RunFolderError, match=r"holds no run .* give a --vlm-output folder"):
        write_report(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"description": {"checks": ["x"]}}))
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "x.json").write_text('{"check": "x"}')
    with pytest.raises(
        RunFolderError, match=r"x.json' is not a CheckResult: \('title',\): Field required"
    ):
        write_report(tmp_path)
