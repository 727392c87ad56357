"""Which path carries the images to the answer, and how deep: attention knockout.

Listing cases over several images; object F1 is taken against the unmodified answer. Source: What's
in the Image? (Kaduri et al. 2025), section 3; their GPT judge is replaced by exact sets of names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mimic_checks.cases import Level, Outcome, cases_of
from mimic_checks.checks.check import Measurement
from mimic_checks.checks.evaluation import Evaluation
from mimic_checks.checks.measures.panels import gain_cells
from mimic_checks.checks.measures.white_box import white_box_model
from mimic_checks.checks.session import CheckSession
from mimic_checks.models import Prompt, WhiteBoxVLM
from mimic_checks.models.controls import Blanked
from mimic_checks.models.intervention import Intervention
from mimic_checks.runs import Condition
from mimic_checks.tasks import TASKS, Names
from mimic_checks.verdicts import CheckVerdict
from mimic_checks.verdicts.intervals import empirical_bernstein
from mimic_checks.verdicts.pairs import paired
from mimic_checks.verdicts.result import Curves, Panel, Series, Table

if TYPE_CHECKING:
    from mimic_checks.attention import WindowedRule

ASKED, TRIED = 50, 4
"""Cases asked under every blocked path; cases on which invariants are tried."""
NOTHING, ALL_PATHS = "none", "images -> text, all layers"


def measure(session: CheckSession, check: Measurement) -> Evaluation:
    """Fails if an invariant breaks: no knockout is the identity; with every path cut, nothing
    depends on the images."""
    model = white_box_model(session)
    cases = cases_of(items[0] for items in session.plan.draws(check)[:TRIED])
    if problem := broken_invariant(model, [session.prompt(case) for case in cases]):
        return Evaluation(CheckVerdict("fail", problem))
    arms = {name: session.answer(asked) for name, asked in conditions(session, check).items()}
    plain = arms.pop(NOTHING)
    kept = {name: _object_f1(plain, outcomes) for name, outcomes in arms.items()}
    alpha = session.thresholds.of(check.check_id).alpha
    reason = (
        f"invariants hold; with every path cut, {kept[ALL_PATHS][0]:.2f} of the named objects stay:"
        " the floor"
    )
    outcomes = {
        Level("blocked", name, name): outcomes
        for name, outcomes in ({NOTHING: plain} | arms).items()
    }
    panels = _panels(plain, arms, kept, model.depth, alpha)
    return Evaluation(CheckVerdict("pass", reason), outcomes, panels)


def conditions(session: CheckSession, check: Measurement) -> dict[str, Condition]:
    """The first draws as they are ("none") and under every blocked path; nothing of a model that
    cannot be looked into."""
    model = session.white_box()
    if model is None:
        return {}
    cases = cases_of(items[0] for items in session.plan.draws(check)[:ASKED])
    asked = {NOTHING: Condition(f"{check.check_id}.none", cases)}
    for number, (name, rules) in enumerate(arms(model.depth, len(cases[0].images)).items()):
        cut = Intervention(rules=rules)
        # Numbered, since a condition's name becomes a file's, and "->" should be in none.
        asked[name] = Condition(f"{check.check_id}.arm{number:02d}", cases, intervention=cut)
    return asked


def arms(depth: int, images: int) -> dict[str, tuple[WindowedRule, ...]]:
    """Every blocked path by name: three modes in all layers, windows of a quarter of the depth that
    move by half of their width, and one image at a time."""
    from mimic_checks.attention import Knockout, LayerWindow, WindowedRule

    every_layer = LayerWindow(0.0, 1.0)

    def cut(
        target: str, window: LayerWindow = every_layer, source: str | int = "images"
    ) -> tuple[WindowedRule, ...]:
        return (WindowedRule(Knockout(source, target), window),)  # type: ignore[arg-type]

    paths = {
        "images -> generated, all layers": cut("generated"),
        "images -> question, all layers": cut("question"),
        ALL_PATHS: cut("text"),
    }
    for first, last in windows(depth):
        paths[f"images -> text, layers {first}-{last}"] = cut("text", LayerWindow(first, last))
    for image in range(images):
        paths[f"image {image + 1} -> text, all layers"] = cut("text", source=image)
    return paths


def windows(depth: int) -> list[tuple[int, int]]:
    """Sliding windows: a quarter of the depth wide (at least one layer), moved by half of that."""
    width = max(1, depth // 4)
    step = max(1, width // 2)
    starts = list(range(0, depth - width + 1, step))
    return [(start, start + width - 1) for start in starts]


def broken_invariant(model: WhiteBoxVLM, prompts: Sequence[Prompt]) -> str:
    """What is wrong, in one sentence; "" if nothing is."""
    from mimic_checks.attention import Knockout, WindowedRule

    # No prompt has so many images: the edit is in place, and cuts nothing.
    idle = Intervention(rules=(WindowedRule(Knockout(999, "text")),))
    plain = model.logits(prompts)
    if not bool((model.logits(prompts, idle) == plain).all()):
        return (
            "a knockout of an image that is not there changes the logits: the edit itself is no"
            " identity"
        )
    cut = Intervention(rules=(WindowedRule(Knockout("images", "text")),))
    blank = [Blanked()(prompt) for prompt in prompts]
    # No tolerance: blank pictures have the sizes of the real ones, so all shapes and kernels are
    # the same, and only what came past the rules can differ.
    apart = float((model.logits(prompts, cut) - model.logits(blank, cut)).abs().max())
    if apart != 0:
        return (
            "with every path from the images cut, other pictures still move the logits by"
            f" {apart:.2g}: there is a way past the rules"
        )
    if bool((model.logits(blank) == plain).all()):
        return "blank pictures change no logit at all: the model does not look at its images"
    return ""


def _object_f1(plain: Sequence[Outcome], outcomes: Sequence[Outcome]) -> tuple[float, list[float]]:
    """Object F1 of the answers against the unmodified ones, which stand in for the truth: mean, and
    per case."""
    listing = TASKS.get("listing")
    scores = []
    for before, after in zip(plain, outcomes, strict=True):
        # An answer that cannot be read names nothing.
        named = [outcome.prediction or Names(()) for outcome in (after, before)]
        scores.append(listing.score(*named).partial or 0.0)
    return math.fsum(scores) / len(scores), scores


def _panels(
    plain: Sequence[Outcome],
    arms: dict[str, list[Outcome]],
    kept: dict[str, tuple[float, list[float]]],
    depth: int,
    alpha: float,
) -> list[Panel]:
    floor = kept[ALL_PATHS][0]
    rows = [
        (
            name,
            *gain_cells(paired(plain, outcomes), alpha),
            f"{kept[name][0]:.3f}",
            f"{_normalised(kept[name][0], floor):.2f}",
        )
        for name, outcomes in arms.items()
    ]
    table = Table(
        title="What each blocked path costs",
        head=(
            "blocked",
            "rate of exact lists",
            f"{100 * (1 - alpha):g} % interval",
            "object F1",
            "0 floor .. 1 nothing blocked",
        ),
        rows=tuple(rows),
        note=(
            f"{len(plain)} cases; object F1 against the model's own unmodified answer; the floor is"
            f" every path cut ({floor:.2f}). The answer row, which writes the first generated"
            " token, counts as generated."
        ),
    )
    names = [(f"{a}-{b}", f"images -> text, layers {a}-{b}") for a, b in windows(depth)]
    bounds = [empirical_bernstein(kept[name][1], alpha) for _, name in names]
    curve = Curves(
        title="Where in depth the images are read",
        note="Object F1 with one window of layers cut off from the images: low means read there.",
        x_label="layers",
        x=tuple(label for label, _ in names),
        series=(
            Series(
                name="object F1",
                values=tuple(kept[name][0] for _, name in names),
                low=tuple(b[0] for b in bounds),
                high=tuple(b[1] for b in bounds),
            ),
        ),
    )
    return [curve, table]


def _normalised(value: float, floor: float) -> float:
    """0 at the blind floor, 1 where nothing is blocked."""
    return (value - floor) / (1 - floor) if floor < 1 else 1.0
