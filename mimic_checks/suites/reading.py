"""From the entries of a suite's files to cases, groups and pictures, one entry at a time."""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields

from mimic_checks.cases.case import Case, Content, ImagePart, TextPart, make_case
from mimic_checks.cases.group import Group, Item, clustered
from mimic_checks.catalog.images import look_into
from mimic_checks.errors import InvalidArgument, MimicChecksError, SuiteError
from mimic_checks.suites.item import Piece, Refused, SuiteItem
from mimic_checks.suites.pictures import Picture
from mimic_checks.suites.rotation import rotations
from mimic_checks.suites.suite_format import SuiteFormat
from mimic_checks.tasks.task import TASKS, read_answer
from mimic_checks.tasks.truth import LETTERS, Choice, Truth
from mimic_checks.tasks.unread import Unread
from mimic_checks.tasks.vocabulary import Vocabulary

_TASK_OF = {
    "choice": "multiple_choice",
    "yes_no": "yes_no",
    "number": "number",
    "short_text": "short_text",
}
"""The task of a question by the kind of its true answer."""
_NO_NAMES = Vocabulary(())


class Reading:
    """What has been read of a suite so far. `pictures`: by SHA-256 of their bytes; `items`: by case
    id, with the options in the order of the case; `refused`: items that cannot be asked."""

    def __init__(self, suite_format: SuiteFormat, template: str, *, rotate: bool) -> None:
        self._format, self._template, self._rotate = suite_format, template, rotate
        self.pictures: dict[str, Picture] = {}
        self.items: dict[str, SuiteItem] = {}
        self.refused: list[Refused] = []
        self._cases: dict[str, tuple[SuiteItem, tuple[Case, ...]]] = {}
        self._hash = hashlib.sha256()

    @property
    def data_hash(self) -> str:
        """Over all items that are asked, in their order."""
        return self._hash.hexdigest()

    def take(self, entry: SuiteItem | Refused) -> None:
        """Takes the next entry of the files.

        Raises:
            SuiteError: an item whose id another one has.
        """
        if isinstance(entry, Refused):
            self.refused.append(entry)
            return
        if entry.id in self._cases:
            raise SuiteError(
                f"suite {self._format.name!r}: two items have the id {entry.id!r}; ids tell items"
                " apart, so repair the file"
            )
        try:
            ids = [_looked_at(picture) for picture in entry.images]
            cases = self._cases_of(entry, ids)
        except (OSError, ValueError) as error:
            self.refused.append(Refused(entry.id, f"a picture cannot be read: {error}"))
            return
        except _Unusable as error:
            self.refused.append(Refused(entry.id, str(error)))
            return
        self._keep(entry, ids, cases)

    def _keep(
        self, item: SuiteItem, ids: Sequence[str], cases: Sequence[tuple[SuiteItem, Case]]
    ) -> None:
        known = (self.items[case.id] for _, case in cases if case.id in self.items)
        if same := next(known, None):
            self.refused.append(Refused(item.id, f"the same question as {same.id}"))
            return
        for image_id, picture in zip(ids, item.images, strict=True):
            self.pictures.setdefault(image_id, picture)
        self._hash.update(_hashed(item, ids))
        self._cases[item.id] = item, tuple(case for _, case in cases)
        self.items |= {case.id: turned for turned, case in cases}

    def _cases_of(self, item: SuiteItem, ids: Sequence[str]) -> list[tuple[SuiteItem, Case]]:
        """The item with its case, or a case for every rotation of its options."""
        turned = rotations(item) if self._rotate else [item]
        contents = [self._content(one, ids) for one in turned]
        if len(set(contents)) != len(contents):
            raise InvalidArgument(
                "vlm-rotate-options",
                True,
                allowed=(
                    f"a template that words the options itself; {self._template!r} of"
                    f" {self._format.name!r} shows item {item.id!r} as the file has it"
                ),
                hint=f"use another: {', '.join(map(repr, self._format.templates))}",
            )
        return [
            (one, _case(one, content, self._template, self._format.name))
            for one, content in zip(turned, contents, strict=True)
        ]

    def _content(self, item: SuiteItem, ids: Sequence[str]) -> Content:
        pieces = self._format.templates[self._template](item)
        shown = {piece for piece in pieces if isinstance(piece, int)}
        # A harness that hands images and words apart leaves placing to the model: images first.
        first = [number for number in range(len(ids)) if number not in shown]
        return _content_of([*first, *pieces], ids)

    def asked(self, *, grouped: bool, most: int) -> dict[str, list[Item]]:
        """Cases and groups by category. `grouped`: the items of a group count as one; else each
        counts alone, all of one cluster. `most`: so many of every category, groups taken whole (0:
        all)."""
        together: dict[str, list[tuple[SuiteItem, tuple[Case, ...]]]] = defaultdict(list)
        for item, cases in self._cases.values():
            alone = f"item {item.id}"
            together[f"group {item.group}" if item.group else alone].append((item, cases))
        by_category: dict[str, list[list[Item]]] = defaultdict(list)
        for members in together.values():
            by_category[members[0][0].category].append(self._units(members, grouped=grouped))
        return {
            category: [unit for units in _chosen(found, most, category) for unit in units]
            for category, found in by_category.items()
        }

    def _units(
        self, members: Sequence[tuple[SuiteItem, tuple[Case, ...]]], *, grouped: bool
    ) -> list[Item]:
        if grouped and len(members) > 1:
            cases = tuple(case for _, own in members for case in own)
            roles = tuple(item.role for item, own in members for _ in own)
            rule = self._format.rule
            return list(clustered([Group(cases, rule, roles if all(roles) else ())]))
        return list(clustered([own[0] if len(own) == 1 else Group(own) for _, own in members]))


class _Unusable(Exception):
    """An item that cannot be asked; says why."""


def _case(item: SuiteItem, content: Content, template: str, suite: str) -> Case:
    truth = item.truth
    task = _TASK_OF.get(truth.kind)
    if task is None:
        raise _Unusable(f"an answer of kind {truth.kind!r} belongs to no task of suites")
    if isinstance(truth, Choice) and len(truth.options) > len(LETTERS):
        raise _Unusable(f"{len(truth.options)} options, and {len(LETTERS)} letters")
    offered = truth.options if isinstance(truth, Choice) else ()
    read = read_answer(TASKS.get(task), truth.text, truth, offered, _NO_NAMES)
    if isinstance(read, Unread) or not TASKS.get(task).score(read, truth).right:
        raise _Unusable(f"its own answer {truth.text!r:.80} is not read back as right")
    try:
        return make_case(
            task=task,
            template=template,
            content=content,
            truth=truth,
            offered=offered,
            factors={
                "suite": suite,
                "category": item.category,
                "item": item.id,
                **({"group": item.group, "role": item.role} if item.group else {}),
            },
        )
    except MimicChecksError as error:
        raise _Unusable(str(error)) from error


def _content_of(pieces: Sequence[Piece], ids: Sequence[str]) -> Content:
    """Text next to text is one part."""
    parts: list[TextPart | ImagePart] = []
    for piece in pieces:
        if isinstance(piece, int):
            parts.append(ImagePart(ids[piece]))
        elif parts and isinstance(last := parts[-1], TextPart):
            parts[-1] = TextPart(last.text + piece)
        elif piece:
            parts.append(TextPart(piece))
    return tuple(parts)


def _looked_at(picture: Picture) -> str:
    """The id of a picture that can be opened."""
    data = picture.read()
    look_into(data)
    return hashlib.sha256(data).hexdigest()


def _hashed(item: SuiteItem, ids: Sequence[str]) -> bytes:
    """Everything of an item that could change an answer or its score."""
    facts = [item.id, item.category, item.question, item.options, _plain(item.truth), ids]
    return json.dumps(facts).encode()


def _plain(truth: Truth) -> Mapping[str, object]:
    return {part.name: getattr(truth, part.name) for part in fields(truth)}


def _chosen(units: list[list[Item]], most: int, category: str) -> list[list[Item]]:
    """A choice that the seed `category` decides, in the order of the file."""
    if not most or len(units) <= most:
        return units
    places = sorted(random.Random(f"items {category}").sample(range(len(units)), most))
    return [units[place] for place in places]
