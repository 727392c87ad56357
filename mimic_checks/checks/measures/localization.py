"""Does the answer token look at the object that was asked for?

Data in: a session whose model can be opened, counting cases, a catalog that knows object masks.
Data out: per layer, how often the most attended image token lies on the object (or beside it), and
the share of attention on it, against the shares of the picture. Source: What's in the Image?
(Kaduri et al. 2025), localization.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mimic_checks.cases import Case
from mimic_checks.checks.measures.drawn import medians, over_layers, rates
from mimic_checks.checks.measures.measured import CLOSED, Measured, needles, rearranged
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.specs import CheckSpec
from mimic_checks.models import TokenGrid
from mimic_checks.verdicts import CheckVerdict
from mimic_checks.verdicts.result import Panel, Series

LOOKED_AT = 100
TOLERANCE = 1e-3


@dataclass(frozen=True)
class _Pointing:
    """One case: per layer, whether the most attended image token is on the object or beside it, and
    the share of image attention on it; what chance and an even look would give."""

    hits: NDArray[np.bool_]
    mass: NDArray[np.float64]
    near: float
    area: float


def measure(session: CheckSession, spec: CheckSpec) -> Measured | str:
    """Fails if the answer row's attention is no distribution; where it points is reported."""
    model = session.white_box()
    if model is None:
        return CLOSED
    if reason := rearranged(session, pooling=True):
        return reason
    if session.catalog.masks is None:
        return (
            f"catalog={session.catalog.name!r} knows no object masks (segmentation); use rendered"
            " scenes or COCO instances"
        )
    cases = [group[-1] for group in session.draws(spec)[:LOOKED_AT]]
    found: list[_Pointing] = []
    for case in cases:
        prompt = session.prompt(case)
        token_grids = [token_grid for token_grid in model.token_grids(prompt) if token_grid]
        if len(token_grids) != len(case.images):
            return "this model cuts pictures into tiles, whose tokens are no grid over the picture"
        # one prompt a call: no padding between a token grid and its positions
        answer = model.profiles([prompt])[0].answer
        if float((answer.sum(1) - 1).abs().max()) > TOLERANCE:
            return Measured(
                CheckVerdict(
                    "fail",
                    f"case {case.id}: the answer row's attention sums to"
                    f" {float(answer.sum(1).min()):.3f}, not 1",
                )
            )
        found.append(_point(session, case, token_grids, answer.numpy().astype(np.float64)))
    alpha = session.thresholds.of(spec.check_id).alpha
    hits = np.array([one.hits for one in found])  # [cases, layers]
    best = int(hits.mean(0).argmax())
    near = float(np.mean([one.near for one in found]))
    reason = (
        f"points at the object most often in layer {best}: {hits[:, best].mean():.2f} of"
        f" {len(found)} cases (chance {near:.2f})"
    )
    return Measured(CheckVerdict("pass", reason), {}, _panels(found, hits, near, alpha))


def _point(
    session: CheckSession, case: Case, token_grids: list[TokenGrid], answer: NDArray[np.float64]
) -> _Pointing:
    """`answer` [layers, L]: the answer row's attention, mean over heads."""
    covered, looked = [], []
    held = needles(session, case)
    for number, (token_grid, image_id) in enumerate(zip(token_grids, case.images, strict=True)):
        mask = (
            object_cells(session, case, image_id, token_grid)
            if number in held
            else np.zeros((token_grid.rows, token_grid.columns))
        )
        covered.append(mask)
        looked.append(
            answer[:, list(token_grid.positions)].reshape(-1, token_grid.rows, token_grid.columns)
        )
    flat = np.concatenate(
        [cells.reshape(len(answer), -1) for cells in looked], 1
    )  # [layers, image tokens]
    inside = np.concatenate([mask.ravel() for mask in covered])
    beside = np.concatenate([_grown(mask > 0).ravel() for mask in covered])
    hits = beside[flat.argmax(1)]
    total = flat.sum(1)
    mass = np.divide(flat @ inside, total, out=np.zeros_like(total), where=total > 0)
    return _Pointing(hits, mass, float(beside.mean()), float(inside.mean()))


def object_cells(
    session: CheckSession, case: Case, image_id: str, token_grid: TokenGrid
) -> NDArray[np.float64]:
    """How much of every cell of the token_grid the asked classes cover, [rows, columns]."""
    catalog = session.catalog
    assert catalog.masks is not None
    row = catalog.manifest.row(image_id)
    mask = np.logical_or.reduce(
        [catalog.masks(row, catalog.class_index(name)) for name, _ in case.truth.counts]
    )
    picture = Image.fromarray((mask * 255).astype(np.uint8)).resize(
        (token_grid.columns, token_grid.rows), Image.Resampling.BOX
    )
    return np.asarray(picture, dtype=np.float64) / 255


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and every cell beside it (the source allows 40 px, about one token)."""
    padded = np.pad(mask, 1)
    rows, columns = mask.shape
    found: NDArray[np.bool_] = np.logical_or.reduce(
        [padded[r : r + rows, c : c + columns] for r in range(3) for c in range(3)]
    )
    return found


def _panels(
    found: list[_Pointing], hits: NDArray[np.bool_], near: float, alpha: float
) -> list[Panel]:
    n, layers = hits.shape
    mass = np.array([one.mass for one in found])
    area = float(np.mean([one.area for one in found]))
    return [
        over_layers(
            "Pointing",
            f"Share of {n} cases whose most attended image token lies on the asked object or"
            " beside it.",
            rates("points at the object", [(k, n) for k in hits.sum(0).tolist()], alpha),
            Series(name="chance", values=(near,) * layers),
        ),
        over_layers(
            "Attention on the object",
            "Median share of image attention on the object's cells, beside their share of all"
            " cells.",
            medians("on the object", mass, alpha),
            Series(name="an even look", values=(area,) * layers),
        ),
    ]
