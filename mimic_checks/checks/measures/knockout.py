"""Which path carries the images to the answer, and how deep: attention knockout.

Data in: a session whose model can be opened, listing cases over several images. Data out: outcomes
per blocked path, paired changes, object F1 against the unmodified answer. Source: What's in the
Image? (Kaduri et al. 2025), section 3; their GPT judge is replaced by exact sets of names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mimic_checks.checks.asks import Ask
from mimic_checks.checks.measures.drawn import gain_cells
from mimic_checks.checks.measures.measured import CLOSED, Measured
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.specs import CheckSpec
from mimic_checks.models import Prompt, WhiteBoxVLM
from mimic_checks.models.controls import blanked
from mimic_checks.verdicts import CheckVerdict, Outcome
from mimic_checks.verdicts.intervals import empirical_bernstein
from mimic_checks.verdicts.outcome import set_f1
from mimic_checks.verdicts.paired import paired
from mimic_checks.verdicts.parsing import parse
from mimic_checks.verdicts.result import Curves, Panel, Series, Table

if TYPE_CHECKING:
    from mimic_checks.attention import WindowedRule

ASKED, TRIED = 50, 4
"""Cases asked under every blocked path; cases on which invariants are tried."""
ALL_PATHS = "images -> text, all layers"


def measure(session: CheckSession, spec: CheckSpec) -> Measured | str:
    """Fails if an invariant breaks: no knockout is the identity; with every path cut, nothing
    depends on the images."""
    model = session.white_box()
    if model is None:
        return CLOSED
    prompts = [session.prompt(group[0]) for group in session.draws(spec)[:TRIED]]
    if problem := broken_invariant(model, prompts):
        return Measured(CheckVerdict("fail", problem))
    found: dict[str, list[Outcome]] = {
        name: session.answer(ask) for name, ask in asks(session, spec).items()
    }
    plain = found.pop("none")
    kept = {name: _f1(session, plain, lines) for name, lines in found.items()}
    alpha = session.thresholds.of(spec.check_id).alpha
    reason = (
        f"invariants hold; with every path cut, {kept[ALL_PATHS][0]:.2f} of the named objects stay:"
        " the floor"
    )
    return Measured(
        CheckVerdict("pass", reason),
        {"none": plain, **found},
        _panels(plain, found, kept, model.depth, alpha),
    )


def asks(session: CheckSession, spec: CheckSpec) -> dict[str, Ask]:
    """The first draws as they are ("none") and under every blocked path; nothing of a model that
    cannot be opened."""
    model = session.white_box()
    if model is None:
        return {}
    from mimic_checks.models.intervention import Intervention

    cases = [group[0] for group in session.draws(spec)[:ASKED]]
    found = {"none": Ask(f"{spec.check_id}.none", cases)}
    for number, (name, rules) in enumerate(arms(model.depth, len(cases[0].images)).items()):
        found[name] = Ask(
            f"{spec.check_id}.arm{number:02d}",
            cases,
            model=model.intervened(Intervention(rules=rules)),
        )
    return found


def arms(depth: int, images: int) -> dict[str, tuple[WindowedRule, ...]]:
    """Every blocked path by name: three modes in all layers, windows of a quarter of the depth that
    move by half of their width, and one image at a time."""
    from mimic_checks.attention import Knockout, LayerWindow, WindowedRule

    every_layer = LayerWindow(0.0, 1.0)

    def cut(
        target: str, window: LayerWindow = every_layer, source: str | int = "images"
    ) -> tuple[WindowedRule, ...]:
        return (WindowedRule(Knockout(source, target), window),)  # type: ignore[arg-type]

    found = {
        "images -> generated, all layers": cut("generated"),
        "images -> question, all layers": cut("question"),
        ALL_PATHS: cut("text"),
    }
    for first, last in windows(depth):
        found[f"images -> text, layers {first}-{last}"] = cut("text", LayerWindow(first, last))
    for image in range(images):
        found[f"image {image + 1} -> text, all layers"] = cut("text", source=image)
    return found


def windows(depth: int) -> list[tuple[int, int]]:
    """Sliding windows: a quarter of the depth wide (at least one layer), moved by half of that."""
    width = max(1, depth // 4)
    step = max(1, width // 2)
    starts = list(range(0, depth - width + 1, step))
    return [(start, start + width - 1) for start in starts]


def broken_invariant(model: WhiteBoxVLM, prompts: Sequence[Prompt]) -> str:
    """What is wrong, in one sentence; "" if nothing is."""
    from mimic_checks.attention import Knockout, WindowedRule
    from mimic_checks.models.intervention import Intervention

    idle = Intervention(rules=(WindowedRule(Knockout(999, "text")),))
    plain = model.logits(prompts)
    if not bool((model.logits(prompts, idle) == plain).all()):
        return (
            "a knockout of an image that is not there changes the logits: the edit itself is no"
            " identity"
        )
    cut = Intervention(rules=(WindowedRule(Knockout("images", "text")),))
    blank = [blanked(prompt) for prompt in prompts]
    apart = float((model.logits(prompts, cut) - model.logits(blank, cut)).abs().max())
    if apart != 0:
        return (
            "with every path from the images cut, other pictures still move the logits by"
            f" {apart:.2g}: there is a way past the rules"
        )
    if bool((model.logits(blank) == plain).all()):
        return "blank pictures change no logit at all: the model does not look at its images"
    return ""


def _f1(
    session: CheckSession, plain: Sequence[Outcome], lines: Sequence[Outcome]
) -> tuple[float, list[float]]:
    """Object F1 of the answers against the unmodified ones: mean, and per case."""
    scores = []
    for before, after in zip(plain, lines, strict=True):
        sets = [
            parse(o.case, o.answer, session.vocabulary) if o.kind != "error" else None
            for o in (before, after)
        ]
        names = [frozenset(p.names) if p else frozenset() for p in sets]
        scores.append(set_f1(names[1], names[0]))
    return math.fsum(scores) / len(scores), scores


def _panels(
    plain: Sequence[Outcome],
    found: dict[str, list[Outcome]],
    kept: dict[str, tuple[float, list[float]]],
    depth: int,
    alpha: float,
) -> list[Panel]:
    floor = kept[ALL_PATHS][0]
    rows = [
        (
            name,
            *gain_cells(paired(plain, lines), alpha),
            f"{kept[name][0]:.3f}",
            f"{_normalised(kept[name][0], floor):.2f}",
        )
        for name, lines in found.items()
    ]
    table = Table(
        title="What each blocked path costs",
        head=(
            "blocked",
            "rate of exact lists",
            "95 % interval",
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
