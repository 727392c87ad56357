"""A page opened offline in a real Chromium."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
DRIVERS = ("chromedriver", "chromium.chromedriver", "chromium-driver")


def found() -> tuple[str, str]:
    """The browser and its driver, wherever they are; skips the test where one is missing."""
    places = [next(filter(None, map(shutil.which, names)), "") for names in (BROWSERS, DRIVERS)]
    missing = [
        what
        for what, place in zip(("chromium", "chromium-driver"), places, strict=True)
        if not place
    ]
    if missing:
        pytest.skip(f"no {' and no '.join(missing)} on the PATH; apt install {' '.join(missing)}")
    return places[0], places[1]


def chromium(path: Path, *, width: int = 1200, dark: bool = False) -> Any:
    """A driver that has opened the file; skips the test where Chromium is not installed."""
    browser, service = found()
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--window-size={width},900",
        "--disable-dev-shm-usage",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(service))
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd(
        "Network.emulateNetworkConditions",
        {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0},
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    driver.get(path.as_uri())
    return driver
