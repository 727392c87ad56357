"""`mimic-checks remedy plan | data | train | prove`: the arguments of each step.

Imports the standard library only until a subcommand runs.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any


def add_remedy(commands: Any) -> None:
    """Adds `remedy` with its subcommands to the command's parser."""
    remedy = commands.add_parser(
        "remedy", help="repair a model: plan, training data, training, proof"
    )
    steps = remedy.add_subparsers(dest="step", required=True)

    plan = steps.add_parser(
        "plan",
        help="propose remedies for a run's failed checks",
        epilog="example: mimic-checks remedy plan mimic-report",
    )
    plan.add_argument("folder", type=Path, help="a run's output folder")
    plan.set_defaults(work=_plan)

    data = steps.add_parser(
        "data",
        help="make procedural training data from a catalog",
        epilog="example: mimic-checks remedy data --catalog coco:/data/coco --out training-data",
    )
    data.add_argument(
        "--catalog", required=True, help="rendered?seed=..., coco:<folder>, openimages:<folder>"
    )
    data.add_argument(
        "--mixture", default="paper", help="'paper', 'builtin' or a TOML file (default paper)"
    )
    data.add_argument("--samples", type=int, help="scale the mixture to about so many samples")
    data.add_argument(
        "--keep-out",
        action="append",
        default=[],
        metavar="WHAT",
        help="a run folder, case set or catalog whose images must not be trained on"
        " (may be given more than once)",
    )
    data.add_argument("--out", type=Path, required=True, help="a new folder, or an unfinished one")
    data.add_argument("--processes", type=int, default=2, help="how many make shards (default 2)")
    data.set_defaults(work=_data)

    train = steps.add_parser(
        "train",
        help="train a LoRA adapter under an image-local mask",
        epilog="example: mimic-checks remedy train --vlm builtin --data training-data"
        " --preset builtin --out adapter",
    )
    train.add_argument(
        "--data", type=Path, required=True, help="a folder made by: mimic-checks remedy data"
    )
    _model(train)
    _training(train)
    train.add_argument(
        "--mask-from",
        type=Path,
        metavar="RUN",
        help="mask the layers in which that run's attention profile says images fade",
    )
    train.add_argument("--out", type=Path, required=True, help="the adapter's folder")
    train.set_defaults(work=_train)

    prove = steps.add_parser(
        "prove",
        help="ask the same cases before and after, for every variant",
        epilog="example: mimic-checks remedy prove --vlm builtin --data training-data"
        " --preset builtin --out proof",
    )
    prove.add_argument(
        "--data", type=Path, required=True, help="a folder made by: mimic-checks remedy data"
    )
    _model(prove)
    _training(prove)
    prove.add_argument(
        "--out", type=Path, required=True, help="folder for adapters, answers and the proof"
    )
    prove.add_argument(
        "--masks",
        nargs="*",
        default=["none", "deep", "shallow", "all"],
        help="layer windows to train with",
    )
    prove.add_argument(
        "--seeds", nargs="*", type=int, default=[0, 1, 2], help="seeds to train with, each"
    )
    prove.add_argument(
        "--pooling", type=int, default=4, help="image tokens averaged into one (default 4)"
    )
    prove.add_argument(
        "--adapter",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="a further adapter of `remedy train` on the same data"
        " (one name several times: its seeds)",
    )
    prove.add_argument("--vlm-catalog", default="rendered")
    prove.add_argument("--vlm-cases", type=int, default=300, help="cases a level (default 300)")
    prove.add_argument(
        "--guard-cases",
        type=int,
        default=2000,
        help="cases of every one-image guard (default 2000)",
    )
    prove.add_argument("--vlm-seed", type=int, default=0)
    prove.add_argument("--vlm-batch", type=int)
    prove.set_defaults(work=_prove)


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--vlm", required=True, help="the base: hub id, folder or 'builtin'")
    parser.add_argument("--vlm-device", default="auto")
    parser.add_argument("--vlm-dtype", default="auto")
    parser.add_argument("--vlm-trust-remote-code", action="store_true")


def _training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", default="paper", help="'paper' (default) or 'builtin'")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help="change a setting of the preset: mask, r, learning_rate, max_steps, ..."
        " (may be given more than once)",
    )


def _plan(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from remedies.plan import plan

    proposals = plan(options.folder)
    if not proposals:
        print("nothing to repair: every check over several images passed")
    for number, proposal in enumerate(proposals, start=1):
        print(f"{number}. {proposal.remedy}\n   why: {proposal.reason}")
        for command in proposal.commands:
            print(f"   $ {command}")
    return 0


def _data(options: argparse.Namespace, rest: Sequence[str]) -> int:
    _need("datasets")
    from mimic_checks.catalog.spec import load_presence
    from remedies.dataset import write_training_data
    from remedies.disjoint import evaluation_ids
    from remedies.mixture import load_mixture

    mixture = load_mixture(options.mixture)
    if options.samples is not None:
        mixture = mixture.scaled(options.samples)
    presence = load_presence(options.catalog)
    folder = write_training_data(
        presence,
        mixture,
        options.out,
        evaluation=evaluation_ids(options.keep_out),
        processes=options.processes,
        progress=_progress,
    )
    plural = "s" if mixture.samples > 1 else ""
    print(
        f"{mixture.samples:,} sample{plural} in {folder};"
        f" {folder / 'datasheet.md'} says what is in them"
    )
    return 0


def _train(options: argparse.Namespace, rest: Sequence[str]) -> int:
    _need("peft")
    from remedies.lora import options_of
    from remedies.train import train_adapter

    changes = _settings(options.settings)
    if options.mask_from:
        from remedies.plan import layer_window

        changes["mask"], reason = layer_window(options.mask_from)
        print(f"mask={changes['mask']}: {reason}")
    settings = options_of(options.preset, **changes)
    folder = train_adapter(
        options.vlm, options.data, options.out, settings, _model_options(options)
    )
    if os.environ.get("RANK", "0") == "0":  # one process of several speaks
        print(
            f"adapter in {folder}; answer with it:"
            f" --vlm {options.vlm} --vlm-adapter {shlex.quote(str(folder))}"
        )
    return 0


def _prove(options: argparse.Namespace, rest: Sequence[str]) -> int:
    _need("peft")
    from mimic_checks.catalog import load_catalog
    from remedies.lora import options_of
    from remedies.proof_page import promises
    from remedies.prove import prove
    from remedies.variants import ProofPlan

    # A setting that is not allowed is refused now, not after the first trainings.
    for mask in options.masks:
        options_of(options.preset, **{**_settings(options.settings), "mask": mask})
    plan = ProofPlan(
        vlm=options.vlm,
        data=options.data,
        out=options.out,
        masks=tuple(options.masks),
        seeds=tuple(options.seeds),
        preset=options.preset,
        settings=tuple(options.settings),
        pooling=options.pooling,
        cases=options.vlm_cases,
        guard_cases=options.guard_cases,
        seed=options.vlm_seed,
        batch=options.vlm_batch,
        given=tuple(_named(pair) for pair in options.adapter),
    )
    command = "mimic-checks " + shlex.join(sys.argv[1:])
    proof = prove(
        plan,
        load_catalog(options.vlm_catalog),
        _model_options(options),
        command=command,
        report=lambda line: print(line, flush=True),
    )
    print("\n".join(promises(proof)))
    print(f"proof: {options.out / 'proof.html'}")
    return 0


def _named(pair: str) -> tuple[str, Path]:
    """`NAME=FOLDER`.

    Raises:
        InvalidArgument: not of that form.
    """
    from mimic_checks.errors import InvalidArgument

    name, equals, folder = pair.partition("=")
    if not (name and equals and folder):
        raise InvalidArgument("adapter", pair, allowed="NAME=FOLDER")
    return name, Path(folder)


def _settings(pairs: Sequence[str]) -> dict[str, Any]:
    """`name=value` pairs, each as the type of its setting.

    Raises:
        InvalidArgument: an unknown setting, or a value of another type.
    """
    from mimic_checks.errors import InvalidArgument
    from remedies.lora import LoraOptions

    # With `from __future__ import annotations`, a field's type is the text that stands there.
    types = {field.name: str(field.type) for field in fields(LoraOptions)}
    casts: dict[str, Any] = {
        "int": int,
        "float": float,
        "str": str,
        "bool": {"true": True, "false": False}.__getitem__,
    }
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if name not in types:
            raise InvalidArgument("setting", name, allowed=sorted(types))
        try:
            settings[name] = casts[types[name]](value)
        except (ValueError, KeyError):
            allowed = "true or false" if types[name] == "bool" else f"a value of type {types[name]}"
            raise InvalidArgument(f"setting {name}", value, allowed=allowed) from None
    return settings


def _model_options(options: argparse.Namespace) -> Any:
    from mimic_checks.models import ModelOptions

    return ModelOptions(
        device=options.vlm_device,
        dtype=options.vlm_dtype,
        trust_remote_code=options.vlm_trust_remote_code,
    )


def _need(library: str) -> None:
    from importlib.util import find_spec

    from mimic_checks.errors import RemedyError

    if find_spec(library) is None:
        raise RemedyError(
            f"remedies need {library}; next step: pip install 'mimic-checks[remedies]'"
        )


def _progress(done: int, total: int) -> None:
    """A bar on a terminal, lines elsewhere."""
    if sys.stderr.isatty():
        filled = 30 * done // total
        print(
            f"\r[{'#' * filled}{'.' * (30 - filled)}] {done:,} of {total:,} samples",
            end="\n" if done == total else "",
            file=sys.stderr,
        )
    else:
        print(f"{done:,} of {total:,} samples", file=sys.stderr)
