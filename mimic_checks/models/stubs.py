"""Models with one planted defect each, and an oracle: the shelf on which every check is proven.

A stub's eyes are a catalog (image id -> what the image shows). It reads a question's text like any
model, and never sees a case or its answer. `stub:<name>` names one on the command line.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog import Catalog
from mimic_checks.catalog.misleading import MisleadingCatalog
from mimic_checks.catalog.states import ABSENT
from mimic_checks.catalog.twins import TwinCatalog
from mimic_checks.errors import AnswerError, InvalidArgument
from mimic_checks.models.controls import shown_in
from mimic_checks.models.prompt import Prompt
from mimic_checks.models.vlm import Capabilities, ImageBlock
from mimic_checks.tasks.truth import Counts, Names

_COUNT = re.compile(
    r"(?:How many|Count(?: the)?) (?P<classes>.+?) (?:are there )?in (?:this image|these images)"
)
_LIST = re.compile(r"kinds? of (?P<supercategory>.+?) (?:are )?in (?:this image|these images)")
_COMMON = re.compile(r"\b(?:all of|every one of)\b")
_OPTION = re.compile(r"(?:^([A-Z])\. |\(([a-z])\) )(.+?)(?=\n|$| \([a-z]\) )", re.MULTILINE)
"""A lettered option, in a line of its own or in one line with the others."""
TOKENS_PER_IMAGE = 16


class StubVLM:
    """Answers by looking images up in a catalog; subclasses look, or tell, wrongly."""

    capabilities: ClassVar = Capabilities.of("image_blocks", otherwise="a stub has nothing inside")

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._class_of = {
            form(name): index
            for form in (catalog.labels.display, catalog.labels.plural)
            for index, name in enumerate(catalog.class_names)
        }
        # The longest first: "cat and dog" may be a class beside "cat" and "dog".
        forms = "|".join(map(re.escape, sorted(self._class_of, key=len, reverse=True)))
        self._asked_forms = re.compile(rf"(?:every )?({forms})(?=, | and |$)")
        self._twins = [
            other for other in catalog.others if isinstance(other, TwinCatalog | MisleadingCatalog)
        ]

    def answer(self, prompts: Sequence[Prompt]) -> list[str]:
        return [self.tell(prompt, self.look(prompt)) for prompt in prompts]

    def identity(self) -> dict[str, Any]:
        return {"name": f"stub:{type(self).__name__}", "catalog": self.catalog.name}

    def image_blocks(self, prompt: Prompt) -> list[ImageBlock]:
        return [
            ImageBlock(1 + k * TOKENS_PER_IMAGE, TOKENS_PER_IMAGE, k)
            for k in range(len(prompt.images))
        ]

    def look(self, prompt: Prompt) -> NDArray[np.int64]:
        """What the stub takes the images to show: counts, [images, classes]. An image outside the
        catalog shows nothing."""
        shown = [self._counts(image.id) for image in prompt.images]
        return np.array(shown, dtype=np.int64).reshape(len(shown), len(self.catalog.class_names))

    def tell(self, prompt: Prompt, counts: NDArray[np.int64]) -> str:
        """The true answer to the question about images with these counts, or about one of twins."""
        if (right := self._answer_of_twin(prompt)) is not None:
            return self.choose(prompt, options_of(prompt.question), right)
        shown = np.where(counts > 0, counts, ABSENT)
        if match := _COUNT.search(prompt.question):
            # Imported here, as below: a stub answers all else also where this task is missing.
            from mimic_checks.tasks.counting import count

            classes = self.asked(match["classes"])
            totals = count(shown, classes)
            assert totals is not None, "a stub is never in doubt"
            return self._counts_text(classes, totals)
        if match := _LIST.search(prompt.question):
            from mimic_checks.tasks.listing import listed

            members = self.catalog.members(match["supercategory"]).tolist()
            kinds = listed(shown, members)
            assert kinds is not None, "a stub is never in doubt"
            return self._names_text(kinds)
        # Whoever sees wrongly may see several classes everywhere, or equally seldom, and says them
        # all; the tasks' own rules know the one certain answer only.
        present = (counts > 0).sum(axis=0)
        if _COMMON.search(prompt.question):
            return self._names_text(np.flatnonzero(present == len(counts)).tolist())
        fewest = present[present > 0].min(initial=len(counts))
        return self._names_text(np.flatnonzero((present > 0) & (present == fewest)).tolist())

    def choose(self, prompt: Prompt, options: dict[str, str], right: str) -> str:
        """The letter of the option that is said of one of twins. `options`: texts by letter."""
        return next(letter for letter, text in options.items() if text == right)

    def _answer_of_twin(self, prompt: Prompt) -> str | None:
        """What is true of a picture that is one of twins; None of any other prompt."""
        found = self.twins_of(prompt)
        return found and found[0].answer(found[1])

    def twins_of(self, prompt: Prompt) -> tuple[TwinCatalog | MisleadingCatalog, int] | None:
        """The catalog of a picture that is one of twins, and its row there."""
        if len(prompt.images) != 1:
            return None
        image_id = prompt.images[0].id
        known = (twins for twins in self._twins if twins.manifest.knows(image_id))
        return next(((twins, twins.manifest.row(image_id)) for twins in known), None)

    def _counts_text(self, classes: Sequence[int], totals: Sequence[int]) -> str:
        names = [self.catalog.class_names[c] for c in classes]
        return Counts(tuple(zip(names, totals, strict=True))).text

    def _names_text(self, classes: Iterable[int]) -> str:
        return Names(tuple(self.catalog.class_names[c] for c in classes)).text

    def asked(self, classes: str) -> list[int]:
        """The class columns of `"cats, dogs and keys"`."""
        return [self._class_of[form] for form in self._asked_forms.findall(classes)]

    def _counts(self, image_id: str) -> NDArray[np.int16]:
        counts: NDArray[np.int16] = np.zeros(len(self.catalog.class_names), dtype=np.int16)
        for part in shown_in(image_id):
            # KeyError: a picture from outside the catalog.
            with contextlib.suppress(KeyError):
                row = self.catalog.manifest.row(part)
                # Of a picture that a check has brought along, the catalog knows nothing.
                if row < len(self.catalog):
                    counts = counts + self.catalog.counts[row]
        return counts


class Oracle(StubVLM):
    """Always right."""


class FirstImageOnly(StubVLM):
    """Looks at the first image and ignores the rest."""

    def look(self, prompt: Prompt) -> NDArray[np.int64]:
        return super().look(prompt)[:1]


class LosesTrack(StubVLM):
    """Remembers two images, whatever comes after."""

    def look(self, prompt: Prompt) -> NDArray[np.int64]:
        return super().look(prompt)[:2]


class OrderBiased(StubVLM):
    """Sees the first and the last image; what stands between is lost."""

    def look(self, prompt: Prompt) -> NDArray[np.int64]:
        counts = super().look(prompt)
        return counts if len(counts) < 3 else counts[[0, -1]]


class CountsDistractors(StubVLM):
    """Takes every image without the asked class for one more instance of it, and every class for
    common."""

    def tell(self, prompt: Prompt, counts: NDArray[np.int64]) -> str:
        if match := _COUNT.search(prompt.question):
            counts = counts.copy()
            for class_index in self.asked(match["classes"]):
                counts[~counts[:, self.asked(match["classes"])].any(axis=1), class_index] = 1
        return super().tell(prompt, counts)


class FirstConceptOnly(StubVLM):
    """Keeps track of the first class asked for and takes the others to be as many."""

    def tell(self, prompt: Prompt, counts: NDArray[np.int64]) -> str:
        if match := _COUNT.search(prompt.question):
            classes = self.asked(match["classes"])
            total = int(counts[:, classes[0]].sum())
            return self._counts_text(classes, [total] * len(classes))
        return super().tell(prompt, counts)


class Blind(StubVLM):
    """Never looks: a guess drawn from the question and the case id."""

    def look(self, prompt: Prompt) -> NDArray[np.int64]:
        # With the case's id, or one question would get one guess, however many cases ask it.
        seed = int.from_bytes(
            hashlib.sha256((prompt.case_id + prompt.question).encode()).digest()[:4]
        )
        return np.random.default_rng(seed).integers(
            0, 4, (len(prompt.images), len(self.catalog.class_names))
        )

    def choose(self, prompt: Prompt, options: dict[str, str], right: str) -> str:
        return list(options)[hashlib.sha256(prompt.case_id.encode()).digest()[0] % len(options)]


class OneAnswer(StubVLM):
    """Does not look at twins: says the same of both, whichever letter it has."""

    def choose(self, prompt: Prompt, options: dict[str, str], right: str) -> str:
        return next(letter for letter, text in options.items() if text == min(options.values()))


class FollowsLure(StubVLM):
    """Says what a misleading picture suggests."""

    def choose(self, prompt: Prompt, options: dict[str, str], right: str) -> str:
        found = self.twins_of(prompt)
        if found and isinstance(found[0], MisleadingCatalog):
            right = found[0].lure(found[1]) or right
        return super().choose(prompt, options, right)


class FirstOption(StubVLM):
    """Chooses the option that stands first."""

    def choose(self, prompt: Prompt, options: dict[str, str], right: str) -> str:
        return next(iter(options))


class Constant(StubVLM):
    """Says the same to everything."""

    def tell(self, prompt: Prompt, counts: NDArray[np.int64]) -> str:
        return "1"


class Unparseable(StubVLM):
    """Talks, and says nothing."""

    def tell(self, prompt: Prompt, counts: NDArray[np.int64]) -> str:
        return (
            "That depends a good deal on how closely somebody would care to look at it, I should"
            " think."
        )


class Raising(StubVLM):
    """Raises on every prompt with two images or more."""

    def look(self, prompt: Prompt) -> NDArray[np.int64]:
        if len(prompt.images) > 1:
            raise AnswerError("planted failure")
        return super().look(prompt)


class Fragile(StubVLM):
    """Raises on a quarter of the prompts with two images or more."""

    def look(self, prompt: Prompt) -> NDArray[np.int64]:
        if len(prompt.images) > 1 and hashlib.sha256(prompt.case_id.encode()).digest()[0] % 4 == 0:
            raise AnswerError("planted failure")
        return super().look(prompt)


class Slow(StubVLM):
    """Right, after `delay_s` a prompt: for testing interruption and progress."""

    delay_s = 0.02

    def look(self, prompt: Prompt) -> NDArray[np.int64]:
        time.sleep(self.delay_s)
        return super().look(prompt)


class BatchLeak(StubVLM):
    """In a batch, every prompt but the first is answered from the images of the one before (blended
    rows)."""

    def answer(self, prompts: Sequence[Prompt]) -> list[str]:
        looks = [self.look(prompt) for prompt in prompts]
        return [self.tell(prompt, looks[max(0, k - 1)]) for k, prompt in enumerate(prompts)]


class Recalls(StubVLM):
    """Knows the benchmark by heart: recalls what the first image set it was asked a question about
    showed."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self._seen: dict[str, NDArray[np.int64]] = {}

    def look(self, prompt: Prompt) -> NDArray[np.int64]:
        counts = super().look(prompt)
        return (
            self._seen.setdefault(prompt.case_id, counts)
            if counts.any()
            else self._seen.get(prompt.case_id, counts)
        )


class SwappedBlocks(StubVLM):
    """A harness that feeds the images in reverse order."""

    def image_blocks(self, prompt: Prompt) -> list[ImageBlock]:
        blocks = super().image_blocks(prompt)
        return [ImageBlock(b.start, b.tokens, len(blocks) - 1 - b.image) for b in blocks]


STUBS: dict[str, Callable[[Catalog], StubVLM]] = {
    "oracle": Oracle,
    "first-image-only": FirstImageOnly,
    "loses-track": LosesTrack,
    "order-biased": OrderBiased,
    "counts-distractors": CountsDistractors,
    "first-concept-only": FirstConceptOnly,
    "blind": Blind,
    "one-answer": OneAnswer,
    "first-option": FirstOption,
    "follows-lure": FollowsLure,
    "constant": Constant,
    "unparseable": Unparseable,
    "raising": Raising,
    "fragile": Fragile,
    "slow": Slow,
    "batch-leak": BatchLeak,
    "recalls": Recalls,
    "swapped-blocks": SwappedBlocks,
}


def options_of(question: str) -> dict[str, str]:
    """The lettered options of a question, texts by letter."""
    return {(upper or lower.upper()): text for upper, lower, text in _OPTION.findall(question)}


def make_stub(name: str, catalog: Catalog) -> StubVLM:
    """The stub of a name.

    Raises:
        InvalidArgument: no such stub.
    """
    if name not in STUBS:
        raise InvalidArgument("vlm stub", name, allowed=STUBS)
    return STUBS[name](catalog)
