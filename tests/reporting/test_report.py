"""The report: what it says (snapshot), what it must never do (run a model's text), and how it works
in a real browser.
"""

from __future__ import annotations

import json
import re
import time

import pytest
from PIL import Image

from mimic_checks.cases import ImagePart, Level, TextPart
from mimic_checks.errors import ExtensionError
from mimic_checks.reporting import REPORTS, write_report
from mimic_checks.reporting.curve import curve
from mimic_checks.reporting.html import page
from mimic_checks.reporting.markdown import markdown
from mimic_checks.verdicts.result import CheckResult, Curves, HeatMap, LevelResult, Series, Table
from mimic_checks.verdicts.run_folder import RunFolder
from mimic_checks.verdicts.text import failure, level_failure, summary
from tests.browser import chromium
from tests.scored import group, outcome, records

EVIL = [
    "<script>document.title = 'owned'</script>",
    "</script><img src=x onerror=\"document.title='owned'\">",
    "\" onmouseover=\"document.title='owned'",
    "--><svg onload=document.title='owned'>",
    "'; DROP TABLE cases; --",
    "\u2028\u202e\x00 reversed",
    "[a](javascript:alert(1)) | `cell` | **bold**",
]


def level_result(level, right, verdict, *, reference=False):
    return LevelResult(
        level=level,
        n=100,
        right=right,
        wrong=98 - right,
        unparseable=2,
        error=0,
        rate=right / 100,
        low=right / 100 - 0.08,
        high=right / 100 + 0.05,
        floor=0.3,
        floor_name="all members",
        verdict=verdict,
        reason=f"because of {right}",
        threshold=0.5 if reference else 0.8,
        is_reference=reference,
        released={"mimic": right / 100},
    )


def result(check="spread.balanced", verdict="fail", answer="2", factor="spread", alpha=0.05):
    one, two = Level("spread", 1), Level("spread", 2)
    return CheckResult(
        check=check,
        module="mimic_checks.checks.test_spread",
        title="Counting the same instances, spread over more images",
        behaviour="Counted as well.",
        factor=factor,
        moves="images = spread",
        verdict=verdict,
        reason=f"spread=2: {answer} is not enough",
        seconds=1.5,
        alpha=alpha,
        levels=(level_result(one, 95, "pass", reference=True), level_result(two, 41, "fail")),
        shown=(
            *records([outcome(1, "right", "3")], one, check),
            *records([outcome(2, "wrong", answer)], two, check),
        ),
        docs="docs/checks/spread.md",
    )


def few_photos():
    """A check whose second level shows few photos, and its third the same ones in every case."""
    few = {"photos": 35, "effective": 9, "new_low": 0.12, "new_high": 0.74}
    same = {"photos": 3, "effective": 1, "new_absent": "where photos decide they are worth 1 case"}
    beside = (
        {"photos": 96, "effective": 98, "new_low": 0.86, "new_high": 1.0},
        few | {"drop": 0.54, "drop_low": 0.406, "drop_high": 0.661},
        same | {"drop": -0.001, "drop_low": -0.1, "drop_high": 0.1},
    )
    levels = [
        level_result(Level("spread", k + 1), right, verdict, reference=k == 0)
        for k, (right, verdict) in enumerate(((95, "pass"), (41, "pass"), (95, "fail")))
    ]
    return result("few").model_copy(
        update={
            "levels": tuple(
                level.model_copy(update=more) for level, more in zip(levels, beside, strict=True)
            ),
            "shown": (),
        }
    )


def positions():
    """A check whose levels are names, with a group that failed."""
    levels = [Level("position", name) for name in ("first", "middle")]
    levels.append(Level("position", "last", "at the very end, after everything else"))
    twin = group(7, ["right", "wrong"], roles=("normal", "misleading"))
    return result("twins").model_copy(
        update={
            "factor": "position",
            "levels": tuple(
                level_result(level, 95 - 30 * k, ("pass", "fail", "inconclusive")[k])
                for k, level in enumerate(levels)
            ),
            "shown": tuple(records([twin], levels[1], "twins")),
        }
    )


def harness(name):
    """A check of the harness that found nothing."""
    return result(f"own.{name}", "pass").model_copy(
        update={"harness": True, "levels": (), "shown": (), "reason": "nothing wrong found"}
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


def test_a_level_s_failure_shows_that_level_only():
    said = level_failure(result(), result().levels[1])
    assert said.startswith("spread.balanced: spread=2: fail: because of 41\n")
    assert "spread=1" not in said
    assert "case 000000000000000000000002 at spread=2" in said
    assert "e.g." not in level_failure(result(), result().levels[0]), "its shown case is right"


@pytest.mark.parametrize(
    ("alpha", "name"),
    [(0.05, "95 % interval"), (0.1, "90 % interval"), (0.01, "99 %"), (0.001, "99.9 % interval")],
)
def test_every_interval_names_the_error_rate_it_was_made_with(alpha, name):
    said = result(alpha=alpha)
    made = page([said], RUN, {}, "run")
    for text in (failure(said), level_failure(said, said.levels[1]), made):
        assert name in text
        assert alpha == 0.05 or "95 %" not in text
    assert "95 %" not in markdown([result(alpha=0.1)], "m")


def test_checks_of_the_harness_stand_together_whatever_they_are_called():
    said = summary([harness("a"), harness("b"), harness("c"), result()])
    assert "harness          pass     -      3 harness checks passed" in said
    assert "own." not in said
    assert "own.a" in summary([harness("a"), result()])
    table = markdown([harness("a"), harness("b")], "m")
    assert "| `harness` | ✅ pass |  |  | 2 harness checks passed |" in table


def test_levels_that_are_names(snapshot):
    """By their labels, in no order of their own: no line joins them."""
    assert summary([positions()]) == snapshot(name="summary")
    assert markdown([positions()], "builtin") == snapshot(name="markdown")
    assert failure(positions()) == snapshot(name="failure")
    drawn = curve(positions())
    assert "polyline" not in drawn
    assert "polyline" in curve(result())
    assert "<title>at the very end, after everything else</title>at the very end, after …" in drawn
    assert "rotate" not in curve(result()), "short names stand upright"


def test_a_level_that_is_judged_alone_must_exceed_its_floor_and_the_blind_answer():
    """The dashed line lies half way between the dots of 0.65 and of 0.35; and the curve stands
    beside tables."""
    levels = tuple(
        level.model_copy(update={"threshold": 0.0, "floor": 0.5}) for level in positions().levels
    )
    table = Table(title="T", note="", head=("a",), rows=(("b",),))
    update = {"levels": levels, "panels": (table,), "alone": True}
    alone = positions().model_copy(update=update)
    drawn = curve(alone)
    assert drawn in page([alone], RUN, {}, "run")
    (height,) = {float(y) for y in re.findall(r'class="limit".*?y1="([\d.]+)"', drawn)}
    dots = [float(y) for y in re.findall(r'class="dot".*?cy="([\d.]+)"', drawn)]
    assert height == pytest.approx((dots[1] + dots[2]) / 2, abs=0.11)
    shared = alone.model_copy(update={"alone": False})
    assert curve(shared) not in page([shared], RUN, {}, "run")


def test_a_failing_group_shows_all_members_with_images_roles_and_answers():
    made = page([positions()], RUN, {}, "run")
    (card,) = re.findall(r'<details class="case".*?</details>', made)
    assert 'data-outcome="wrong"' in card
    assert re.findall(r"<h4>(\w+) <span class=\"soft\">(\w+)</span></h4>", card) == [
        ("normal", "right"),
        ("misleading", "wrong"),
    ]
    assert card.count("<figure>") == 4
    assert re.findall(r'<pre class="answer">(.*?)</pre>', card) == ["3", "2"]
    assert card.count("mimic-checks replay run ") == 2
    assert "2 cases that must all be right" in card


def test_text_and_images_stand_where_the_model_sees_them():
    """Also an image in an option; the numbers go on."""
    content = (
        *(ImagePart("img0"), TextPart("Which one is\nlike this?\nA. "), ImagePart("img1")),
        *(TextPart("\nB. "), ImagePart("img2"), ImagePart("img3"), TextPart("<b>")),
    )
    shown = records([outcome(2, "wrong", content=content)], Level("spread", 2))
    made = page([result().model_copy(update={"shown": tuple(shown)})], RUN, {}, "run")
    (card,) = re.findall(r'<details class="case".*?</details>', made, re.DOTALL)
    body = card.split("</summary>")[1].split("<p>True answer")[0]
    order = re.findall(r'<pre>(.*?)</pre>|data-picture="(\w+)" alt="image (\d) of 4"', body, re.S)
    assert order == [
        ("", "img0", "1"),
        ("Which one is\nlike this?\nA. ", "", ""),
        ("", "img1", "2"),
        ("\nB. ", "", ""),
        ("", "img2", "3"),
        ("", "img3", "4"),
        ("&lt;b&gt;", "", ""),
    ]
    assert "A. [image 2]\nB. [image 3]" in card.split("</summary>")[0]


def test_what_the_markdown_says(snapshot):
    assert markdown([result(), result("distractors", "pass")], "builtin") == snapshot


def test_what_few_photos_and_drops_look_like(snapshot):
    """Beside the rates, in words only where they matter, and never as a verdict."""
    plain = result("plain").model_copy(update={"shown": ()})
    assert summary([few_photos(), plain]) == snapshot(name="summary")
    assert failure(few_photos()) == snapshot(name="failure")
    assert markdown([few_photos(), plain], "m") == snapshot(name="markdown")
    tables = re.findall(
        r"<table><thead><tr><th>Level.*?</table>", page([few_photos()], RUN, {}, "")
    )
    assert re.sub(r"(</(?:tr|td)>)", r"\1\n", tables[0]) == snapshot(name="table")
    assert "New photos" not in page([plain], RUN, {}, "")
    assert "Drop" not in page([plain], RUN, {}, "")


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
    told = result(answer=text)
    levels = tuple(level.model_copy(update={"floor_name": text}) for level in told.levels)
    told = told.model_copy(update={"levels": levels})
    made = page([told], {**RUN, "identity": {"name": text}}, {}, text)
    for fragment in ("<script>document", "<img src=x", "<svg onload", '" onmouseover="'):
        assert fragment not in made
    cell = markdown([told], text).splitlines()[-1]
    assert len(re.findall(r"(?<!\\)\|", cell)) == 6, "a model's text cannot add cells"


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
    facts = {"module": "m", "gated": True, "anytime": True, "levels": []}
    checks = {"spread.balanced": facts, "distractors": facts, "few": facts}
    store.prepare({"vlm": "builtin", "checks": checks, "catalog": "rendered"})
    store.write_identity({"name": "builtin"})

    class Opener:
        def open(self, image_id):
            return Image.new("RGB", (400, 300), (200, int(image_id[3:]) * 90, 40))

    first, second = (
        result(answer=EVIL[1]),
        result("distractors", "pass", EVIL[0], factor="distractors"),
    )
    for made in (first, second, measured(EVIL[0]), few_photos()):
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


class Lines:
    """A report format of somebody's: what failed, a line each."""

    def __init__(self, file_name="failed.txt"):
        self.file_name = file_name

    def render(self, run):
        return "\n".join(result.check for result in run.results() if result.verdict == "fail")


@pytest.fixture
def registered(monkeypatch):
    """Adds a report format for one test."""
    monkeypatch.setattr(REPORTS, "_loaded", dict(REPORTS._loaded))
    return REPORTS.add


def test_a_stranger_s_format_is_written_beside_the_built_in_ones(folder, registered):
    registered("lines", Lines())
    assert write_report(folder) == folder / "report.html"
    assert (folder / "failed.txt").read_text() == "spread.balanced\nfew\nsequence_length"
    assert (folder / "summary.md").exists()


@pytest.mark.parametrize("name", ["run.json", "report.html", "../up.txt", ""])
def test_a_format_without_a_file_of_its_own_is_refused_after_all_others(folder, registered, name):
    registered("lines", Lines(name))
    run = (folder / "run.json").read_text()
    with pytest.raises(ExtensionError, match=rf"report format 'lines': file_name='{name}'"):
        write_report(folder)
    assert "<!doctype html>" in (folder / "report.html").read_text()
    assert (folder / "run.json").read_text() == run


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
    run = {"schema": 2, "description": {"checks": {"x": {}}}}
    (tmp_path / "run.json").write_text(json.dumps(run))
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "x.json").write_text('{"check": "x"}')
    with pytest.raises(
        RunFolderError, match=r"x.json' is not a CheckResult: \('module',\): Field required"
    ):
        write_report(tmp_path)
