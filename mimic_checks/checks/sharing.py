"""One run answered by several processes: whoever has no check left answers what the others still
have to ask.

Data in: the session of one process. Data out: journals with more answers in them. A check's batches
go longest first to whoever is free, so that processes end within a batch of each other, however
their checks and devices differ. A batch over which a process died is left to the process that runs
its check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mimic_checks.checks import preflight
from mimic_checks.checks.asks import Ask, asks_of_sweep
from mimic_checks.checks.measures import knockout, pooling, sequence_length
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.specs import CheckSpec

_MEASURES: Mapping[str, Callable[[CheckSession, CheckSpec], Mapping[Any, Ask]]] = {
    "sequence_length": sequence_length.asks,
    "pooling": pooling.asks,
    "knockout": knockout.asks,
}


def asks_of(session: CheckSession, spec: CheckSpec) -> list[Ask]:
    """What a check is known to ask, whatever is answered; nothing of one that may stop early, or
    that looks inside a few cases."""
    if spec.check_id in _MEASURES:
        return list(_MEASURES[spec.check_id](session, spec).values())
    early = session.gating and spec.check_id in session.gating.sequential
    return [asks_of_sweep(spec.check_id, session.draws(spec))] if spec.sweep and not early else []


def contribute(session: CheckSession) -> None:
    """Answers whatever no other process of the run has taken, over all checks; nothing if this
    one's harness is wrong."""
    if preflight.problems(session):
        return
    for spec in session.specs:
        for ask in asks_of(session, spec):
            session.contribute(ask)
