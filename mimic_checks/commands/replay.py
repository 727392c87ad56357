"""`mimic-checks replay`: one case asked again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mimic_checks.commands.checks import add_checks
from mimic_checks.commands.sources import stored_case


def add_replay(commands: Any) -> None:
    command = commands.add_parser(
        "replay",
        help="ask a model one case again, by id",
        epilog="example: mimic-checks replay mimic-report 3f0c1d... --vlm builtin",
    )
    command.add_argument("source", type=Path, help="a run's output folder, or a case set")
    command.add_argument("case", help="case id")
    command.add_argument("--vlm", required=True)
    command.add_argument("--vlm-adapter")
    command.add_argument("--vlm-base-url")
    add_checks(command)
    command.set_defaults(work=_replay)


def _replay(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.cases import judge
    from mimic_checks.checks.discovery import find_checks
    from mimic_checks.models import ModelOptions, check_vlm, load_vlm, prompt_of
    from mimic_checks.models.vlm import texts_of
    from mimic_checks.tasks import Vocabulary

    if options.checks:
        find_checks(options.checks)  # importing them registers tasks that have no entry point
    case, catalog = stored_case(options.source, options.case)
    settings = ModelOptions(adapter=options.vlm_adapter, base_url=options.vlm_base_url)
    check_vlm(options.vlm, settings, catalog)
    for number, image_id in enumerate(case.images, start=1):
        image = catalog.source.describe(catalog.manifest.row(image_id))
        print(f"image {number}: {image} (sha256 {image_id[:16]}...)")
    model = load_vlm(options.vlm, settings, catalog)
    answer = texts_of(model, [prompt_of(case, catalog.manifest)])[0]
    outcome = judge(
        case, answer, None, Vocabulary(catalog.class_names, catalog.groups, catalog.labels)
    )
    print(
        f"question: {case.question}\ntrue answer: {case.truth.text}\nmodel's answer:"
        f" {answer}\noutcome: {outcome.kind}"
    )
    return 0 if outcome.kind == "right" else 1
