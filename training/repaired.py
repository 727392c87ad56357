"""Puts an adapter beside the built-in model, as `--vlm builtin-repaired`, and records its answers
to the demonstration's cases.

    python -m training.repaired --adapter remedy-proof/adapters/deep-seed0

Weights in half precision; the mask's record and the training's record go with them, checkpoints and
tokenizer do not.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors.torch import load_file, save_file

from mimic_checks.cli import DEMO
from mimic_checks.models.spec import REPAIRED, REPAIRED_ADAPTER
from remedies.before_after import record_answers

COPIED = ("mimic_checks_mask.json",)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--adapter", type=Path, required=True)
    options = parser.parse_args()
    ship(options.adapter, REPAIRED_ADAPTER)
    with tempfile.TemporaryDirectory() as folder:
        asked = [
            *DEMO[2:-1],
            "test_image_count",
            "--vlm-output",
            f"{folder}/run",
            "-c",
            "/dev/null",
        ]
        subprocess.call(
            [sys.executable, "-m", "mimic_checks.cli", "run", "--vlm", REPAIRED, *asked]
        )
        print(
            record_answers(Path(folder) / "run", REPAIRED_ADAPTER / "demo_answers.json"),
            "answers recorded",
        )


def ship(adapter: Path, out: Path) -> None:
    """Copies an adapter, its weights in half precision, its base named as `--vlm` names it."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    tensors = {
        name: tensor.half()
        for name, tensor in load_file(adapter / "adapter_model.safetensors").items()
    }
    save_file(tensors, out / "adapter_model.safetensors", metadata={"format": "pt"})
    config = json.loads((adapter / "adapter_config.json").read_text())
    (out / "adapter_config.json").write_text(
        json.dumps({**config, "base_model_name_or_path": "builtin"}, indent=1) + "\n"
    )
    record = json.loads((adapter / "training.json").read_text())
    (out / "training.json").write_text(
        json.dumps({key: value for key, value in record.items() if key != "losses"}, indent=1)
        + "\n"
    )
    for name in COPIED:
        if (adapter / name).is_file():
            shutil.copyfile(adapter / name, out / name)


if __name__ == "__main__":
    main()
