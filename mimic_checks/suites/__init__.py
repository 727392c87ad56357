"""Questions that others wrote, in their own files: readers, prompts, and what each harness would
have said of the answers."""

from mimic_checks.suites.item import Piece, Refused, SuiteItem, choice_of
from mimic_checks.suites.pictures import Cell, FilePicture, Picture
from mimic_checks.suites.published import Published
from mimic_checks.suites.scoring import JUDGED, RIGHT, WRONG, HarnessScore, Points, drawn
from mimic_checks.suites.suite_format import SUITES, SuiteFormat, SuiteTemplate

__all__ = [
    "JUDGED",
    "RIGHT",
    "SUITES",
    "WRONG",
    "Cell",
    "FilePicture",
    "HarnessScore",
    "Picture",
    "Piece",
    "Points",
    "Published",
    "Refused",
    "SuiteFormat",
    "SuiteItem",
    "SuiteTemplate",
    "choice_of",
    "drawn",
]
