"""What is asked: cases, the strategies that make them, deterministic draws, and case sets on
disk.
"""

from mimic_checks.cases.case import RULE_VERSION, Case, ImageOpener, Truth, make_case
from mimic_checks.cases.counting import counting_cases, counting_sweep
from mimic_checks.cases.draw import draw, flatten
from mimic_checks.cases.identity import common_cases, common_sweep, odd_one_cases, odd_one_sweep
from mimic_checks.cases.listing import listing_cases, listing_sweep
from mimic_checks.cases.wording import TASKS, TEMPLATES, Task, Template

__all__ = [
    "RULE_VERSION",
    "TASKS",
    "TEMPLATES",
    "Case",
    "ImageOpener",
    "Task",
    "Template",
    "Truth",
    "common_cases",
    "common_sweep",
    "counting_cases",
    "counting_sweep",
    "draw",
    "flatten",
    "listing_cases",
    "listing_sweep",
    "make_case",
    "odd_one_cases",
    "odd_one_sweep",
]
