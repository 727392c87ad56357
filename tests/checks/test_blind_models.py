"""Models that look at nothing pass no level of any check, in any profile; the oracle passes all."""

from __future__ import annotations

import random

import pytest

from mimic_checks.cases import cases_of, judge
from mimic_checks.cases.blind import blind_guesses, blind_right
from mimic_checks.checks.check import PROFILES, Sweep
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.evaluation import NotMeasurable
from mimic_checks.checks.evaluator import Evaluator
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.models.stubs import Oracle, StubVLM
from mimic_checks.verdicts import floors, judge_levels, tally
from mimic_checks.verdicts.floors import blind_of

GATED = {name: found for name, found in find_checks().items() if found.check.gated}
GAVE_UP = "I cannot tell."


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """Plans by profile and number of cases, settled once."""
    plans: dict[tuple[str, int], RunPlan] = {}

    def plan_of(profile, cases):
        if (profile, cases) not in plans:
            plan = plan_in(tmp_path_factory.mktemp(profile), profile, cases)
            if plans:
                share_catalogs(next(iter(plans.values())), plan)
            plan.settle()
            plans[profile, cases] = plan
        return plans[profile, cases]

    return plan_of


def share_catalogs(made, plan):
    """Has a plan draw from the catalogs of another, opened once."""
    for name in ("catalog", "_own_catalogs"):
        plan.__dict__[name] = getattr(made, name)


def plan_in(folder, profile, cases):
    settings = Settings(vlm="stub", cases=cases, profile=profile, batch=8, output=folder)
    return RunPlan(settings, list(GATED.values()))


def heuristics(plan, check):
    """What every heuristic says to the cases of a check, by level: texts by case id."""
    by_level = {}
    for k, level in enumerate(plan.levels(check)):
        items = [items[k] for items in plan.draws(check)]
        cases = cases_of(items)
        by_level[level] = {
            name: {
                case.id: said.text if said else GAVE_UP
                for case, said in zip(cases, [g for guess in guesses for g in guess], strict=True)
            }
            for name, guesses in blind_guesses(items, plan.vocabulary).items()
        }
    return by_level


@pytest.fixture
def once(monkeypatch):
    """What is right without a look at a level is worked out once for all models."""
    known = {}

    def cached(items, vocabulary):
        key = tuple(item.id for item in items)
        if key not in known:
            known[key] = blind_right(items, vocabulary)
        return known[key]

    monkeypatch.setattr(floors, "blind_right", cached)


@pytest.mark.slow
@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("profile", PROFILES)
def test_no_heuristic_passes_a_level_of_a_sweep(settled, profile):
    plan = settled(profile, 40)
    for check in plan.checks:
        if not isinstance(check, Sweep):
            continue
        texts = heuristics(plan, check)
        for name in {name for level in texts.values() for name in level}:
            said = {k: text for level in texts.values() for k, text in level.get(name, {}).items()}
            outcomes = {
                case.id: judge(case, said.get(case.id, GAVE_UP), None, plan.vocabulary)
                for case in plan.cases(check)
            }
            thresholds = plan.thresholds.of(check.check_id)
            tallies = [
                (level, tally(items, thresholds.alpha, blind_of(items, plan.vocabulary)))
                for level, items in plan.by_level(check, plan.draws(check), outcomes).items()
            ]
            passed = [
                str(level.level)
                for level in judge_levels(tallies, thresholds, plan.family).levels
                if level.verdict == "pass"
            ]
            assert passed == [], f"{check.check_id}: {name!r} passes"


class Says(StubVLM):
    """Says to a case what it was told to say, whatever it shows."""

    def __init__(self, catalog, texts):
        super().__init__(catalog)
        self.texts = texts

    def answer(self, prompts):
        return [self.texts.get(prompt.case_id, GAVE_UP) for prompt in prompts]


def best(items, vocabulary, texts):
    """The heuristic that is right most often at the level, known in hindsight only."""
    right = blind_right(items, vocabulary)
    return texts[max(right, key=lambda name: sum(right[name]))]


def any_of_them(items, vocabulary, texts):
    """Another heuristic for every case, at random."""
    draw = random.Random(len(texts))
    return {case.id: texts[draw.choice(sorted(texts))][case.id] for case in cases_of(items)}


BLIND = {"best": best, "mixed": any_of_them}


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", [*BLIND, "oracle"])
def test_a_run_passes_no_level_without_a_look(settled, tmp_path, profile, name):
    drawn = settled(profile, 100)
    plan = plan_in(tmp_path, profile, 100)
    share_catalogs(drawn, plan)
    plan._draws = drawn._draws
    plan._untestable = drawn._untestable
    plan.settle()
    said = {}
    for check in plan.checks if name in BLIND else ():
        texts = heuristics(plan, check)
        for k, level in enumerate(plan.levels(check)):
            items = [items[k] for items in plan.draws(check)]
            said |= BLIND[name](items, plan.vocabulary, texts[level])
    stub = Says(plan.catalog, said) if name in BLIND else Oracle(plan.catalog)
    session = CheckSession(plan, make_model=lambda: stub)
    session.preflight_results = {}
    evaluator = Evaluator(session)
    levels = {}
    for found in plan.found:
        try:
            result = evaluator.result(found)
        except NotMeasurable:
            continue
        levels |= {f"{found.check_id} {one.level}": one.verdict for one in result.levels}
    assert len(levels) > 30
    wrong = {k: v for k, v in levels.items() if (v == "pass") != (name == "oracle")}
    assert wrong == {}
