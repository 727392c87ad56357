"""Every exception that mimic_checks raises on purpose.

    MimicChecksError
    ├── UsageError            what was asked for cannot be done; exit code 4
    │   ├── InvalidArgument   a value outside what is allowed
    │   ├── EmptyPool         a request for cases that the catalog cannot meet
    │   ├── ExtensionError    a check, task, backend or other extension that is not what it must be
    │   ├── CatalogError      a catalog that cannot be read
    │   ├── SuiteError        files of a suite that are not what they must be
    │   ├── ModelLoadError    a model or adapter that cannot be loaded
    │   ├── AttentionError    a token map, mask, window or pooling that this model cannot have
    │   ├── ThresholdsError   thresholds that are wrong, or under which a pass is unreachable
    │   ├── RunFolderError    a run folder, case set or journal that cannot be used
    │   ├── GateError         a policy, a baseline or two runs that cannot gate a release
    │   └── RemedyError       training data, a training or a proof that cannot be made as asked
    └── AnswerError           a model that failed while answering; the outcome `error`

Imports next to nothing of the project, so every module may raise these.
"""

from __future__ import annotations

import difflib
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from mimic_checks.characters import whole

NAMED_AT_MOST = 20
"""Offenders that a message lists before it counts the rest."""


class MimicChecksError(Exception):
    """Base of all errors below."""


class UsageError(MimicChecksError):
    """What the user asked for cannot be done; the message says what to change."""


class InvalidArgument(UsageError):
    """A value outside what is allowed: names the argument, the value, what is allowed and the next
    step."""

    def __init__(
        self, name: str, value: object, *, allowed: Iterable[object] | str, hint: str = ""
    ) -> None:
        self.name, self.value = name, value
        choices = allowed if isinstance(allowed, str) else ", ".join(repr(item) for item in allowed)
        close = (
            difflib.get_close_matches(str(value), [str(item) for item in allowed])
            if not isinstance(allowed, str)
            else []
        )
        advice = hint or (f"did you mean {close[0]!r}?" if close else "")
        super().__init__(
            f"{name}={value!r} is not allowed; allowed: {choices}"
            + (f"; {advice}" if advice else "")
        )


class EmptyPool(UsageError):
    """A request for cases that the catalog cannot meet; the message names the constraint.
    `possible`: how many draws it can give, 0 where no case meets the request."""

    def __init__(self, message: str, *, possible: int = 0) -> None:
        self.possible = possible
        super().__init__(message)


class ExtensionError(UsageError):
    """A check, task, catalog format, backend, family or report format of somebody's that cannot be
    loaded, clashes with another, or lacks a part; names the package and what to do."""


def together(problems: Sequence[UsageError]) -> UsageError:
    """Several errors as one, each in a line, the first `NAMED_AT_MOST` of them; one alone stays
    itself."""
    if len(problems) == 1:
        return problems[0]
    lines = [f"- {problem}" for problem in problems[:NAMED_AT_MOST]]
    left = len(problems) - NAMED_AT_MOST
    more = [f"- and {left} more"] if left > 0 else []
    return UsageError("\n".join([f"{len(problems)} problems:", *lines, *more]))


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turns whatever other people's code raises into an `ExtensionError` that says where; `what`:
    whose code it is and what it could not do. What is a `UsageError` already stays one.

    Raises:
        ExtensionError: the code inside raised.
    """
    try:
        yield
    except (UsageError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # a stranger's module may even skip or exit when imported
        line = traceback.extract_tb(error.__traceback__)[-1]
        raise ExtensionError(
            f"{what} ({type(error).__name__}: {error}; {line.filename}, line {line.lineno})"
        ) from error


class CatalogError(UsageError):
    """A catalog that cannot be read, or that holds nothing."""


class SuiteError(UsageError):
    """Files of a suite that are missing, have other columns than its format, or no answers."""


class ModelLoadError(UsageError):
    """A model, processor or adapter that cannot be loaded."""


class AttentionError(UsageError):
    """A token map, mask, layer window or pooling that this model cannot have; names layer or
    family, and what to do."""


class ThresholdsError(UsageError):
    """Thresholds that are wrong, or under which a pass is unreachable."""


class RunFolderError(UsageError):
    """A run folder, case set or journal that cannot be used."""


class GateError(UsageError):
    """A policy, a baseline or two runs that cannot gate a release; the message says what differs or
    is wrong."""


class RemedyError(UsageError):
    """Training data, a training or a proof that cannot be made as asked, or that must not go on;
    what is done is kept."""


class AnswerError(MimicChecksError):
    """A model that failed while answering; recorded, never raised out of a run."""


@contextmanager
def as_answer_errors() -> Iterator[None]:
    """Turns what would end the process, or be taken by pytest for a test's own word, into an
    `AnswerError`: a model that skips, fails or exits has failed to answer, no more.

    Raises:
        AnswerError: the code inside raised `SystemExit`, or an outcome of pytest.
    """
    try:
        yield
    except BaseException as error:
        # Looked up, not imported: where pytest does not run, none of its outcomes is raised.
        outcomes = sys.modules.get("_pytest.outcomes")
        kinds = (SystemExit, outcomes.OutcomeException) if outcomes else (SystemExit,)
        if not isinstance(error, kinds):
            raise
        raise AnswerError(f"the model raised {message_of(error)}") from error


def message_of(error: BaseException, *, named: bool = True) -> str:
    """An exception in words, its class first unless `named` is false; also of one whose own text
    cannot be made."""
    kind = type(error).__name__
    try:
        text = str(error)
    except Exception as worse:  # somebody else's __str__
        return f"{kind} (its message cannot be read: {type(worse).__name__})"
    return whole(f"{kind}: {text}" if named else text)


def first_names(names: Sequence[str], most: int = NAMED_AT_MOST) -> str:
    """Names with commas between: so many at most, then how many more."""
    shown = ", ".join(names[:most])
    left = len(names) - most
    return f"{shown} and {left} more" if left > 0 else shown
