"""Class names as people write them: what a question calls them, and how an answer may.

Plurals serve questions, spellings the parsing of answers. Tables and plain rules, no stemmer: a
spelling outside them is not understood, never guessed. A user's own table wins over the built-in
one (`names.toml`).
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mimic_checks.errors import InvalidArgument, first_names

_BUILT_IN = Path(__file__).with_name("names.toml")
_SINGULAR_ONLY = frozenset({"glass", "computer", "ski"})
"""Synonyms whose plural is another thing, or the class itself."""
_QUOTES = str.maketrans(dict.fromkeys("\u2019\u2018\u02bc\u00b4`", "'"))
_QUOTES |= str.maketrans(dict.fromkeys("\u201c\u201d", '"'))
_KEYS = ("display", "plural", "synonyms")


@dataclass(frozen=True, slots=True)
class Labels:
    """What classes are called beside their names, by class: `displays` in questions, `plurals` of
    what is displayed, further `synonyms` in answers. What is not in it goes by the built-in
    tables."""

    displays: Mapping[str, str] = field(default_factory=dict)
    plurals: Mapping[str, str] = field(default_factory=dict)
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def describe(self) -> dict[str, dict[str, Any]]:
        """The table as JSON: what `labels_of` reads."""
        return {
            "displays": dict(self.displays),
            "plurals": dict(self.plurals),
            "synonyms": {name: list(words) for name, words in self.synonyms.items()},
        }

    def display(self, name: str) -> str:
        """What a question calls one of a class: its name, `_` as a space."""
        return self.displays.get(name) or " ".join(name.replace("_", " ").split()) or name

    def plural(self, name: str) -> str:
        """What a question calls several of a class."""
        return self.plurals.get(name) or plural(self.display(name))

    def spellings(self, names: tuple[str, ...]) -> dict[str, str]:
        """Every accepted spelling, lower case, mapped to its class name.

        A class's own name, displayed name and plural always win over another class's synonym; a
        synonym that two classes share is dropped, because it does not say which one is meant."""
        table = self._synonyms(names)
        # Later entries win: plurals over synonyms, and names, in loops of their own, over plurals.
        for name in names:
            for spelling in (plural(name.lower()), self.plural(name).lower()):
                table[spelling] = name
        for name in names:
            table[name.replace("_", " ").lower()] = name
            table[self.display(name).lower()] = name
        for name in names:
            table[name.lower()] = name
        return table

    def _synonyms(self, names: tuple[str, ...]) -> dict[str, str]:
        table: dict[str, str] = {}
        ambiguous: set[str] = set()
        built_in = _tables().synonyms
        for name in names:
            own = (f"{name.lower()}s",)  # beside an irregular plural: "persons"
            for synonym in (*own, *built_in.get(name.lower(), ()), *self.synonyms.get(name, ())):
                both = (synonym, *(() if synonym in _SINGULAR_ONLY else (plural(synonym),)))
                for spelling in both:
                    spelling = spelling.lower()
                    if table.get(spelling, name) != name:
                        ambiguous.add(spelling)
                    table[spelling] = name
        # Only now: deleted at once, a spelling would be free for a third class that claims it.
        for spelling in ambiguous:
            del table[spelling]
        return table


DEFAULT_LABELS = Labels()


def labels_of(described: Mapping[str, Mapping[str, Any]] | None) -> Labels:
    """Labels as a run's description has them."""
    if not described:
        return DEFAULT_LABELS
    synonyms = {name: tuple(words) for name, words in described["synonyms"].items()}
    return Labels(described["displays"], described["plurals"], synonyms)


def read_labels(file: Path, class_names: tuple[str, ...]) -> Labels:
    """The labels of a user's TOML file: a table for each class, with `display`, `plural` and
    `synonyms`, all optional.

    Raises:
        InvalidArgument: it cannot be read, names an unknown class, or holds something else.
    """
    allowed = "a TOML file with a table per class: display, plural (texts), synonyms (a list)"
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InvalidArgument("vlm-names", str(file), allowed=f"{allowed}; {error}") from error
    unknown = [name for name in tables if name not in class_names]
    if unknown:
        raise InvalidArgument(
            "vlm-names",
            str(file),
            allowed="tables of classes in the catalog",
            hint=f"no such class: {first_names(list(map(repr, unknown)))}; correct or remove them",
        )
    wrong = [name for name, table in tables.items() if not _is_table(table)]
    if wrong:
        raise InvalidArgument("vlm-names", str(file), allowed=allowed, hint=f"see {wrong[0]!r}")
    labels = Labels(
        {name: table["display"] for name, table in tables.items() if "display" in table},
        {name: table["plural"] for name, table in tables.items() if "plural" in table},
        {name: tuple(table["synonyms"]) for name, table in tables.items() if "synonyms" in table},
    )
    if shared := _shared(labels, class_names):
        raise InvalidArgument(
            "vlm-names",
            str(file),
            allowed="names, plurals and synonyms of one class each",
            hint=f"{first_names(shared)}; no answer could tell them apart: give each its own",
        )
    return labels


def _shared(labels: Labels, class_names: tuple[str, ...]) -> list[str]:
    """What the table gives to a class though another class is called so, too."""
    owners: dict[str, tuple[str, bool]] = {}
    shared: dict[tuple[str, str], str] = {}
    for name in class_names:
        named = name in labels.displays
        claims = {name: False, labels.display(name): named}
        claims[labels.plural(name)] = named or name in labels.plurals
        claims |= dict.fromkeys(labels.synonyms.get(name, ()), True)
        for text, given in claims.items():
            for form in (same_form(text), same_form(plural(text))):
                owner, by_table = owners.get(form, (name, False))
                if owner == name:
                    owners[form] = name, given or by_table
                elif given or by_table:
                    shared.setdefault((owner, name), f"{owner!r} and {name!r} are both {text!r}")
    return list(shared.values())


def same_form(text: str) -> str:
    """A name without what nobody reads: case, spaces, underscores, hyphens, kinds of quotes,
    characters that cannot be seen, and how accents are encoded."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_QUOTES)
    text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return " ".join(text.replace("_", " ").replace("-", " ").split())


def plural(name: str) -> str:
    """The plural of a word or phrase: `"traffic light"` gives `"traffic lights"`, `"person"` gives
    `"people"`. What is a plural already stays ("sunglasses")."""
    head, _, last = name.rpartition(" ")
    prefix = f"{head} " if head else ""
    irregular = _tables().plurals
    if last in irregular:
        return prefix + irregular[last]
    if last.endswith(("s", "x", "z", "ch", "sh")):
        return f"{prefix}{last}es"
    if last.endswith("y") and len(last) > 1 and last[-2] not in "aeiou":
        return f"{prefix}{last[:-1]}ies"
    return f"{prefix}{last}s"


def spellings(names: tuple[str, ...]) -> dict[str, str]:
    """Every accepted spelling of class names by the built-in tables."""
    return DEFAULT_LABELS.spellings(names)


def is_known_thing(phrase: str) -> bool:
    """Whether a phrase names something that is known to be no class ("rocking horse"), or to be one
    of another vocabulary."""
    return phrase in _tables().things


def _is_table(table: object) -> bool:
    if not isinstance(table, dict) or not set(table) <= set(_KEYS):
        return False
    texts = [table[key] for key in ("display", "plural") if key in table]
    synonyms = table.get("synonyms", [])
    return isinstance(synonyms, list) and all(
        isinstance(text, str) and text.strip() for text in (*texts, *synonyms)
    )


@dataclass(frozen=True, slots=True)
class _Tables:
    plurals: Mapping[str, str]
    synonyms: Mapping[str, tuple[str, ...]]
    things: frozenset[str]


@cache
def _tables() -> _Tables:
    """The built-in tables. Known things: those that are listed, and everything with a synonym."""
    read = tomllib.loads(_BUILT_IN.read_text(encoding="utf-8"))
    plurals: dict[str, str] = read["plurals"]
    synonyms = {name: tuple(words) for name, words in read["synonyms"].items()}
    words = [*read["things"], *synonyms, *(word for some in synonyms.values() for word in some)]
    regular = {f"{word}s" for word in words} | {f"{word}es" for word in words}
    return _Tables(
        plurals, synonyms, frozenset(words) | regular | {plurals.get(w, w) for w in words}
    )
