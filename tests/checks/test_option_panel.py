"""Options that are scored beside the answers: by hand, kept, never asked twice, never a verdict."""

from __future__ import annotations

import json

import pytest

from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.evaluator import Evaluator
from mimic_checks.checks.measures import option_panel
from mimic_checks.checks.measures.option_panel import likeliest
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import RunFolderError
from mimic_checks.models import load_vlm
from mimic_checks.models.option_scores import OptionScore
from mimic_checks.models.options import ModelOptions
from mimic_checks.models.vlm import Capabilities

CHECK = find_checks()["visual_patterns"]


class Likes:
    """Says the first option, and finds the last one the likeliest."""

    capabilities = Capabilities.of("option_scores")
    raises = False

    def __init__(self):
        self.asked = []

    def answer(self, prompts):
        return ["A" for _ in prompts]

    def identity(self):
        return {"name": "likes"}

    def option_scores(self, prompts, options):
        if self.raises:
            raise RuntimeError("out of memory")
        self.asked += [prompt.case_id for prompt in prompts]
        return [[OptionScore(float(k), len(own)) for k, _ in enumerate(own)] for own in options]


def result(folder, model, **settings):
    asked = Settings(vlm="x", cases=14, output=folder, score_options=True, **settings)
    colour = [level for level in CHECK.check.levels if level == "colour"]
    levels = {level for level in CHECK.check.drawn_levels("standard") if level.value in colour}
    plan = RunPlan(asked, [CHECK], selected={CHECK.check_id: levels})
    plan.validate()
    return Evaluator(CheckSession(plan, make_model=lambda: model)).result(CHECK)


def panel(found):
    (table,) = [panel for panel in found.panels if "likely" in panel.title]
    return {row[0]: row[1:] for row in table.rows}


def test_the_likeliest_option_is_compared_with_what_is_said_and_what_is_right(tmp_path):
    model = Likes()
    rows = panel(result(tmp_path, model))
    # of every pair, one picture has option B; the model says A and likes B
    assert rows["letter"][0] == "0.500"
    assert rows["letter"][2:] == ("0", "28", "0", "0")
    assert set(rows) == {"letter", "text", "text per token", "text per character"}
    assert len(model.asked) == 2 * 28  # letters, and words


def test_a_run_that_is_taken_up_scores_what_is_left(tmp_path):
    first = Likes()
    kept = panel(result(tmp_path, first))
    path = tmp_path / "option_scores" / "visual_patterns.jsonl"
    lines = path.read_text().splitlines()
    assert len(lines) == 28
    path.write_text("\n".join(lines[:20]) + "\n" + lines[20][:10])
    again = Likes()
    assert panel(result(tmp_path, again)) == kept
    assert len(again.asked) == 2 * 8
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({entry["case"] for entry in entries}) == 28
    path.write_text("{broken\n" + lines[0] + "\n")
    with pytest.raises(RunFolderError, match="line 1 is broken"):
        result(tmp_path, Likes())


def test_a_model_that_raises_is_counted_and_changes_no_verdict(tmp_path):
    model = Likes()
    model.raises = True
    found = result(tmp_path / "raises", model)
    assert panel(found)["letter"] == ("-", "-", "0", "0", "0", "28")
    plain = result(tmp_path / "scored", Likes())
    assert [level.verdict for level in found.levels] == [level.verdict for level in plain.levels]


def test_a_model_without_logits_says_why(tmp_path, scenes):
    found = result(tmp_path, load_vlm("stub:oracle", ModelOptions(), scenes))
    (table,) = [panel for panel in found.panels if "likely" in panel.title]
    assert table.note == "Not scored: a stub has nothing inside."


def test_length_is_taken_out_by_token_or_by_character(tmp_path):
    plan = RunPlan(Settings(vlm="x", cases=14), [CHECK])
    case = next(c for c in plan.cases(CHECK.check) if "upside down" in c.truth.options)
    long = case.truth.options.index("upside down")
    scores = {"letter": [(-1.0, 1), (-2.0, 1)], "text": [(0.0, 0), (0.0, 0)]}
    scores["text"][long], scores["text"][1 - long] = (-6.0, 3), (-4.0, 1)
    best = likeliest(scores, case)
    assert best["letter"] == 0
    assert best["text"] == 1 - long
    assert best["text per token"] == long  # -2.0 a token against -4.0
    assert best["text per character"] == (1 - long if 6 / 11 > 4 / 7 else long)


def test_nothing_is_scored_unless_asked_for(tmp_path):
    model = Likes()
    asked = Settings(vlm="x", cases=14, output=tmp_path)
    plan = RunPlan(asked, [CHECK])
    plan.validate()
    found = Evaluator(CheckSession(plan, make_model=lambda: model)).result(CHECK)
    assert not model.asked
    assert not [panel for panel in found.panels if "likely" in panel.title]
    assert option_panel.BATCH > 1
