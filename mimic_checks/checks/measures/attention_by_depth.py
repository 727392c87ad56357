"""Where attention goes, layer by layer, over draws with one needle among distractors: invariants
are asserted, drift is judged against the profile of an earlier run, the rest is reported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mimic_checks.cases import Case, cases_of
from mimic_checks.checks.check import Measurement
from mimic_checks.checks.evaluation import Evaluation
from mimic_checks.checks.measures.panels import medians, over_layers
from mimic_checks.checks.measures.white_box import white_box_model
from mimic_checks.checks.profiles import FILE, PROFILED, StoredProfile, faded_from, read_profile
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.models import Prompt, WhiteBoxVLM
from mimic_checks.models.intervention import Intervention
from mimic_checks.verdicts import CheckVerdict
from mimic_checks.verdicts.result import HeatMap, Panel

if TYPE_CHECKING:
    from mimic_checks.attention import Profile

TRIED, TOGETHER = 4, 4
"""Cases on which invariants are tried; prompts per forward call."""
DRIFT = 0.05
"""A layer whose mean share moved by more than this against the baseline, on the same cases, has
drifted."""
TOLERANCE = 1e-4


def measure(session: CheckSession, check: Measurement) -> Evaluation:
    """Fails if an invariant breaks (shares sum to 1, cut paths and masked layers have share exactly
    0) or, with a baseline, if a layer outside masked ones drifted."""
    model = white_box_model(session, single_images=True)
    cases = profiled_cases(session.plan, check)
    prompts = [session.prompt(case) for case in cases]
    profiles = [
        profile
        for start in range(0, len(prompts), TOGETHER)
        for profile in model.profiles(prompts[start : start + TOGETHER])
    ]
    if problem := broken_invariant(model, prompts[:TRIED], profiles[:TRIED]):
        return Evaluation(CheckVerdict("fail", problem))
    # [cases, layers, 3]
    shares = np.array([p.image_shares().numpy() for p in profiles], dtype=np.float64)
    stored = StoredProfile(
        masked_layers=list(model.masked_layers),
        cases={
            case.id: [tuple(layer) for layer in own.tolist()]
            for case, own in zip(cases, shares, strict=True)
        },
    )
    # Kept whatever is judged below: a later run may take this one as its baseline.
    session.folder.write_extra(FILE, stored.model_dump_json())
    alpha = session.thresholds.of(check.check_id).alpha
    reason = f"invariants hold on {min(TRIED, len(cases))} cases; {fades(shares[:, :, 1], alpha)}"
    verdict = CheckVerdict("pass", reason)
    if session.settings.attention_baseline:
        verdict = _drift(session.settings.attention_baseline, stored, reason)
    return Evaluation(verdict, {}, _panels(shares, profiles, [c.needles for c in cases], alpha))


def validate(plan: RunPlan, check: Measurement) -> None:
    """Refuses a baseline of other cases.

    Raises:
        RunFolderError: no profile there, or one of other cases.
    """
    if plan.settings.attention_baseline:
        cases = [case.id for case in profiled_cases(plan, check)]
        read_profile(plan.settings.attention_baseline, cases)


def profiled_cases(plan: RunPlan, check: Measurement) -> list[Case]:
    """The cases that are profiled, of the first draws."""
    return cases_of(items[0] for items in plan.draws(check)[:PROFILED])


def broken_invariant(
    model: WhiteBoxVLM, prompts: Sequence[Prompt], plain: Sequence[Profile]
) -> str:
    """What is wrong with the model's attention as it is measured (`plain`: the prompts' profiles),
    in one sentence; "" if nothing is."""
    from mimic_checks.attention import ImageLocal, Knockout, LayerWindow, WindowedRule

    deep = WindowedRule(ImageLocal(), LayerWindow.parse("deep"))
    for profile in plain:
        # Images have tokens; any other group without tokens has no shares, but NaN.
        if bool(profile.shares[:, :, : profile.images].isnan().any()):
            return "shares of an image's attention are not numbers (NaN): the model computes none"
        measured, across = profile.shares[~profile.shares.isnan().any(-1)], profile.across()
        # Exactly 0, here and below: a score of minus infinity leaves no rounding error.
        if seen := [k for k in model.masked_layers if float(across[k]) != 0]:
            return (
                f"layer {seen[0]}: image tokens look at other images although the adapter's mask"
                " covers it"
            )
        off = float((measured.sum(-1) - 1).abs().max())
        if off > TOLERANCE:
            return (
                f"attention shares of a query sum to 1 off by {off:.2g}: keys are missing or"
                " counted twice"
            )
    for profile in model.profiles(
        prompts, Intervention(rules=(WindowedRule(Knockout(0, "text")),))
    ):
        # NaN, of a group without tokens, gives nothing away.
        left = float(profile.shares[:, :, profile.images :, 0].nan_to_num(0.0).max())
        if left != 0:
            return (
                f"text still gives {left:.2g} of its attention to image 1 with that path cut: the"
                " model's attention goes past the rules"
            )
    for profile in model.profiles(prompts, Intervention(rules=(deep,))):
        across = profile.across()
        for layer in deep.window.layers(model.depth):
            if float(across[layer]) != 0:
                return (
                    f"layer {layer}: image tokens still give {float(across[layer]):.2g} to other"
                    " images under the image-local mask"
                )
    return ""


def fades(across: NDArray[np.float64], alpha: float) -> str:
    """Where attention between images fades, in one sentence. `across` [cases, layers]."""
    middle, start = np.median(across, axis=0), faded_from(across, alpha)
    if start is None:
        return (
            f"attention between images does not fade (peak {middle.max():.2f} in layer"
            f" {int(middle.argmax())})"
        )
    return (
        f"attention between images has faded from layer {start} on: an image-local mask may start"
        f" there (--vlm-mask {start}-{len(middle) - 1})"
    )


def _drift(baseline: Path, now: StoredProfile, reason: str) -> CheckVerdict:
    then = read_profile(baseline, now.cases)
    # [layers, 3]
    moved = np.mean([np.subtract(now.cases[key], then.cases[key]) for key in now.cases], axis=0)
    # A layer that is masked in one of the runs differs because of the mask.
    outside = [
        layer
        for layer in range(len(moved))
        if layer not in {*then.masked_layers, *now.masked_layers}
    ]
    if not outside:
        return CheckVerdict("pass", f"{reason}; every layer is masked, so none can drift")
    worst = max(outside, key=lambda layer: float(np.abs(moved[layer]).max()))
    size, where = (
        float(np.abs(moved[worst]).max()),
        ("own image", "other images", "text")[int(np.abs(moved[worst]).argmax())],
    )
    if size > DRIFT:
        return CheckVerdict(
            "fail",
            f"layer {worst}: image tokens' attention to {where} moved by"
            f" {moved[worst][np.abs(moved[worst]).argmax()]:+.3f} against the baseline, on the same"
            f" {len(now.cases)} cases (allowed {DRIFT})",
        )
    return CheckVerdict("pass", f"{reason}; largest drift {size:.3f} (layer {worst}, {where})")


def _panels(
    shares: NDArray[np.float64],
    profiles: Sequence[Profile],
    needles: Sequence[Sequence[int]],
    alpha: float,
) -> list[Panel]:
    layers = tuple(f"layer {k}" for k in range(shares.shape[1]))
    level = f"{100 * (1 - alpha):g} %"
    # [cases, layers, images + 1]
    answer = np.array([profile.by_layer()[:, -1].numpy() for profile in profiles])
    images = answer.shape[2] - 1
    needle = np.array(
        [own[:, list(held)].mean(1) for own, held in zip(answer, needles, strict=True)]
    )
    others = np.array(
        [
            own[:, [i for i in range(images) if i not in held]].mean(1)
            for own, held in zip(answer, needles, strict=True)
        ]
    )
    return [
        HeatMap(
            title="From image tokens",
            note=(
                f"Mean share over {len(shares)} cases: where image tokens look that have an image"
                " before theirs."
            ),
            rows=layers,
            columns=("own image", "other images", "text"),
            values=_rows(shares.mean(0)),
        ),
        over_layers(
            "Image tokens by depth",
            f"Median share with its exact {level} interval over the cases: where the share to other"
            " images falls, a mask may start.",
            medians("own image", shares[:, :, 0], alpha),
            medians("other images", shares[:, :, 1], alpha),
        ),
        HeatMap(
            title="From the answer token",
            note=(
                "Mean share: where the position that writes the answer looks, by place of the"
                " image."
            ),
            rows=layers,
            columns=(*(f"image {i + 1}" for i in range(images)), "text"),
            values=_rows(answer.mean(0)),
        ),
        over_layers(
            "Needle against distractor, at the answer token",
            f"Median share of attention to one image, with its exact {level} interval.",
            medians("needle", needle, alpha),
            medians("a distractor", others, alpha),
        ),
    ]


def _rows(values: NDArray[np.float64]) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(None if np.isnan(v) else float(v) for v in row) for row in values)
