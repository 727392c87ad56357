"""An answer's kind and partial score, as an outcome would have them."""

from __future__ import annotations

from mimic_checks.tasks import TASKS, Unread, Vocabulary

NO_NAMES = Vocabulary(())


def judged(task, answer, truth, vocabulary=NO_NAMES, offered=()):
    """("right" | "wrong" | "unparseable", partial score)"""
    known = TASKS.get(task)
    prediction = known.read(answer, truth, offered, vocabulary)
    if isinstance(prediction, Unread):
        return "unparseable", known.no_prediction.partial
    assert type(prediction) is known.truth_type
    score = known.score(prediction, truth)
    return ("right" if score.right else "wrong"), score.partial


def kind(task, answer, truth, vocabulary=NO_NAMES):
    return judged(task, answer, truth, vocabulary)[0]
