"""Whether leaving out repeats has bent what the draws ask about.

Every proposal of a strategy asks about the classes in the mix that the strategy has. Where some
classes have hardly more cases than are asked of them, their proposals are repeats, and leaving
those out fills the draws with the other classes. Only a mix that is bent by more than chance can
bend it is refused: where all classes have equally many cases, repeats leave it as it is.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence

from mimic_checks.cases.case import Case
from mimic_checks.tasks.truth import Counts, Names

BEND_LIMIT = 0.1
"""How far a mix may be bent: the chi-square per degree of freedom that the bend adds to that of a
fair draw, which is 1."""
_SIGMAS = 2.5

_Kinds = Sequence[tuple[str, Hashable]]
"""What a proposal is about, and by what it was sorted."""


class Evenness:
    """The proposals of one drawing, in order, by what they ask about."""

    def __init__(self) -> None:
        self._proposals: list[tuple[_Kinds, bool]] = []

    def note(self, case: Case, *, repeat: bool) -> None:
        """Takes note of a proposal: the case of its first level, of whose class mix all levels are,
        and whether it was drawn before."""
        self._proposals.append((_kinds(case), repeat))

    def is_bent(self, draws: int) -> bool:
        """Whether the mix of so many first draws is bent by more than the limit and chance
        together."""
        mix = next((mix for mix in _mixes(self._proposals) if mix.draws == draws), None)
        return mix is not None and any(
            bend > BEND_LIMIT + fair * (1 + _SIGMAS * math.sqrt(2 / freedom))
            for bend, fair, freedom in mix.bends()
        )

    @property
    def has_repeats(self) -> bool:
        """Whether any proposal was drawn before."""
        return any(repeat for _, repeat in self._proposals)

    @property
    def is_half_repeats(self) -> bool:
        """Whether no more than half of the proposals are draws."""
        return 2 * sum(repeat for _, repeat in self._proposals) >= len(self._proposals)

    def excesses(self) -> list[float]:
        """For every number of first draws from 1, how far their mix is bent beyond what chance
        does on average."""
        return [
            max((bend - fair for bend, fair, _ in mix.bends()), default=0.0)
            for mix in _mixes(self._proposals)
        ]


def even_draws(streams: Sequence[Evenness]) -> int:
    """How many draws are bent by next to nothing, on the average of independent drawings."""
    even = 0
    for number, excesses in enumerate(zip(*(s.excesses() for s in streams), strict=False), 1):
        if sum(excesses) / len(excesses) <= BEND_LIMIT / 4:
            even = number
    return even


class _Mix:
    """How many proposals and draws there are of every kind."""

    def __init__(self) -> None:
        self.proposals = self.draws = 0
        self.proposed: dict[str, Counter[Hashable]] = defaultdict(Counter)
        self.drawn: dict[str, Counter[Hashable]] = defaultdict(Counter)

    def add(self, kinds: _Kinds, *, repeat: bool) -> None:
        self.proposals += 1
        self.draws += not repeat
        for view, kind in kinds:
            self.proposed[view][kind] += 1
            self.drawn[view][kind] += not repeat

    def bends(self) -> Iterator[tuple[float, float, int]]:
        """For every view: how far the draws are from the mix of the proposals, in chi-square per
        degree of freedom; what it would be if repeats fell evenly; and the degrees of freedom."""
        drawn_share = self.draws / self.proposals
        # With a share r of repeats, N proposals of a kind leave N (1 - r) draws, with a variance of
        # N (1 - r) r times another 1 - r: what is left of a pool varies less the emptier it gets.
        fair = drawn_share * (1 - drawn_share)
        for view, counts in self.proposed.items():
            freedom = len(counts) - 1
            if freedom:
                expected = {kind: number * drawn_share for kind, number in counts.items()}
                drawn = self.drawn[view]
                squares = sum((drawn[kind] - mean) ** 2 / mean for kind, mean in expected.items())
                yield squares / freedom, fair, freedom


def _mixes(proposals: Iterable[tuple[_Kinds, bool]]) -> Iterator[_Mix]:
    """The mix after every draw: one object, which goes on to change."""
    mix = _Mix()
    for kinds, repeat in proposals:
        mix.add(kinds, repeat=repeat)
        if not repeat:
            yield mix


def _kinds(case: Case) -> _Kinds:
    """The question, unless it asks for several classes: those have hardly a case per question; and
    what the answer names."""
    truth = case.truth
    if isinstance(truth, Counts):
        names = [name for name, _ in truth.counts]
        return [("name", name) for name in names]
    named = truth.names if isinstance(truth, Names) else (truth.text,)
    return [("question", case.question), *(("name", name) for name in named)]
