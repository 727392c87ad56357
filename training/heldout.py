"""Held-out numbers of the built-in model, on scenes of seeds that training never uses.

    python -m training.heldout --model mimic_checks/models/builtin \\
        --record reports/builtin_heldout.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mimic_checks.cases import (
    Case,
    common_cases,
    counting_cases,
    draw,
    judge,
    listing_cases,
    odd_one_cases,
)
from mimic_checks.catalog import rendered
from mimic_checks.models import prompt_of
from mimic_checks.models.transformers_vlm import TransformersVLM
from mimic_checks.runs import Runner
from mimic_checks.tasks import Vocabulary
from mimic_checks.verdicts.intervals import lower, upper

SEED, CASES = 20270101, 500
REQUIRED = {
    "one image: counting 1-4": 0.90,
    "one image: listing": 0.95,
    "one image: counting two classes": 0.80,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    catalog = rendered(seed=SEED, scenes=6000, families=36)
    sets = {
        "one image: counting 1-4": counting_cases(catalog, instances=(1, 4), template="any"),
        "one image: counting 4-6": counting_cases(catalog, instances=(4, 6), template="any"),
        "one image: listing": listing_cases(catalog, images=1, template="any"),
        "one image: counting two classes": counting_cases(catalog, concepts=2, template="any"),
        "two images: counting, spread 2": counting_cases(
            catalog, spread=2, instances=(1, 2), template="any"
        ),
        "two images: listing": listing_cases(catalog, images=2, template="any"),
        "two images: common": common_cases(catalog, images=2, template="any"),
        "two images: odd one": odd_one_cases(catalog, images=2, template="any"),
        "four images: counting, spread 4": counting_cases(
            catalog, spread=4, instances=(1, 2), template="any"
        ),
        "four images: counting, three distractors": counting_cases(
            catalog, distractors=3, template="any"
        ),
        "four images: listing": listing_cases(catalog, images=4, template="any"),
        "eight images: listing": listing_cases(catalog, images=8, template="any"),
    }
    vlm = TransformersVLM(str(options.model), name="builtin")
    vocabulary = Vocabulary(catalog.class_names)
    rates = {}
    for name, strategy in sets.items():
        cases: list[Case] = draw(strategy, CASES, seed=SEED)
        prompts = [prompt_of(case, catalog.manifest) for case in cases]
        answers = Runner(vlm, batch=32).answer(prompts)
        outcomes = [
            judge(case, answers[case.id].text, answers[case.id].error, vocabulary) for case in cases
        ]
        right = sum(outcome.kind == "right" for outcome in outcomes)
        interval = (lower(right, CASES, 0.025), upper(right, CASES, 0.025))
        rates[name] = {
            "right": right,
            "n": CASES,
            "rate": right / CASES,
            "interval_95": [round(bound, 4) for bound in interval],
        }
        required = f" (required {REQUIRED[name]})" if name in REQUIRED else ""
        print(f"{name}: {right / CASES:.3f}{required}", flush=True)
    if options.record:
        record = {"scene_seed": SEED, "required": REQUIRED, "rates": rates}
        options.record.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
