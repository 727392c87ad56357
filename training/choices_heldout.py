"""Held-out numbers of `builtin-choices`: its patterns, and what it kept of the built-in model.

    python -m training.choices_heldout --model mimic_checks/models/builtin_choices \\
        --record reports/builtin_choices_heldout.json

Twins and scenes come from seeds that training never uses. What it kept is paired: the same cases to
both models.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mimic_checks.cases import Case, Outcome, counting_cases, draw, judge, listing_cases, scored
from mimic_checks.cases.visual_patterns import visual_patterns
from mimic_checks.catalog import Catalog, rendered
from mimic_checks.catalog.patterns import PATTERNS
from mimic_checks.catalog.twins import twins
from mimic_checks.models import VLM, prompt_of
from mimic_checks.models.backends import BUILTIN_FOLDER
from mimic_checks.models.transformers_vlm import TransformersVLM
from mimic_checks.runs import Runner
from mimic_checks.tasks import Vocabulary
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.pairs import Pairs

SEED, CASES, PAIRS = 20270102, 500, 200


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    model = TransformersVLM(str(options.model), name="builtin-choices")
    before = TransformersVLM(str(BUILTIN_FOLDER), name="builtin")
    record = {"seed": SEED, "patterns": _patterns(model), "kept": _kept(before, model)}
    if options.record:
        options.record.write_text(json.dumps(record, indent=2) + "\n")


def _patterns(model: VLM) -> dict[str, Any]:
    """Pair accuracy by pattern, with exact 95 % intervals."""
    catalog = twins(seed=SEED, pairs=2 * PAIRS)
    draws = draw(visual_patterns(catalog, patterns=tuple(PATTERNS), template="any"), PAIRS, SEED)
    cases = [case for groups in draws for group in groups for case in group.cases]
    outcomes = _outcomes(model, catalog, cases)
    found = {}
    for place, pattern in enumerate(PATTERNS):
        kinds = [item.kind for item in scored([groups[place] for groups in draws], outcomes)]
        found[pattern] = _rate(kinds.count("right"), PAIRS)
        print(f"{pattern}: {found[pattern]['rate']:.3f} of pairs", flush=True)
    return found


def _kept(before: VLM, after: VLM) -> dict[str, Any]:
    """One image: rates of both models on the same cases, and the paired drop."""
    catalog = rendered(seed=SEED, scenes=6000, families=36)
    found = {}
    for name, strategy in {
        "counting 1-4": counting_cases(catalog, instances=(1, 4), template="any"),
        "counting two classes": counting_cases(catalog, concepts=2, template="any"),
        "listing": listing_cases(catalog, images=1, template="any"),
    }.items():
        cases: list[Case] = draw(strategy, CASES, SEED)
        right = [
            tuple(_outcomes(model, catalog, cases)[case.id].kind == "right" for case in cases)
            for model in (before, after)
        ]
        pairs = Pairs(*right)
        low, high = FIXED_NUMBER.drop_bounds(pairs, 0.025)
        found[name] = {
            "builtin": _rate(sum(right[0]), CASES),
            "builtin-choices": _rate(sum(right[1]), CASES),
            "drop_points": round(100 * pairs.drop, 2),
            "interval_95": [round(100 * low, 2), round(100 * high, 2)],
        }
        print(f"{name}: {found[name]}", flush=True)
    return found


def _outcomes(model: VLM, catalog: Catalog, cases: Sequence[Case]) -> dict[str, Outcome]:
    vocabulary = Vocabulary(catalog.class_names)
    answers = Runner(model, batch=32).answer([prompt_of(c, catalog.manifest) for c in cases])
    return {
        case.id: judge(case, answers[case.id].text, answers[case.id].error, vocabulary)
        for case in cases
    }


def _rate(right: int, n: int) -> dict[str, Any]:
    interval = [round(lower(right, n, 0.025), 4), round(upper(right, n, 0.025), 4)]
    return {"right": right, "n": n, "rate": right / n, "interval_95": interval}


if __name__ == "__main__":
    main()
