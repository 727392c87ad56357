"""Several devices, as far as two CPU processes can show: sharded weights, shipped launch files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file

import remedies

LAUNCH = Path(remedies.__file__).parent / "launch"


def test_sharded_it_learns_under_its_mask_as_it_does_whole():
    options = "--nproc_per_node 2 --master_port 29518 -m tests.remedies.sharded"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *options.split()],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("gradients agree") == 2


@pytest.mark.parametrize(
    ("name", "kind"), [("several_gpus", "MULTI_GPU"), ("fsdp", "FSDP"), ("deepspeed", "DEEPSPEED")]
)
def test_accelerate_reads_the_launch_files(name, kind):
    found = load_config_from_file(str(LAUNCH / f"{name}.yaml"))
    assert found.distributed_type == kind
    assert found.mixed_precision == "bf16"


def test_every_launch_file_is_tested():
    assert {path.stem for path in LAUNCH.glob("*.yaml")} == {"several_gpus", "fsdp", "deepspeed"}
