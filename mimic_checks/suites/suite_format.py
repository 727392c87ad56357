"""The door for suites: a format is a name, a reader, prompts and scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mimic_checks.cases.group import GroupRule
from mimic_checks.registry import Registry
from mimic_checks.suites.item import Piece, Refused, SuiteItem
from mimic_checks.suites.published import Published
from mimic_checks.suites.scoring import HarnessScore

SuiteTemplate = Callable[[SuiteItem], tuple[Piece, ...]]
"""An item -> all that is shown of it, options, instruction and images in place."""


@dataclass(frozen=True, kw_only=True)
class SuiteFormat:
    """A suite that others made.

    `read(folder: Path, *, <options>)` gives its items in the order of the file, one at a time, and
    in the place of an item without an answer a `Refused`; it raises a `SuiteError` where the files
    are not what they must be (a column that is missing, hidden answers). `categories(folder, *,
    <the same options>)`: the categories, from the category column alone, in the order of the
    suite's paper. `key(folder, *, <options>)`: the name of the answer key that is read. Options
    are keyword-only arguments of all three alike, of type str, int, float or bool.

    `templates`: by name, the official one first. `rule`: how its groups are scored; `grouped`:
    whether a group counts as one item, as in suites that are made of pairs; else its members are
    judged alone, and the rate of whole groups is shown beside. `scores`: by harness ("official",
    "lmms-eval", "VLMEvalKit"); one that has no such task is left out.
    """

    name: str
    title: str
    read: Callable[..., Iterator[SuiteItem | Refused]]
    categories: Callable[..., Iterable[str]]
    key: Callable[..., str]
    templates: Mapping[str, SuiteTemplate]
    scores: Mapping[str, HarnessScore] = field(default_factory=dict)
    rule: GroupRule = "all_right"
    grouped: bool = False
    published: tuple[Published, ...] = ()


SUITES: Registry[SuiteFormat] = Registry(
    "mimic_checks.suites",
    "suite format",
    (
        "name",
        "title",
        "read",
        "categories",
        "key",
        "templates",
        "scores",
        "rule",
        "grouped",
        "published",
    ),
)
