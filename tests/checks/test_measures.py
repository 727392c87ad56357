"""The checks that open the model: each passes on the built-in one and fails on it with its defect
planted.
"""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from mimic_checks.attention import Profile
from mimic_checks.cases import Level
from mimic_checks.catalog import coco, rendered
from mimic_checks.checks import preflight
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.evaluation import NotMeasurable
from mimic_checks.checks.evaluator import Evaluator
from mimic_checks.checks.measures import attention_by_depth, knockout, localization
from mimic_checks.checks.node import CheckNode
from mimic_checks.checks.profiles import FILE
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import (
    AnswerError,
    AttentionError,
    InvalidArgument,
    RunFolderError,
    ThresholdsError,
)
from mimic_checks.models import ModelOptions, TokenGrid, load_vlm
from mimic_checks.models.intervention import NO_INTERVENTION, Intervention
from mimic_checks.models.stubs import make_stub
from mimic_checks.verdicts.result import Curves, HeatMap, Table

CHECKS = find_checks()


@pytest.fixture(scope="module")
def catalog():
    return rendered(seed=3, scenes=900, families=4)


@pytest.fixture(scope="module")
def builtin(catalog):
    return load_vlm("builtin", ModelOptions(max_new_tokens=24), catalog)


class Planted:
    """The built-in model with one method replaced."""

    def __init__(self, base, **replaced):
        self._base, self.replaced = base, replaced

    def __getattr__(self, name):
        return self.replaced.get(name, getattr(self._base, name)) if name != "replaced" else {}

    depth = property(lambda self: self._base.depth)

    def answer(self, prompts):
        return self._call("answer", prompts)

    def identity(self):
        return {**self._base.identity(), "planted": sorted(self.replaced)}

    def intervened(self, edit):
        return self._call("intervened", edit)

    def profiles(self, prompts, edit=None):
        return self._call("profiles", prompts, edit)

    def logits(self, prompts, edit=None):
        return self._call("logits", prompts, edit)

    def token_grids(self, prompt):
        return self._call("token_grids", prompt)

    def _call(self, name, *arguments):
        return self.replaced.get(name, getattr(self._base, name))(*arguments)


def session_of(folder, check, model, catalog, cases=24, **settings):
    settings = Settings(vlm="x", cases=cases, batch=8, output=folder, **settings)
    plan = RunPlan(settings, [CHECKS[check]])
    plan.__dict__["catalog"] = catalog
    return CheckSession(plan, make_model=lambda: model)


def measured(folder, check, model, catalog, **settings):
    session = session_of(folder, check, model, catalog, **settings)
    return CHECKS[check].check.measure(session, CHECKS[check].check)


@pytest.mark.parametrize("check", ["attention_by_depth", "knockout", "localization"])
def test_the_built_in_model_passes_and_the_result_is_recorded(check, builtin, catalog, tmp_path):
    session = session_of(tmp_path, check, builtin, catalog, cases=8)
    result = Evaluator(session).result(CHECKS[check])
    assert result.verdict == "pass", result.reason
    stored = json.loads((tmp_path / "results" / f"{check}.json").read_text())
    assert [panel["kind"] for panel in stored["panels"]] == [panel.kind for panel in result.panels]


@pytest.mark.parametrize("check", ["attention_by_depth", "knockout", "localization", "pooling"])
def test_a_model_nobody_can_look_into_is_skipped_with_its_own_reason(check, catalog, tmp_path):
    session = session_of(tmp_path, check, make_stub("oracle", catalog), catalog)
    node = CheckNode(Evaluator(session), CHECKS[check], None, lambda *results, **more: None)
    with pytest.raises(pytest.skip.Exception, match="cannot look inside the model: .*stub"):
        node.run()


def test_shares_that_do_not_add_up_are_found(builtin, catalog, tmp_path):
    def thinner(prompts, edit=None):
        return [
            dataclasses.replace(p, shares=p.shares * 0.9) for p in builtin.profiles(prompts, edit)
        ]

    found = measured(tmp_path, "attention_by_depth", Planted(builtin, profiles=thinner), catalog)
    assert found.verdict.verdict == "fail"
    assert "sum to 1 off by 0.1" in found.verdict.reason


def test_a_model_that_ignores_rules_is_found(builtin, catalog, tmp_path):
    """The paper's release: the deep-layer mask is never applied."""
    deaf = Planted(builtin, profiles=lambda prompts, edit=None: builtin.profiles(prompts))
    found = measured(tmp_path, "attention_by_depth", deaf, catalog)
    assert found.verdict.verdict == "fail"
    assert "goes past the rules" in found.verdict.reason

    def only_masks_are_lost(prompts, edit=None):
        lost = edit and edit.rules[0].rule.describe() == "image_local"
        return builtin.profiles(prompts, None if lost else edit)

    found = measured(
        tmp_path / "b",
        "attention_by_depth",
        Planted(builtin, profiles=only_masks_are_lost),
        catalog,
    )
    assert found.verdict.reason.startswith("layer 3: image tokens still give")


def test_drift_against_a_baseline(builtin, catalog, tmp_path):
    first = measured(tmp_path / "a", "attention_by_depth", builtin, catalog, cases=8)
    baseline = tmp_path / "a" / FILE
    same = measured(
        tmp_path / "b", "attention_by_depth", builtin, catalog, cases=8, attention_baseline=baseline
    )
    assert same.verdict.verdict == "pass"
    assert "largest drift 0.000" in same.verdict.reason
    assert first.verdict.reason in same.verdict.reason
    moved = json.loads(baseline.read_text())
    for layers in moved["cases"].values():
        layers[4][1] += 0.07
    baseline.write_text(json.dumps(moved))
    drifted = measured(
        tmp_path / "c", "attention_by_depth", builtin, catalog, cases=8, attention_baseline=baseline
    )
    assert drifted.verdict.verdict == "fail"
    assert (
        "layer 4: image tokens' attention to other images moved by -0.07" in drifted.verdict.reason
    )
    moved["masked_layers"] = [4]
    baseline.write_text(json.dumps(moved))
    assert (
        measured(
            tmp_path / "d",
            "attention_by_depth",
            builtin,
            catalog,
            cases=8,
            attention_baseline=baseline,
        ).verdict.verdict
        == "pass"
    )
    with pytest.raises(RunFolderError, match=r"has other cases \(0 of 8 shared\)|has other cases"):
        measured(
            tmp_path / "e",
            "attention_by_depth",
            builtin,
            catalog,
            cases=8,
            seed=5,
            attention_baseline=baseline,
        )
    with pytest.raises(RunFolderError, match="is no profile"):
        measured(
            tmp_path / "f",
            "attention_by_depth",
            builtin,
            catalog,
            cases=8,
            attention_baseline=tmp_path / "nothing.json",
        )


def test_what_cannot_work_is_refused_before_a_model_is_loaded(catalog, tmp_path):
    def never():
        raise AssertionError("the model was loaded")

    def validate(check="knockout", options=None, **settings):
        plan = RunPlan(
            Settings(
                vlm="stub:oracle", output=tmp_path, model=options or ModelOptions(), **settings
            ),
            [CHECKS[check]],
        )
        plan.__dict__["catalog"] = catalog
        CheckSession(plan, make_model=never).validate()

    with pytest.raises(
        InvalidArgument,
        match=(
            "vlm-attn-implementation='flash_attention_2' is not allowed; allowed: 'eager', 'sdpa',"
            " 'flex_attention'; 'knockout'"
        ),
    ):
        validate(options=ModelOptions(attn_implementation="flash_attention_2"))
    with pytest.raises(RunFolderError, match="attention-baseline=.*is no profile"):
        validate("attention_by_depth", attention_baseline=tmp_path / "nothing.json")
    with pytest.raises(ThresholdsError, match="cases=20 can never pass check 'pooling'"):
        validate("pooling", cases=20)


def test_a_model_that_cannot_obey_fails_with_its_reason(builtin, catalog, tmp_path):
    refusing = Planted(
        builtin, profiles=lambda *a: (_ for _ in ()).throw(AttentionError("layer 3 of X bypasses"))
    )
    session = session_of(tmp_path, "attention_by_depth", refusing, catalog)
    found = CHECKS["attention_by_depth"]
    node = CheckNode(Evaluator(session), found, None, lambda *results, **more: None)
    with pytest.raises(pytest.fail.Exception, match="attention_by_depth: layer 3 of X bypasses"):
        node.run()


def test_where_attention_fades():
    across = (
        np.tile([0.1, 0.5, 0.45, 0.2, 0.1, 0.05], (24, 1)) + np.linspace(-0.01, 0.01, 24)[:, None]
    )
    assert "has faded from layer 3 on" in attention_by_depth.fades(across, 0.05)
    assert "does not fade (peak 0.50 in layer 1)" in attention_by_depth.fades(across[:, :3], 0.05)


def test_knockouts_that_do_nothing_or_too_much_are_found(builtin, catalog, tmp_path):
    deaf = Planted(builtin, logits=lambda prompts, edit=None: builtin.logits(prompts))
    assert (
        "other pictures still move the logits"
        in measured(tmp_path / "a", "knockout", deaf, catalog).verdict.reason
    )

    def shaky(prompts, edit=None):
        return builtin.logits(prompts, edit) + (1e-6 if edit else 0)

    assert (
        "the edit itself is no identity"
        in measured(
            tmp_path / "b", "knockout", Planted(builtin, logits=shaky), catalog
        ).verdict.reason
    )
    blind = Planted(builtin, logits=lambda prompts, edit=None: torch.zeros(len(prompts), 5))
    found = measured(tmp_path / "c", "knockout", blind, catalog)
    assert found.verdict.verdict == "fail"
    assert "does not look at its images" in found.verdict.reason


def test_knockout_arms():
    assert knockout.windows(24) == [(0, 5), (3, 8), (6, 11), (9, 14), (12, 17), (15, 20), (18, 23)]
    assert knockout.windows(2) == [(0, 0), (1, 1)]
    names = list(knockout.arms(6, 2))
    assert names[:3] == [
        "images -> generated, all layers",
        "images -> question, all layers",
        knockout.ALL_PATHS,
    ]
    assert names[-2:] == ["image 1 -> text, all layers", "image 2 -> text, all layers"]


def test_one_image_cut_is_reliance_on_that_image(builtin, catalog, tmp_path):
    """Cutting everything is the floor; cutting one of two images leaves the other's objects."""
    found = measured(tmp_path, "knockout", builtin, catalog, cases=16)
    table = next(panel for panel in found.panels if isinstance(panel, Table))
    f1 = {row[0]: float(row[3]) for row in table.rows}
    assert f1[knockout.ALL_PATHS] <= min(f1.values()) + 1e-9
    assert f1[knockout.ALL_PATHS] < f1["image 1 -> text, all layers"] < 1
    scale = {row[0]: float(row[4]) for row in table.rows}
    assert scale[knockout.ALL_PATHS] == 0


class Answering:
    """Right or wrong by a rule on (factor, number of the case)."""

    def __init__(self, oracle, edit, right):
        self.oracle, self.edit, self.right = oracle, edit, right

    def answer(self, prompts):
        said = self.oracle.answer(prompts)
        return [
            text if self.right(self.edit.pooling, prompt) else "99"
            for text, prompt in zip(said, prompts, strict=True)
        ]

    def identity(self):
        return {"name": "answering", "intervention": self.edit.describe()}


@pytest.mark.parametrize(
    ("right", "verdict"),
    [
        (lambda factor, prompt: factor >= 4, "fail"),
        (lambda factor, prompt: True, "pass"),
        (lambda factor, prompt: factor == 1, "pass"),
        (lambda factor, prompt: factor > 1 or int(prompt.case_id, 16) % 13 > 0, "inconclusive"),
    ],
)
def test_pooling_fails_where_fewer_tokens_win(right, verdict, builtin, catalog, tmp_path):
    oracle = make_stub("oracle", catalog)
    model = Planted(
        builtin, intervened=lambda edit: Answering(oracle, edit, right), answer=oracle.answer
    )
    found = measured(tmp_path, "pooling", model, catalog, cases=80)
    assert found.verdict.verdict == verdict
    assert [level.level for level in found.verdict.levels] == [
        Level("pooling", factor) for factor in (1, 2, 4, 8)
    ]


def test_pooling_proves_nothing_of_a_model_that_does_not_look(builtin, catalog, tmp_path):
    """It loses nothing by reading every token, and gains nothing by reading fewer."""
    blind = Answering(make_stub("constant", catalog), Intervention(), lambda factor, prompt: True)
    model = Planted(builtin, intervened=lambda edit: blind, answer=blind.answer)
    found = measured(tmp_path, "pooling", model, catalog, cases=80)
    assert {level.verdict for level in found.verdict.levels} == {"inconclusive"}
    assert "not proven better than the blind answer" in found.verdict.reason


def test_pooling_by_one_answers_as_the_model_does(builtin, catalog, tmp_path):
    session = session_of(tmp_path, "pooling", builtin, catalog, cases=8)
    prompts = [session.prompt(group[0]) for group in session.plan.draws(CHECKS["pooling"].check)]
    assert builtin.intervened(Intervention(pooling=1)).answer(prompts) == builtin.answer(prompts)
    assert builtin.intervened(Intervention(pooling=8)).image_tokens(
        prompts[0]
    ) * 8 == builtin.image_tokens(prompts[0])
    with pytest.raises(
        AttentionError,
        match=(
            "pooling=65 is larger than image 0 of row 0, which has a tile of 64 tokens; allowed: 1"
            " to 64"
        ),
    ):
        builtin.intervened(Intervention(pooling=65)).answer(prompts[:1])
    assert builtin.intervened(NO_INTERVENTION).identity()["intervention"] == []


def test_sequence_length_runs_on_closed_models_and_finds_what_blanks_cost(catalog, tmp_path):
    good = measured(
        tmp_path / "a", "sequence_length", make_stub("oracle", catalog), catalog, cases=100
    )
    assert good.verdict.verdict == "pass"
    assert {level.factor for level in good.outcomes} == {"images", "blanks", "degraded", "stitched"}
    assert all(outcome.kind == "right" for lines in good.outcomes.values() for outcome in lines), (
        "controls keep the true answer"
    )
    bad = measured(
        tmp_path / "b",
        "sequence_length",
        make_stub("counts-distractors", catalog),
        catalog,
        cases=100,
    )
    assert bad.verdict.verdict == "fail"
    assert "blanks=4: 3 blank images cost at least" in bad.verdict.reason
    assert any(isinstance(panel, Curves) for panel in bad.panels)


def test_conditions_without_answers_have_no_rate_in_the_panels(catalog, tmp_path):
    """As of a server that takes one image a prompt."""

    class One(type(make_stub("oracle", catalog))):
        def answer(self, prompts):
            told = super().answer(prompts)
            error = AnswerError("at most 1 image")
            return [error if len(p.images) > 1 else t for p, t in zip(prompts, told, strict=True)]

    found = measured(tmp_path, "sequence_length", One(catalog), catalog, cases=60)
    curves, table = found.panels
    by_name = {series.name: series for series in curves.series}
    assert by_name["images and tokens grow"].values == (1.0, None, None)
    assert by_name["one image: all in a grid"].values[1] is not None
    rows = [row[2:] for row in table.rows if row[1] == "more tokens, same content"]
    assert set(rows) == {("not answered", "-", "-")}
    assert found.verdict.verdict == "inconclusive"
    assert found.verdict.reason.endswith("60 of 60 cases raised an error: at most 1 image")


def test_what_explains_more(catalog, tmp_path, builtin):
    oracle = make_stub("oracle", catalog)

    def run(folder, plain, short):
        """`plain(n)` and `short(n)`: whether the model is right at n images, with all tokens and
        with those of one."""

        class Plain:
            def answer(self, prompts):
                return [
                    t if plain(len(p.images)) else "99"
                    for t, p in zip(oracle.answer(prompts), prompts, strict=True)
                ]

        model = Planted(
            builtin,
            answer=Plain().answer,
            intervened=lambda edit: Answering(
                oracle, edit, lambda factor, prompt: short(len(prompt.images))
            ),
        )
        return measured(folder, "sequence_length", model, catalog, cases=60).panels[1].note

    assert "image tokens explain more" in run(tmp_path / "a", lambda n: n == 1, lambda n: True)
    assert "images explain more" in run(tmp_path / "b", lambda n: n == 1, lambda n: False)
    assert "not settled" in run(tmp_path / "c", lambda n: True, lambda n: True)


def test_localization_against_masks_that_are_known(builtin, catalog, tmp_path):
    """A profile that looks at the object, and one that looks away."""
    session = session_of(tmp_path, "localization", builtin, catalog, cases=6)

    def looking(at_object):
        def profiles(prompts, edit=None):
            (profile,) = builtin.profiles(prompts, edit)
            answer = torch.zeros_like(profile.answer)
            case = next(
                group[-1]
                for group in session.plan.draws(CHECKS["localization"].check)
                if group[-1].id == prompts[0].case_id
            )
            places, cover = [], []
            for token_grid, image_id in zip(
                builtin.token_grids(prompts[0]), case.images, strict=True
            ):
                places += token_grid.positions
                cover += (
                    localization.object_cells(catalog, case, image_id, token_grid).ravel().tolist()
                )
            best = int(np.argmax(cover)) if at_object else int(np.argmin(cover))
            answer[:, places[best]] = 1
            return [dataclasses.replace(profile, answer=answer)]

        return measured(
            tmp_path / str(at_object),
            "localization",
            Planted(builtin, profiles=profiles),
            catalog,
            cases=6,
        )

    hit, miss = looking(True), looking(False)
    assert hit.panels[0].series[0].values == (1.0,) * builtin.depth
    assert hit.panels[1].series[0].values[0] > 0.4
    assert miss.panels[1].series[0].values == (0.0,) * builtin.depth
    half = Planted(
        builtin,
        profiles=lambda p, e=None: [
            dataclasses.replace(x, answer=x.answer / 2) for x in builtin.profiles(p, e)
        ],
    )
    broken = measured(tmp_path / "half", "localization", half, catalog, cases=6)
    assert broken.verdict.verdict == "fail"
    assert "sums to 0.500, not 1" in broken.verdict.reason


def test_localization_says_what_it_needs(builtin, catalog, tmp_path):
    masked = dataclasses.replace(catalog, masks=None)
    with pytest.raises(NotMeasurable, match="knows no object masks"):
        measured(tmp_path / "a", "localization", builtin, masked, cases=4)
    tiled = Planted(builtin, token_grids=lambda prompt: [None for _ in prompt.images])
    with pytest.raises(NotMeasurable, match="cuts pictures into tiles"):
        measured(tmp_path / "b", "localization", tiled, catalog, cases=4)


def test_localization_passes_over_what_has_no_place(builtin, catalog, tmp_path):
    """Cases of which an object's mask is not known are left out, and counted in the reason."""
    lost = catalog.class_index("cat"), catalog.class_index("car")

    def some(row, column):
        return None if column in lost else catalog.masks(row, column)

    partly = dataclasses.replace(catalog, masks=some)
    session = session_of(tmp_path / "a", "localization", builtin, partly, cases=30)
    cases = [items[-1] for items in session.plan.draws(CHECKS["localization"].check)]
    unplaced = sum(
        any(catalog.class_index(name) in lost for name, _ in case.truth.counts) for case in cases
    )
    assert 0 < unplaced < 30
    found = measured(tmp_path / "b", "localization", builtin, partly, cases=30)
    assert f"of {30 - unplaced} cases" in found.verdict.reason
    assert f"; {unplaced} more have an object without a mask" in found.verdict.reason
    nowhere = dataclasses.replace(catalog, masks=lambda row, column: None)
    with pytest.raises(NotMeasurable, match="none of 4 cases has a mask of every asked object"):
        measured(tmp_path / "c", "localization", builtin, nowhere, cases=4)


def test_localization_on_photos(builtin, photos, tmp_path):
    found = measured(tmp_path, "localization", builtin, coco(photos), cases=12)
    assert found.verdict.verdict == "pass"
    assert math.isfinite(found.panels[1].series[0].values[0])


def test_masks_of_photos_lie_in_their_boxes(photos):
    catalog = coco(photos, min_share=0.0)
    checked = 0
    for row in range(len(catalog)):
        for column in np.flatnonzero(catalog.counts[row])[:2]:
            mask = catalog.masks(row, int(column))
            assert mask.shape == catalog.manifest.open(catalog.manifest.id(row)).size[::-1]
            assert 0 < mask.mean() < 1.0
            checked += 1
    assert checked > 100


def test_token_grids_cover_every_image(builtin, catalog, tmp_path):
    session = session_of(tmp_path, "localization", builtin, catalog, cases=2)
    prompt = session.prompt(session.plan.draws(CHECKS["localization"].check)[0][-1])
    token_grids = builtin.token_grids(prompt)
    assert all(
        isinstance(token_grid, TokenGrid) and (token_grid.rows, token_grid.columns) == (8, 8)
        for token_grid in token_grids
    )
    assert len({place for token_grid in token_grids for place in token_grid.positions}) == 64 * len(
        prompt.images
    )


def test_panels_hold_what_the_report_draws(builtin, catalog, tmp_path):
    found = measured(tmp_path, "attention_by_depth", builtin, catalog, cases=8)
    first, over_depth, second, needle = found.panels
    assert isinstance(first, HeatMap)
    assert isinstance(needle, Curves)
    for shown, column in zip(over_depth.series, (0, 1), strict=True):
        assert all(
            low <= middle <= high
            for low, middle, high in zip(shown.low, shown.values, shown.high, strict=True)
        )
        assert shown.values == pytest.approx([row[column] for row in first.values], abs=0.15)
    assert first.columns == ("own image", "other images", "text")
    assert all(sum(row) == pytest.approx(1, abs=1e-4) for row in first.values)
    assert all(sum(row) == pytest.approx(1, abs=1e-4) for row in second.values)


def test_remedies_that_rearrange_images_are_said_not_mismeasured(catalog, tmp_path):
    for options, skipped, measured in (
        (ModelOptions(stitch=True), ("attention_by_depth", "localization"), ()),
        (ModelOptions(pooling=2), ("localization",), ("attention_by_depth",)),
    ):
        settings = Settings(
            vlm="builtin", cases=24, output=tmp_path / str(options.pooling), model=options
        )
        found = [CHECKS[name] for name in (*skipped, *measured, "preconditions.image_blocks")]
        plan = RunPlan(settings, found)
        plan.__dict__["catalog"] = catalog
        session = CheckSession(
            plan, make_model=lambda options=options: load_vlm("builtin", options, catalog)
        )
        for name in skipped:
            check = CHECKS[name].check
            with pytest.raises(NotMeasurable, match="--vlm-stitch|--vlm-pooling 2"):
                check.measure(session, check)
        for name in measured:
            check = CHECKS[name].check
            assert check.measure(session, check).verdict.verdict == "pass"
        blocks = preflight.run(session)["image_blocks"]
        assert bool(blocks.reason) == options.stitch
        assert not blocks.problem


class Profiled:
    """A white box of two layers whose profiles are given: as it is, and under any intervention."""

    masked_layers = ()
    depth = 2

    def __init__(self, cut):
        self.cut = cut

    def profiles(self, prompts, intervention=None):
        return [self.cut]


def shares(question, cut=False, broken=False):
    """Shares of two images, of a question (NaN: it has no tokens) and of the answer row."""
    to = [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [question] * 3, [0.0 if cut else 0.25, 0.5, 0.25]]
    found = torch.tensor(to).expand(2, 1, 4, 3).clone()
    if broken:
        found[1, 0, 1] = torch.nan
    return Profile(found, torch.zeros(2, 4), (0.0,) * 4)


def test_a_group_without_tokens_breaks_no_invariant():
    """A prompt whose pictures come last has no question after them."""
    invariant = attention_by_depth.broken_invariant
    none = float("nan")
    cut = shares(none, cut=True)
    assert invariant(Profiled(cut), [], [shares(none)]) == ""
    assert "text still gives 0.25" in invariant(Profiled(shares(none)), [], [shares(none)])
    assert "not numbers (NaN)" in invariant(Profiled(cut), [], [shares(none, broken=True)])
