"""`mimic-checks read`: what is read in answers that stand in a file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def add_read(commands: Any) -> None:
    command = commands.add_parser(
        "read",
        help="what is read in answers of a JSON Lines file, and why not",
        epilog="example: mimic-checks read answers.jsonl",
    )
    command.add_argument("file", help="answers, one JSON object a line; '-' for standard input")
    command.add_argument(
        "--classes", type=Path, help="file of class names, one a line (default: COCO's 80)"
    )
    command.set_defaults(work=_read)


def _read(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.read_answers import read_file

    return read_file(options.file, options.classes)
