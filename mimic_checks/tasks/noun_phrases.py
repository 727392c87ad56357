"""Words around a class name: those that leave the thing what it is, and those that make it
another."""

from __future__ import annotations

FUNCTION_WORDS = frozenset(
    """in on at of with by to from near behind under over beside between next into onto inside
    outside around through along across above below against towards toward off out up down
    is are was were be been being has have had do does did can could will would shall should may
    might must that which who whose where when while as and or but if because since so then than
    the a an this that these those it its they their them he his she her we our you your i my
    there here shown show shows present presents appear appears visible seen see contain contains
    include includes altogether together only each per also too both all total overall combined
    not no sitting standing lying playing running walking looking facing wearing holding riding
    occurs exists sits stands lies looks seems runs walks plays wears holds rides remains differs
    features eating sleeping parked flying swimming alone respectively today again now""".split()
)
"""Words after which a noun phrase is over."""

UNREAL = frozenset(
    """toy toys stuffed plush fake cartoon inflatable lego origami statue statues sculpture
    sculptures figurine figurines animated imaginary robot""".split()
)
"""Words before a name that make the thing another one."""

COLOURS = frozenset(
    """black white brown red green blue yellow gray grey golden tan pink purple silver beige cream
    dark light small large big little young old tall short fluffy spotted striped""".split()
)
"""Adjectives that come in pairs: "a black and white dog"."""

_NO_NOUNS = frozenset(
    """together alone visible present total altogether overall combined slice slices piece
    pieces""".split()
)


def is_plural(name: str, spelling: str) -> bool:
    """Whether a spelling of a class is a plural that differs from its name."""
    return spelling != name.lower() and spelling.endswith("s") and not spelling.endswith("ss")


def is_participle(word: str) -> bool:
    """Whether a word tells what something does ("running", "parked")."""
    return len(word) > 4 and word.endswith(("ing", "ed"))


def is_compound(name: str, spelling: str, follower: str) -> bool:
    """Whether a name, as it is spelled, and the word after it are one noun ("dog house"): a plural
    begins none."""
    if follower in FUNCTION_WORDS or follower in _NO_NOUNS or is_plural(name, spelling):
        return False
    return not (is_participle(follower) or follower.endswith("ly"))
