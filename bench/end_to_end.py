"""Answering sweeps that share images, end to end, against the same model asked one case at a time.

    python -m bench.end_to_end [--vlm builtin] [--device cpu|cuda] [--cases 48]
        [--vlm-catalog rendered]

Open, process, generate: ours through `Runner` (batches, image features computed once per image),
the peer as a plain transformers loop: open the files, processor, `generate`, one case at a time.
Per number of images, and with distinct images as well, where only batching helps. Answers must be
equal, or the ratio is not reported. Both sides run in one process, with the memory settings of the
suite on a CPU (`models.cpu`). The batch budget is measured once, before, as a run does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import torch

from mimic_checks.cases import Case, draw, listing_sweep
from mimic_checks.catalog import Catalog, load_catalog
from mimic_checks.models import ModelOptions, prompt_of
from mimic_checks.models.backends import BUILTIN_FOLDER
from mimic_checks.models.features import FeatureCache
from mimic_checks.models.transformers_vlm import TransformersVLM
from mimic_checks.runs import Runner

LEVELS = (1, 2, 4, 8)


def _sync(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


@torch.inference_mode()
def one_by_one(
    vlm: TransformersVLM, cases: Sequence[Case], catalog: Catalog
) -> tuple[float, list[str]]:
    """What a user writes with transformers."""
    answers = []
    _sync(vlm.device)
    began = time.perf_counter()
    for case in cases:
        pictures = [catalog.manifest.open(image) for image in case.images]
        text = vlm.processor.apply_chat_template(
            case.messages, add_generation_prompt=True, tokenize=False
        )
        inputs = vlm.processor(text=text, images=pictures, return_tensors="pt")
        inputs = inputs.to(vlm.device, vlm.model.dtype)
        tokens = vlm.model.generate(
            **inputs, max_new_tokens=vlm.options.max_new_tokens, do_sample=False
        )
        new_tokens = tokens[0, inputs["input_ids"].shape[1] :]
        answers.append(vlm.tokenizer.decode(new_tokens, skip_special_tokens=True).strip())
    _sync(vlm.device)
    return time.perf_counter() - began, answers


def ours(
    vlm: TransformersVLM, runner: Runner, cases: Sequence[Case], catalog: Catalog
) -> tuple[float, list[str]]:
    # An empty cache: nothing is carried over from the row before.
    vlm.features = FeatureCache(vlm.features.max_bytes)
    _sync(vlm.device)
    began = time.perf_counter()
    answers = runner.answer([prompt_of(case, catalog.manifest) for case in cases])
    _sync(vlm.device)
    return time.perf_counter() - began, [answers[case.id].text or "" for case in cases]


def main(arguments: Sequence[str] = ()) -> list[str]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vlm", default="builtin")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--cases", type=int, default=48)
    parser.add_argument("--vlm-catalog", default="rendered")
    options = parser.parse_args(arguments)
    catalog = load_catalog(options.vlm_catalog)
    vlm = TransformersVLM(
        str(BUILTIN_FOLDER) if options.vlm == "builtin" else options.vlm,
        ModelOptions(device=options.device),
        name=options.vlm,
    )
    draws = draw(listing_sweep(catalog, levels=LEVELS), options.cases, seed=123)
    lines = [
        f"end to end, {options.vlm} on {vlm.device}, {vlm.model.dtype},"
        f" {options.cases} cases a row:",
        "",
        "| cases | one by one | ours | ratio | equal answers |",
        "|---|---|---|---|---|",
    ]
    one_by_one(vlm, [group[0] for group in draws[:4]], catalog)  # set-up is nobody's time
    runner = Runner(vlm)
    began = time.perf_counter()
    runner.answer([prompt_of(case, catalog.manifest) for group in draws for case in group])
    lines[0] += (
        " (a run measures its batch budget once,"
        f" here with its first 192 cases in {time.perf_counter() - began:.1f} s)"
    )
    rows = [
        (f"{level} images, distinct", [group[k] for group in draws])
        for k, level in enumerate(LEVELS)
    ]
    rows.append(("sweep 1-2-4-8 sharing images", [case for group in draws for case in group]))
    for name, cases in rows:
        slow, expected = one_by_one(vlm, cases, catalog)
        fast, answers = ours(vlm, runner, cases, catalog)
        equal = sum(a == b for a, b in zip(answers, expected, strict=True))
        ratio = f"{slow / fast:.2f}x" if equal == len(cases) else "not reported"
        lines.append(f"| {name} | {slow:.2f} s | {fast:.2f} s | {ratio} | {equal}/{len(cases)} |")
    return lines


if __name__ == "__main__":
    import sys

    print("\n".join(main(sys.argv[1:])))
