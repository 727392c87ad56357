"""Data sets of the hub, a local folder in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimic_checks.errors import InvalidArgument, SuiteError
from mimic_checks.suites.hub import is_hub, local_folder
from mimic_checks.suites.muirbench import MUIRBENCH
from mimic_checks.suites.suite import categories_of, open_suite
from tests.suites import test_muirbench as muirbench
from tests.suites.known import known

COMMIT = "03bf7d143d920e97a757f606b6b7baee161b019b"


def test_a_folder_stays_what_it_is(tmp_path: Path) -> None:
    assert not is_hub(tmp_path)
    assert local_folder(tmp_path) == tmp_path
    assert local_folder("data/blink") == Path("data/blink")


def test_a_pinned_data_set_is_downloaded(tmp_path: Path) -> None:
    asked = []

    def download(**wanted: str) -> str:
        asked.append(wanted)
        return str(tmp_path)

    place = Path(f"hub:BLINK-Benchmark/BLINK@{COMMIT}")
    assert is_hub(place)
    assert local_folder(place, download) == tmp_path
    assert asked == [
        {"repo_id": "BLINK-Benchmark/BLINK", "repo_type": "dataset", "revision": COMMIT}
    ]


@pytest.mark.parametrize("place", ["hub:a/b", "hub:a/b@main", "hub:b@" + COMMIT, "hub:"])
def test_a_moving_revision_is_refused(place: str) -> None:
    with pytest.raises(InvalidArgument, match="folder='hub:.*40 hex digits"):
        local_folder(place, lambda **_: "never")


def test_an_unreachable_hub_says_what_to_do() -> None:
    def download(**_: str) -> str:
        raise ConnectionError("no route")

    with pytest.raises(SuiteError, match="no route; give a folder with its files"):
        local_folder(f"hub:a/b@{COMMIT}", download)


def test_the_client_of_the_hub_takes_what_is_asked() -> None:
    """The arguments that the function hands over exist, and offline it is the same refusal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with pytest.raises(SuiteError, match="cannot be downloaded"):
            local_folder(f"hub:nobody/nothing@{COMMIT}")


def test_a_suite_of_the_hub_is_asked_and_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    muirbench.mini(tmp_path, muirbench.ROWS)
    known(MUIRBENCH)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda **_: str(tmp_path))
    place = f"muirbench:hub:MUIRBENCH/MUIRBENCH@{COMMIT}"
    suite = open_suite(f"{place}?template=ours")
    assert COMMIT in suite.name
    local = open_suite(f"muirbench:{tmp_path}?template=ours")
    assert (suite.data_hash, set(suite.items)) == (local.data_hash, set(local.items))
    assert categories_of(place) == ("Counting", "Visual Retrieval")
