"""What the tests of pages do where Chromium or its driver is missing."""

from __future__ import annotations

import pytest

from tests import browser


@pytest.mark.parametrize(
    ("there", "says"),
    [
        (
            set(),
            "no chromium and no chromium-driver on the PATH; apt install chromium chromium-dri",
        ),
        ({"google-chrome"}, "no chromium-driver on the PATH; apt install chromium-driver"),
        ({"chromedriver"}, "no chromium on the PATH; apt install chromium"),
    ],
)
def test_what_is_missing_is_skipped_with_what_to_install(monkeypatch, there, says):
    monkeypatch.setattr("shutil.which", lambda name: f"/opt/{name}" if name in there else None)
    with pytest.raises(pytest.skip.Exception, match=says):
        browser.found()


def test_it_is_found_wherever_it_is(monkeypatch):
    there = {"google-chrome", "chromedriver"}
    monkeypatch.setattr("shutil.which", lambda name: f"/opt/{name}" if name in there else None)
    assert browser.found() == ("/opt/google-chrome", "/opt/chromedriver")
