"""The proof of a remedy: the same cases before and after, for every variant (MIMIC, table 5, on
one's own model).

It leaves a folder

    adapters/<mask>-seed<k>/   what `train_adapter` makes; one that is there is taken as it is
    journal/<variant>/         answers, batch by batch: a killed proof goes on where it was
    proof.json, proof.html, summary.md, images/
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mimic_checks.cases import Case, Outcome
from mimic_checks.catalog import Catalog
from mimic_checks.errors import RemedyError
from mimic_checks.models import VLM, ModelOptions, check_vlm, load_vlm, prompt_of
from mimic_checks.processes import call
from mimic_checks.runs import Condition, Engine, choose_budget, distinct_cases, fixed_budget
from mimic_checks.runs.hold import held
from mimic_checks.runs.whole_file import sweep_parts
from mimic_checks.tasks import Names, Vocabulary
from mimic_checks.tasks.truth import of_type
from mimic_checks.verdicts.pictures import save_pictures
from mimic_checks.verdicts.run_folder import RunFolder
from remedies.behaviours import draw_cases, role_of
from remedies.dataset import open_training_data
from remedies.disjoint import refuse_shared, training_ids
from remedies.held_out import held_out_pairs
from remedies.proof import (
    Proof,
    VariantResult,
    flips,
    held_out_slice,
    level_change,
    rate,
    target_ratio,
)
from remedies.proof_page import write_proof
from remedies.records import read_record
from remedies.variants import PLAIN, ProofPlan, Variant, variants

Report = Callable[[str], None]
Outcomes = dict[str, list[Outcome]]


def prove(
    plan: ProofPlan,
    catalog: Catalog,
    base: ModelOptions = PLAIN,
    *,
    command: str = "",
    report: Report = print,
) -> Proof:
    """Trains the adapters that are missing, asks every variant the same cases, and writes the
    proof.

    Raises:
        RemedyError: evaluation images that were trained on, training data made otherwise, a
            training that failed.
        RunFolderError: another process is at work in the folder.
        EmptyPool: a catalog too small for the cases.
    """
    check_vlm(plan.vlm, base, catalog)
    data, asker = open_training_data(plan.data), _Asker(plan, catalog, report)
    refuse_shared(training_ids(data), asker.asked, plan.data)
    # What cannot be compared is refused now, not after the trainings.
    planned = variants(plan, base)
    with held(plan.out, "--out"):
        sweep_parts(plan.out)
        return _prove(asker, planned, base, command)


def _prove(asker: _Asker, planned: list[Variant], base: ModelOptions, command: str) -> Proof:
    plan, catalog, report = asker.plan, asker.catalog, asker.report
    for mask, seed in [(mask, seed) for seed in plan.seeds for mask in plan.masks]:
        _train(plan, mask, seed, report)
    before, identity = asker.ask("base", base)
    results, after = [], {"base": before}
    for variant in planned:
        found = [
            asker.ask(f"{variant.name} {k}", options)[0]
            for k, options in enumerate(variant.options)
        ]
        after[variant.name] = found[0]
        results.append(_result(variant, before, found))
    proof = Proof(
        model=plan.vlm,
        catalog=catalog.name,
        data=str(plan.data),
        seed=plan.seed,
        command=command,
        budget=_budget(plan),
        base=tuple((level, rate(outcomes)) for level, outcomes in before.items()),
        variants=tuple(results),
        held_out=tuple(_held_out(catalog, plan.data, after)),
        # As it is read back: a backend may put anything into it that JSON can hold.
        identity=json.loads(json.dumps({k: v for k, v in identity.items() if k != "adapter"})),
    )
    flipped = [flip.case for result in results for flip in result.flips]
    save_pictures(flipped, catalog.manifest, plan.out)
    write_proof(proof, plan.out)
    return proof


def _train(plan: ProofPlan, mask: str, seed: int, report: Report) -> None:
    """One adapter, in a process of its own: its memory is free before anything is asked."""
    adapter = plan.adapter(mask, seed)
    if (adapter / "training.json").is_file():
        return
    report(f"training {adapter.name}")
    arguments = [
        "remedy",
        "train",
        "--vlm",
        plan.vlm,
        "--data",
        str(plan.data),
        "--out",
        str(adapter),
        "--preset",
        plan.preset,
    ]
    settings = [
        part
        for setting in (*plan.settings, f"mask={mask}", f"seed={seed}")
        for part in ("--set", setting)
    ]
    code = call([sys.executable, "-m", "mimic_checks.cli", *arguments, *settings])
    if code:
        raise RemedyError(
            f"training of {adapter.name!r} ended with exit code {code}; what it said is above,"
            " finished adapters are kept: the same command goes on"
        )


class _Asker:
    """Asks one model after another the proof's cases; the batch budget is measured once, on the
    first."""

    def __init__(self, plan: ProofPlan, catalog: Catalog, report: Report) -> None:
        self.plan, self.catalog, self.report = plan, catalog, report
        self.cases = draw_cases(catalog, plan.cases, plan.guard_cases, plan.seed)
        self.asked = distinct_cases(case for level in self.cases.values() for case in level)
        self._vocabulary = Vocabulary(catalog.class_names, catalog.groups, catalog.labels)
        self._budget: int | None = None

    def ask(self, name: str, options: ModelOptions) -> tuple[Outcomes, dict[str, Any]]:
        """Outcomes by level, and who answered; what the journal of `name` holds is not asked
        again."""
        began = time.monotonic()
        model = load_vlm(self.plan.vlm, options, self.catalog)
        engine = Engine(
            model,
            opener=self.catalog.manifest,
            vocabulary=self._vocabulary,
            journal_of=RunFolder(self.plan.out).journal,
            budget=self._budget_of(model),
        )
        journal = name.replace(" ", "_").replace(",", "")
        answered = engine.outcomes(Condition(journal, self.asked))
        outcomes = {
            level: [answered[case.id] for case in cases] for level, cases in self.cases.items()
        }
        rates = "  ".join(
            f"{level}: {rate(judged).rate:.3f}"
            for level, judged in outcomes.items()
            if role_of(level)
        )
        self.report(f"{name}: {rates} ({time.monotonic() - began:.0f} s)")
        return outcomes, model.identity()

    def _budget_of(self, first: VLM) -> int:
        """Image tokens per batch, for all models; kept in the folder, so that a proof that goes on
        makes the same batches."""
        if self._budget is None:
            prompts = [prompt_of(case, self.catalog.manifest) for case in self.asked]
            if self.plan.batch:
                self._budget = fixed_budget(first, prompts, self.plan.batch)
            else:
                folder = RunFolder(self.plan.out)
                self._budget = folder.once(
                    "budget", first.identity(), lambda: choose_budget(first, prompts)
                )
        return self._budget


def _result(variant: Variant, before: Outcomes, after: list[Outcomes]) -> VariantResult:
    levels = tuple(
        level_change(level, outcomes, [found[level] for found in after])
        for level, outcomes in before.items()
    )
    ratio, low, high = target_ratio(before, after)
    shown = [
        flip
        for level in before
        if role_of(level) == "target"
        for flip in flips(level, before[level], after[0][level])
    ]
    return VariantResult(
        name=variant.name,
        what=variant.what,
        seeds=variant.seeds,
        levels=levels,
        ratio=ratio,
        ratio_low=low,
        ratio_high=high,
        train_seconds=tuple(
            _record(options)["seconds"] for options in variant.options if options.adapter
        ),
        flips=tuple(shown),
    )


def _record(options: ModelOptions) -> dict[str, float]:
    assert options.adapter
    return read_record(Path(options.adapter) / "training.json")


def _budget(plan: ProofPlan) -> str:
    """Steps and samples of every adapter.

    Raises:
        RemedyError: adapters that were not trained alike.
    """
    records = {
        (m, s): read_record(plan.adapter(m, s) / "training.json")
        for m in plan.masks
        for s in plan.seeds
    }
    if not records:
        return "no training"
    shapes = {
        key: (
            r["steps"],
            r["options"]["batch_size"] * r["options"]["gradient_accumulation_steps"] * r["devices"],
            r["data"],
        )
        for key, r in records.items()
    }
    if len(set(shapes.values())) > 1:
        odd = next(key for key, shape in shapes.items() if shape != next(iter(shapes.values())))
        raise RemedyError(
            f"adapter {plan.adapter(*odd).name!r} was trained with another budget {shapes[odd]};"
            " delete it and give the same command again"
        )
    (steps, batch, _), any_record = next(iter(shapes.values())), next(iter(records.values()))
    return (
        f"{steps} steps of {batch} samples each, for every adapter; {any_record['threads']}"
        f" threads, torch {any_record['torch']}"
    )


def _held_out(
    catalog: Catalog, data: Path, after: dict[str, Outcomes]
) -> Iterator[tuple[str, str, float, int, float, int]]:
    """Rates on cases in which a held-out pair meets: the asked class beside a class that training
    never put beside it."""
    mixture = read_record(data / "about.json")["mixture"]
    held = held_out_pairs(
        catalog.class_names, name=mixture["held_out"], share=mixture["held_out_share"]
    )
    tasks = ("common", "odd_one")
    involved = {
        task: np.array([_meets(catalog, held, o.case) for o in _of_task(after["base"], task)])
        for task in tasks
    }
    for name, outcomes in after.items():
        for task in tasks:
            yield (name, task, *held_out_slice(_of_task(outcomes, task), involved[task]))


def _of_task(outcomes: Outcomes, task: str) -> list[Outcome]:
    """The outcomes of a task at its judged level; the same cases in the same order for every
    variant."""
    return [
        o
        for level, group in outcomes.items()
        if role_of(level)
        for o in group
        if o.case.task == task
    ]


def _meets(catalog: Catalog, held: np.ndarray, case: Case) -> bool:
    rows = [catalog.manifest.row(image) for image in case.images]
    shown = catalog.possible[rows].any(axis=0)
    return bool(held[catalog.class_index(of_type(case.truth, Names).names[0])][shown].any())
