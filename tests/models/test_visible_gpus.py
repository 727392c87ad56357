"""How many GPUs a process may use, counted without torch."""

from __future__ import annotations

import pytest

from mimic_checks.models.device import visible_gpus


@pytest.fixture
def machine(tmp_path):
    """Makes a machine with so many GPUs in the driver's list, and so many device files."""

    def make(driver, files):
        (tmp_path / "dev").mkdir()
        for number in range(files):
            (tmp_path / "dev" / f"nvidia{number}").touch()
        for name in ("nvidiactl", "nvidia-uvm", "nvidia-caps"):
            (tmp_path / "dev" / name).touch()
        gpus = tmp_path / "proc/driver/nvidia/gpus"
        gpus.mkdir(parents=True)
        for number in range(driver):
            (gpus / f"0000:0{number}:00.0").mkdir()
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("driver", "files", "count"),
    [(0, 0, 0), (4, 4, 4), (8, 2, 2), (0, 3, 3), (3, 0, 3)],
    ids=["none", "four", "a container's share", "no driver list", "no device files"],
)
def test_the_machines_gpus(machine, driver, files, count):
    assert visible_gpus({}, machine(driver, files)) == count


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        ("", 0),
        ("-1", 0),
        ("0", 1),
        ("2,0", 2),
        (" 1 , 3 ", 2),
        ("0,1,2,3,4,5", 4),
        ("0,9,1", 1),
        ("0,-1,1", 1),
        ("1,1", 0),
        ("GPU-8932f937,GPU-46ab1e2c", 2),
        ("MIG-GPU-8932f937/1/2", 1),
        ("none", 0),
    ],
)
def test_of_four_those_that_the_environment_shows(machine, chosen, count):
    """As the CUDA programming guide has it: the list ends before the first entry that is no
    device; one that is named twice empties it."""
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": chosen}, machine(4, 4)) == count


def test_the_environment_shows_no_gpu_that_is_not_there(machine):
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "0,1"}, machine(0, 0)) == 0
