"""A model that cannot load is said once, with exit code 4, however many nodes and workers want
it."""

from __future__ import annotations

import pytest
from safetensors.torch import load_file, save_file

from tests.models.checkpoint import save

COUNT = """
import os
import mimic_checks.checks.session as session

load = session.load_vlm

def counted(*given):
    with open("loads", "a") as stream:
        print(os.environ.get("PYTEST_XDIST_WORKER", "alone"), file=stream)
    return load(*given)

session.load_vlm = counted
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [("-p", "no:xdist"), ("-n", "2")], ids=["alone", "n2"])
def test_it_is_said_once(pytester, workers):
    folder = save(pytester.path / "model")
    found = load_file(folder / "model.safetensors")
    lost = "language_model.model.layers.2.mlp.up_proj.weight"
    kept = {key: value for key, value in found.items() if key != lost}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    pytester.makeconftest(COUNT)
    named = ("-p", "no:cacheprovider", "-k", "spread or image_count", "--vlm-cases", "20")
    result = pytester.runpytest_subprocess(
        "--pyargs", "mimic_checks.checks", *named, "--vlm", str(folder), *workers
    )
    assert result.ret == 4
    said = "\n".join([*result.outlines, *result.errlines])
    assert said.count("did not load whole: model.language_model.layers.2.mlp.up_proj") == 1
    loads = (pytester.path / "loads").read_text().split()
    assert len(loads) == len(set(loads)), "each process tries at most once"
