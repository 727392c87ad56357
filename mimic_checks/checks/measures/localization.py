"""Does the answer token look at the object that was asked for?

Per layer: how often the most attended image token lies on the object (or beside it), and the share
of attention on it, against the shares of the picture. Source: What's in the Image? (Kaduri et al.
2025), localization.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mimic_checks.cases import Case, cases_of
from mimic_checks.catalog import Catalog
from mimic_checks.checks.check import Measurement
from mimic_checks.checks.evaluation import Evaluation, NotMeasurable
from mimic_checks.checks.measures.panels import medians, over_layers, rates
from mimic_checks.checks.measures.white_box import white_box_model
from mimic_checks.checks.session import CheckSession
from mimic_checks.models import TokenGrid
from mimic_checks.tasks import Counts
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


def measure(session: CheckSession, check: Measurement) -> Evaluation:
    """Fails if the answer row's attention is no distribution; where it points is reported."""
    model = white_box_model(session, single_images=True, every_token=True)
    catalog = session.catalog
    if catalog.masks is None:
        raise NotMeasurable(
            f"catalog={catalog.name!r} knows no object masks (segmentation); use rendered scenes or"
            " COCO instances"
        )
    pointings: list[_Pointing] = []
    asked = cases_of(items[-1] for items in session.plan.draws(check)[:LOOKED_AT])
    located = [case for case in asked if _is_located(catalog, case)]
    if not located:
        raise NotMeasurable(
            f"none of {len(asked)} cases has a mask of every asked object; see what keeps them out"
            " with: mimic-checks catalog describe"
        )
    for case in located:
        prompt = session.prompt(case)
        grids = [grid for grid in model.token_grids(prompt) if grid]
        if len(grids) != len(case.images):
            raise NotMeasurable(
                "this model cuts pictures into tiles, whose tokens are no grid over the picture"
            )
        # One prompt a call: no padding stands between a token grid and its positions.
        answer = model.profiles([prompt])[0].answer
        if float((answer.sum(1) - 1).abs().max()) > TOLERANCE:
            total = float(answer.sum(1).min())
            problem = f"case {case.id}: the answer row's attention sums to {total:.3f}, not 1"
            return Evaluation(CheckVerdict("fail", problem))
        pointings.append(_point(catalog, case, grids, answer.numpy().astype(np.float64)))
    alpha = session.thresholds.of(check.check_id).alpha
    # [cases, layers]
    hits = np.array([pointing.hits for pointing in pointings])
    best = int(hits.mean(0).argmax())
    near = float(np.mean([pointing.near for pointing in pointings]))
    unlocated = len(asked) - len(located)
    reason = (
        f"points at the object most often in layer {best}: {hits[:, best].mean():.2f} of"
        f" {len(pointings)} cases (chance {near:.2f})"
        + (f"; {unlocated} more have an object without a mask" if unlocated else "")
    )
    return Evaluation(CheckVerdict("pass", reason), {}, _panels(pointings, hits, near, alpha))


def _masks(catalog: Catalog, case: Case, image_id: str) -> list[NDArray[np.bool_] | None]:
    """The mask of every asked class in an image, None where it is not known."""
    assert catalog.masks is not None
    assert isinstance(case.truth, Counts)
    row = catalog.manifest.row(image_id)
    return [catalog.masks(row, catalog.class_index(name)) for name, _ in case.truth.counts]


def _is_located(catalog: Catalog, case: Case) -> bool:
    return all(
        mask is not None
        for index in case.needles
        for mask in _masks(catalog, case, case.images[index])
    )


def _point(
    catalog: Catalog, case: Case, grids: list[TokenGrid], answer: NDArray[np.float64]
) -> _Pointing:
    """`answer` [layers, L]: the answer row's attention, mean over heads."""
    covered, looked = [], []
    for index, (grid, image_id) in enumerate(zip(grids, case.images, strict=True)):
        covered.append(
            object_cells(catalog, case, image_id, grid)
            if index in case.needles
            else np.zeros((grid.rows, grid.columns))
        )
        looked.append(answer[:, list(grid.positions)].reshape(-1, grid.rows, grid.columns))
    # [layers, image tokens]
    flat = np.concatenate([cells.reshape(len(answer), -1) for cells in looked], 1)
    inside = np.concatenate([mask.ravel() for mask in covered])
    beside = np.concatenate([_grown(mask > 0).ravel() for mask in covered])
    hits = beside[flat.argmax(1)]
    total = flat.sum(1)
    # A layer that gives the images nothing gives the object nothing either: 0, not NaN.
    mass = np.divide(flat @ inside, total, out=np.zeros_like(total), where=total > 0)
    return _Pointing(hits, mass, float(beside.mean()), float(inside.mean()))


def object_cells(
    catalog: Catalog, case: Case, image_id: str, grid: TokenGrid
) -> NDArray[np.float64]:
    """How much of every cell of the grid the asked classes cover, [rows, columns]."""
    mask = np.logical_or.reduce(
        [mask for mask in _masks(catalog, case, image_id) if mask is not None]
    )
    # BOX averages the pixels of every cell, which gives the share of it that is covered.
    picture = Image.fromarray((mask * 255).astype(np.uint8)).resize(
        (grid.columns, grid.rows), Image.Resampling.BOX
    )
    return np.asarray(picture, dtype=np.float64) / 255


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and every cell beside it (the source allows 40 px, about one token)."""
    padded = np.pad(mask, 1)
    rows, columns = mask.shape
    grown: NDArray[np.bool_] = np.logical_or.reduce(
        [padded[r : r + rows, c : c + columns] for r in range(3) for c in range(3)]
    )
    return grown


def _panels(
    pointings: list[_Pointing], hits: NDArray[np.bool_], near: float, alpha: float
) -> list[Panel]:
    n, layers = hits.shape
    mass = np.array([pointing.mass for pointing in pointings])
    area = float(np.mean([pointing.area for pointing in pointings]))
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
