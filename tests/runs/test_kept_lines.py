"""Lines that are kept as they are found, whatever moment a run ends at."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.errors import RunFolderError
from mimic_checks.runs.kept_lines import kept_lines

ENTRIES = st.lists(st.fixed_dictionaries({"n": st.integers(), "said": st.text()}), max_size=5)


@given(ENTRIES, st.data())
def test_a_file_cut_off_anywhere_gives_its_whole_lines_and_goes_on(tmp_path_factory, entries, data):
    path = tmp_path_factory.mktemp("kept") / "lines.jsonl"
    whole = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
    end = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:end])
    found = list(kept_lines(path, dict))
    assert found == entries[: whole[:end].count(b"\n")]
    with path.open("ab") as file:
        file.write(json.dumps({"n": 1, "said": "more"}).encode() + b"\n")
    assert list(kept_lines(path, dict)) == [*found, {"n": 1, "said": "more"}]


def test_what_is_broken_before_the_end_is_refused_and_nothing_is_nothing(tmp_path):
    assert list(kept_lines(tmp_path / "none.jsonl", dict)) == []
    path = tmp_path / "lines.jsonl"
    path.write_text('{"n": 1}\nnot JSON\n')
    with pytest.raises(RunFolderError, match="line 2 is broken"):
        list(kept_lines(path, dict))
