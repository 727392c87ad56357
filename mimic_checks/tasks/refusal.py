"""Answers that decline to answer."""

from __future__ import annotations

import re

_PICTURES = r"(?:images?|pictures?|photos?|photographs?|attachments?|files?|visuals?|content)"
_REFUSES = re.compile(
    r"\bas an? (?:ai\b|artificial|(?:large )?language model|text)"
    r"|\b(?:can't|cannot|can not|unable to|not able to|don't have the ability to|not capable of)"
    r"\s+(?:\w+ ){0,2}?(?:help|assist|comply|answer|fulfil|fulfill|provide|process|analy[sz]e"
    r"|identify)\b"
    r"|\b(?:can't|cannot|can not|unable to|not able to|don't have the ability to|not capable of)"
    r"\s+(?:\w+ ){0,3}?(?:see|view|access|open|display|look at|viewing|seeing|examine|inspect)\s+"
    r"(?:(?:the|this|these|that|those|any|your|all|either|first|second|third|last) ){0,3}"
    rf"{_PICTURES}\b"
    rf"|\bno {_PICTURES} (?:was|were|is|are|has been|have been)? ?"
    r"(?:provided|attached|uploaded|given|included|shared)\b"
    rf"|\b(?:don't|do not) see (?:any|an|the) (?:attached |uploaded )?{_PICTURES}\b(?! (?:of|with))"
    rf"|\bplease (?:re-?)?(?:upload|provide|share|attach|send) (?:\w+ ){{0,3}}{_PICTURES}\b"
    r"|^\W*(?:i'm|i am|i'm so|i am so) sorry\b(?=[^.\n]{0,80}\b(?:can't|cannot|can not|unable"
    r"|not able|don't|do not|but i|won't)\b)"
    r"|^\W*(?:i won't|i will not|i must decline|i refuse|i'd rather not)\b"
    r"|^\W*(?:lo siento|je suis désolé|désolé|es tut mir leid|tut mir leid|mi dispiace|desculpe"
    r"|sinto muito|извините|к сожалению|抱歉|对不起|很抱歉|申し訳|すみません|죄송)",
    re.IGNORECASE,
)


def refuses(text: str) -> bool:
    """Whether a statement declines to answer, or says that the pictures cannot be seen."""
    return bool(_REFUSES.search(text[:2000]))
