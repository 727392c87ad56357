"""Puts an adapter beside the built-in model, as `--vlm builtin-repaired`.

    python -m training.repaired --adapter remedy-proof/adapters/deep-seed0

Weights in half precision; the mask's record and the training's record go with them, checkpoints and
tokenizer do not. Its answers to the demonstration's cases are recorded beside it.
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

from mimic_checks.commands.demo import DEMO
from mimic_checks.models.backends import REPAIRED, REPAIRED_ADAPTER
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
        run = Path(folder) / "run"
        command = [sys.executable, "-m", "mimic_checks.cli", "run", "--vlm", REPAIRED]
        demo = [*DEMO[2:-1], "test_image_count", "--vlm-output", str(run), "-c", "/dev/null"]
        subprocess.call([*command, *demo])
        number = record_answers(run, REPAIRED_ADAPTER / "demo_answers.json")
        print(number, "answers recorded")


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
    short = {key: value for key, value in record.items() if key != "losses"}
    (out / "training.json").write_text(json.dumps(short, indent=1) + "\n")
    for name in COPIED:
        if (adapter / name).is_file():
            shutil.copyfile(adapter / name, out / name)


if __name__ == "__main__":
    main()
