"""MVI-Sensitivity and the cue-taken rate, by hand."""

from __future__ import annotations

from mimic_checks.cases import Level, Outcome, images_first, make_case
from mimic_checks.checks.measures.misleading_panel import cue_taken, misleading_panel, sensitivity
from mimic_checks.tasks import Choice

OPTIONS = ("one", "two", "three", "four")


def outcome(number, said, lure=None):
    """Option 0 is right."""
    case = make_case(
        task="multiple_choice",
        template="official",
        content=images_first([f"{number:064d}"], f"{number}?"),
        truth=Choice(0, OPTIONS),
        factors={"lure": lure} if lure else {},
    )
    if said is None:
        return Outcome(case, "hm", "unparseable")
    kind = "right" if said == 0 else "wrong"
    return Outcome(case, "ABCD"[said], kind, None, Choice(said, OPTIONS))


def half(start, *said, lure=None):
    return [outcome(start + k, one, lure) for k, one in enumerate(said)]


def test_rates_drops_and_sensitivity_of_a_category_and_over_all():
    first = half(0, 0, 0, 0, 0, 1), half(10, 0, 0, 1, 2, None, lure="two")
    second = half(20, 0, 1, 1, 1), half(30, 0, 0, 1, 1, lure="two")
    table = misleading_panel({Level("category", "a"): first, Level("category", "b"): second}, 0.05)
    a, b, micro, macro = table.rows
    # 4 of 5 normal, 2 of 5 misleading: drop 0.4, sensitivity 0.5; the lure was taken once in five
    assert a[:4] == ("a", "0.800", "0.400", "+0.400")
    assert a[5:9] == ("+0.500", "0.500", "2 / 0", "0.200")
    # 1 of 4, then 2 of 4: a gain, which the absolute value hides
    assert b[:4] == ("b", "0.250", "0.500", "-0.250")
    assert b[5:9] == ("-1.000", "1.000", "0 / 1", "0.500")
    assert micro[:4] == ("all pairs (micro)", "0.556", "0.444", "+0.111")
    assert micro[5:7] == ("+0.200", "0.200")
    assert macro[1:4] == ("0.525", "0.450", "+0.075")
    assert macro[5:7] == ("-0.250", "0.750")


def test_nothing_right_on_normal_pictures_is_no_sensitivity():
    assert sensitivity(0.0, 0.2) is None
    none = half(0, 1, 1), half(10, 0, 1)
    table = misleading_panel({Level("category", "a"): none}, 0.05)
    assert table.rows[0][5:7] == ("not computable", "not computable")
    assert table.rows[-1][5:7] == ("not computable", "not computable")


def test_pictures_without_a_known_lure_are_not_counted_as_refusing_it():
    assert cue_taken([outcome(1, 1), outcome(2, 1, "two"), outcome(3, None, "two")]) == (1, 2)
    only = half(0, 0), half(10, 0)
    assert misleading_panel({Level("category", "a"): only}, 0.05).rows[0][8:] == ("-", "-")
