"""Cases that a person has marked as arguable: left out by id, said where they are unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.cases import counting_sweep, draw, flatten
from mimic_checks.cases.leave_out import LeaveOut, read_leave_out
from mimic_checks.catalog import rendered
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import InvalidArgument

SMALL = rendered(seed=3, scenes=400, families=6)
ID, OTHER = "0123456789abcdef01234567", "f" * 24


def file_of(folder, text):
    path = folder / "leave_out.txt"
    path.write_bytes(text.encode())
    return path


def test_a_file_holds_an_id_a_line_and_words_for_people(tmp_path):
    path = file_of(
        tmp_path, f"\ufeff# looked at on Monday\n{ID}  # listing, images=2\r\n\n{OTHER}\n"
    )
    assert read_leave_out(path).ids == {ID, OTHER}
    assert read_leave_out(None).ids == frozenset()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{ID}\nall of them\n{ID[:-1]}\n", r"line 2: 'all', line 3: '0123456789abcdef0123456'$"),
        ("x\n" * 25, r"line 20: 'x' and 5 more$"),
    ],
)
def test_lines_without_an_id_are_named(tmp_path, text, message):
    with pytest.raises(InvalidArgument, match=message):
        read_leave_out(file_of(tmp_path, text))
    with pytest.raises(InvalidArgument, match="a file with a case id a line"):
        read_leave_out(tmp_path / "none.txt")


@given(st.integers(0, 100), st.data())
def test_a_draw_goes_whole_whichever_of_its_levels_is_marked(seed, data):
    strategy = counting_sweep(SMALL, factor="distractors", levels=(0, 2))
    before = draw(strategy, 6, seed)
    marked = data.draw(st.sampled_from([case.id for case in flatten(before)]))
    left_out = LeaveOut([marked, OTHER])
    after = draw(strategy, 6, seed, leave_out=left_out)
    left = [draws for draws in before if marked not in {case.id for case in draws}]
    # Others may come in between: a draw that shared a case with the marked one is no repeat now.
    same = [draws for draws in after if draws in left]
    assert same == left[: len(same)]
    assert len(same) >= 4
    assert marked not in {case.id for case in flatten(after)}
    assert left_out.unmet == [OTHER]


def plan_of(path, **settings):
    check = find_checks()["distractors"]
    plan = RunPlan(Settings(vlm="stub:oracle", cases=25, leave_out=path, **settings), [check])
    plan.__dict__["catalog"] = SMALL
    plan.settle()
    return plan, plan.draws(check.check)


def test_a_run_leaves_them_out_and_says_so_in_its_description(tmp_path):
    plan, before = plan_of(None)
    assert "leave_out" not in plan.describe()
    marked = before[3][1].id
    plan, after = plan_of(file_of(tmp_path, f"{marked}\n{OTHER}\n"))
    assert after[:24] == [draws for draws in before if draws != before[3]]
    assert plan.describe()["leave_out"] == sorted([marked, OTHER])
    assert plan.leave_out.unmet == [OTHER]
