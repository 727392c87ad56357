"""Does the model answer the questions that others ask of several images?

Behaviour: questions of a suite as its own files have them, by category; the strict reading decides,
and no category counts as passed that an answer without a look at the images would pass. What other
harnesses would have said of the same answers: mimic-checks scores. Why it matters: releases are
judged on these suites, too. If it fails: read the cases of the category first, and what is known to
be wrong with the suite in docs/suites.md.
"""

from mimic_checks.checks.check import check
from mimic_checks.checks.suite_checks import SUITES


@check(SUITES)
def test_suites(vlm_check):
    """Every category is answered better than without a look at the images.

    Levels are categories, each alone: there is no reference. An item whose file gives it no answer
    is not asked, and named.
    """
    vlm_check.run()
