"""What is right without a look at the images: heuristics, and which items of a level each gets
right.

They know the questions' texts, the numbers of images and the true answers of *other* cases, and
none of the pictures. There are three kinds:

- those of the task, by its names (`Task.blind_answers`);
- `constant: ...`: one and the same answer throughout, for the most frequent true answers of the
  level;
- `prior: ...`: the most frequent true answer of the other items of the level that ask the same.
  The item itself does not count, so that the rate is that of a predictor, not of a look-up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence

from mimic_checks.cases.case import Case
from mimic_checks.cases.group import Item, cases_of
from mimic_checks.cases.outcome import GroupOutcome, Outcome
from mimic_checks.errors import refusing
from mimic_checks.tasks.task import TASKS, blind_answers_of
from mimic_checks.tasks.truth import Choice, Counts, Names, Truth
from mimic_checks.tasks.vocabulary import Vocabulary

MOST_CONSTANTS = 20
"""True answers of a level that are tried as constant answers, the most frequent first."""

Guess = tuple[Truth | None, ...]
"""What a heuristic says to each case of an item; None where it has nothing to say."""
Key = Callable[[Case], Hashable]


def blind_right(items: Sequence[Item], vocabulary: Vocabulary) -> dict[str, list[bool]]:
    """Whether each heuristic is right in each item; of a group its rule decides. One that does not
    apply to an item is wrong there."""
    guessed = blind_guesses(items, vocabulary)
    return {
        name: [_is_right(item, guess) for item, guess in zip(items, guesses, strict=True)]
        for name, guesses in guessed.items()
    }


def blind_guesses(items: Sequence[Item], vocabulary: Vocabulary) -> dict[str, list[Guess]]:
    """What each heuristic says to each item.

    Raises:
        ExtensionError: somebody's task gives no answers; names the tasks.
    """
    tasks = ", ".join(sorted({case.task for case in cases_of(items)}))
    with refusing(f"blind answers of {tasks}: they cannot be made"):
        return {**_of_tasks(items, vocabulary), **_constants(items), **_priors(items)}


def _members(item: Item) -> tuple[Case, ...]:
    return (item,) if isinstance(item, Case) else item.cases


def _of_tasks(items: Sequence[Item], vocabulary: Vocabulary) -> dict[str, list[Guess]]:
    said: list[list[Mapping[str, Truth]]] = [
        [
            blind_answers_of(
                TASKS.get(case.task), case.truth, len(case.images), case.offered, vocabulary
            )
            for case in _members(item)
        ]
        for item in items
    ]
    names = dict.fromkeys(name for item in said for answers in item for name in answers)
    return {name: [tuple(answers.get(name) for answers in item) for item in said] for name in names}


def _constants(items: Sequence[Item]) -> dict[str, list[Guess]]:
    frequent = Counter((case.task, _words(case.truth)) for case in cases_of(items))
    truths = {(case.task, _words(case.truth)): case.truth for case in cases_of(items)}
    return {
        f"constant: {words}": [
            tuple(_repeated(task, truths[task, words], case) for case in _members(item))
            for item in items
        ]
        for (task, words), _ in frequent.most_common(MOST_CONSTANTS)
    }


def _priors(items: Sequence[Item]) -> dict[str, list[Guess]]:
    keys: dict[str, Key] = {"same question": lambda case: case.question, "same classes": _asked}
    return {f"prior: {name}": _prior(items, key) for name, key in keys.items()}


def _prior(items: Sequence[Item], key: Key) -> list[Guess]:
    counts: dict[Hashable, Counter[str]] = defaultdict(Counter)
    truths: dict[tuple[str, str], Truth] = {}

    def alike(case: Case) -> tuple[Hashable, Hashable]:
        """The cases that ask the same; and all, where nobody else asks the same."""
        return (case.task, key(case)), case.task

    for case in cases_of(items):
        words = _words(case.truth)
        truths[case.task, words] = case.truth
        for group in alike(case):
            counts[group][words] += 1

    def usual(case: Case, own: Sequence[Case]) -> Truth | None:
        for number, group in enumerate(alike(case)):
            mine = Counter(_words(c.truth) for c in own if alike(c)[number] == group)
            if others := counts[group] - mine:
                words = max(others, key=lambda words: (others[words], words))
                return _repeated(case.task, truths[case.task, words], case)
        return None

    return [tuple(usual(case, _members(item)) for case in _members(item)) for item in items]


def _asked(case: Case) -> Hashable:
    """What is asked about: the classes or options of a question, or the names that it offers."""
    if isinstance(case.truth, Counts):
        return tuple(name for name, _ in case.truth.counts)
    return tuple(sorted(case.truth.options if isinstance(case.truth, Choice) else case.offered))


def _words(truth: Truth) -> str:
    """An answer without what only its own question has: names of what is counted, letters."""
    if isinstance(truth, Counts):
        return ", ".join(str(number) for _, number in truth.counts)
    if isinstance(truth, Names):
        return Names(tuple(sorted(truth.names))).text
    return (isinstance(truth, Choice) and truth.options[truth.index]) or truth.text


def _repeated(task: str, said: Truth, case: Case) -> Truth | None:
    """The same words to another question; nothing to one of another task."""
    return TASKS.get(task).repeated(said, case.truth) if task == case.task else None


def _is_right(item: Item, guess: Guess) -> bool:
    if isinstance(item, Case):
        (said,) = guess
        return said is not None and _scores(item, said)
    if None in guess:
        return False
    members = tuple(
        Outcome(case, said.text, "right" if _scores(case, said) else "wrong", prediction=said)
        for case, said in zip(item.cases, guess, strict=True)
        if said is not None
    )
    return GroupOutcome(item, members).kind == "right"


def _scores(case: Case, said: Truth) -> bool:
    return TASKS.get(case.task).score(said, case.truth).right
