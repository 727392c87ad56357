"""An answer about counts as tokens: numbers, marked classes, images it names, denials, totals."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from mimic_checks.tasks.class_marks import MARK
from mimic_checks.tasks.numerals import CHINESE, WORD, WORDS, chinese_value, word_value

MOST = 10**9
"""A larger number is no count."""
GROUP = "group "
"""Begins the `image` of a token that names several images."""

_NOUN = (
    r"(?:images?|imgs?|pictures?|pics?|photos?|photographs?|figures?|panels?|frames?|scenes?"
    r"|bild(?:er|ern)?|im[aá]gen(?:es)?|fotos?|imagens|immagin[ei]|изображени\w*|картинк\w*"
    r"|afbeelding(?:en)?)"
)
_PLURAL = (
    r"(?:images|imgs|pictures|pics|photos|photographs|figures|panels|frames|scenes|bilder[n]?"
    r"|im[aá]genes|fotos|imagens|immagini|afbeeldingen|изображения\w*)"
)
# A place in a list of images ("images 1, 2 and 4"), and what joins it to the one before. Of one
# image ("image 2 and 3 dogs") only a range or an alternative goes on.
_PLACE = r"#?(?:\d{1,3}|one|two|three|four|five|six|seven|eight|[a-h])\b"
_TO = r"-|–|—|to|through|thru|bis|or|nor|oder|/"
_AND_PLACE = rf"(?:\s*(?:{_TO}|,? ?(?:and|or|&|und|et|y|e|en|и)|,|&)\s*(?:{_NOUN}\s*)?{_PLACE})"
_OR_PLACE = rf"(?:\s*(?:{_TO})\s*(?:{_NOUN}\s*)?{_PLACE})"
_NUMBER = rf"(?:\d+|{WORD})"
_ORDINAL = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|1st|2nd|3rd"
    r"|\d{1,3}th|(?:upper|lower|top|bottom)?[ -]?(?:left|right)(?:[ -]?hand)?|top|bottom|middle"
    r"|center|former|latter|previous|next|erste[nmrs]?|zweite[nmrs]?|dritte[nmrs]?"
    r"|primer[ao]?|segund[ao]|tercer[ao]?|première?|premier|deuxième|troisième"
    r"|prim[ao]|second[ao]|terz[ao]|primeir[ao])"
)
# What may follow "the second" where the image itself is left out.
_NO_NOUN = (
    r"(?=\s*(?:[.,;:!?)\n]|$|(?:and|but|while|has|have|had|shows?|contains?|includes?|depicts?|is"
    r"|there|one|displays?|features?|holds?|does|doesn't|none|no|with|y|und|et|e)\b))"
)
_KINDS: tuple[tuple[str, str], ...] = (
    ("mark", MARK),
    ("time", r"\d{1,2}(?::\d\d)?\s*(?:a\.?m\b|p\.?m\b|o'clock)\.?|\d{1,2}:\d\d(?::\d\d)?(?!\d)"),
    ("age", rf"{_NUMBER}[- ](?:years?|months?|weeks?|days?)[- ]olds?\b"),
    (
        "year",
        r"\b(?:in|from|since|of|year|circa)\s+(?:the year )?(?:19|20)\d\d\b(?!\s*" + MARK + ")",
    ),
    (
        "each",
        rf"\b(?:in |on |for )?(?:each|every|per)(?: single)?(?: one)?(?: of)?(?: the| these| your)?"
        rf"(?: (?P<each_n>{_NUMBER}))?(?: \w+)? {_NOUN}\b|\b(?:each|apiece)\b|\bper {_NOUN}\b"
        rf"|(?<!in )(?<!across )(?<!over )\b(?:all|both)(?: of)?(?: the| these)?"
        rf"(?: (?P<all_n>{_NUMBER}))? {_NOUN}"
        r"(?=\s+(?:have|show|contain|depict|feature|include|display)\b)",
    ),
    (
        "share",
        rf"{_NUMBER}\s*(?:out of|of|/|in every)\s*(?:(?:the|these|those|all|its|your) ){{0,3}}"
        rf"(?:{_NUMBER}\s*)?(?:\w+ )?{_NOUN}\b",
    ),
    ("both", rf"\b(?:in |across |on )?both(?: of)?(?: the| these)?(?: {_NOUN})?\b"),
    ("no_doubt", r"\bno (?:doubt|question)\b|\bwithout (?:a )?doubt\b|\bnot only\b"),
    (
        "some",
        rf"\b(?:some|several|most|many|few|a few)(?: of)?(?: the| these)?(?: other)? {_NOUN}\b"
        rf"|\bnot (?:all|every|each|both)\b(?: of)?(?: the| these)?(?: {_NOUN})?",
    ),
    (
        "image_group",
        r"\b(?:(?:in|on|of|for|across) )?(?:the )?(?:both )?"
        rf"(?:{_PLURAL}\s*{_PLACE}(?:{_AND_PLACE})+"
        rf"|{_NOUN}\s*{_PLACE}(?:{_OR_PLACE})+)(?!\s*{MARK}|\s+{_NOUN})",
    ),
    (
        "image",
        rf"\b(?:in |on )?(?:the )?(?:step|part|{_NOUN})\s*(?:#|no\.?|number|:)?\s*"
        rf"(?P<image_n>(?:\d{{1,3}}|[a-h]|one|two|three|four|five|six|seven|eight)\b)"
        rf"(?!\s*{_NOUN})"
        rf"|\b(?P<side>{_ORDINAL})(?=\s*[:=])"
        rf"|\b(?:the |la |le |die |das |der |den |im |in the |on the )?(?P<ordinal>{_ORDINAL})"
        rf"(?: (?:one|and (?:only|last|final)))?\s+{_NOUN}\b"
        rf"|\b(?:the|in|on|to|at|la|le|im)\s+(?:the\s+)?(?P<alone>{_ORDINAL})(?: one| side)?"
        rf"{_NO_NOUN}"
        rf"|\b(?:the )?(?P<rest>others?|remaining|rest(?: of)?(?: the)?)(?: \w+)? {_NOUN}\b"
        r"|\bthe (?P<rest_alone>other(?:s| one)?|rest)"
        + _NO_NOUN
        + r"|(?:图片?|画像|图像|照片|이미지|그림|사진|図)\s*(?P<image_cjk>\d{1,3})"
        r"|第\s*(?P<cjk>[一二两三四五六七八九十\d]{1,3})\s*[张張幅个枚]?(?:图片?|画像|图像|照片|の画像|の写真)?"
        r"|(?P<korean>첫|두|세|네)\s*번째",
    ),
    (
        "images",
        rf"\b(?:(?:in|across|over|of|from|all) ){{0,3}}"
        rf"(?:(?:all|the|these|those|your|given) ){{0,3}}"
        rf"(?:(?P<images_n>{_NUMBER})\s+)?(?:different |separate |given |provided )?{_NOUN}\b"
        r"(?!\s*#?\d)",
    ),
    ("whole", r"共|一共|总共|總共|合计|総数|合計|전부|총|모두"),
    (
        "post_total",
        r"\b(?:in total|altogether|in all|all together|overall|combined|all told|in sum"
        r"|en total|insgesamt|au total|in totale|no total|всего|в общей сложности)\b",
    ),
    (
        "total",
        r"\b(?:grand total|totals?|sum|makes?|making|gives?|adds? up to|equals?|comes? to)\b",
    ),
    ("so", r"\b(?:so far)\b"),
    (
        "thus",
        r"\b(?:so|therefore|thus|hence|consequently|which means|in conclusion|donc|quindi|dus"
        r"|portanto|por (?:lo )?tanto|daher|somit|folglich|следовательно|поэтому|итого)\b"
        # German; in English it adds.
        r"|\balso(?=\s+(?:zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf)\b)"
        r"|所以|因此|したがって|よって|따라서|그래서",
    ),
    ("half_dozen", r"\bhalf (?:a )?dozen\b"),
    (
        "bound",
        r"\b(?:no (?:more|less|fewer) than|at least|at most|at minimum|a minimum of|a maximum of"
        r"|minimum|maximum|(?:more|less|fewer|greater|higher|lower|larger|smaller) than"
        r"|over|under|above|below"
        r"|up to|as many as|upwards of|nearly|almost|close to|not quite|minus"
        r"|negative|half|quarter|hundreds?"
        r"|thousands?|millions?|billions?|dozens|tens|mindestens|höchstens|mehr als|weniger als"
        r"|al menos|más de|menos de|au moins|plus de|moins de|almeno|più di|meno di|pelo menos"
        r"|mais de"
        r"|не менее|больше|более|менее|fast|casi|presque)\b"
        r"|[<>≤≥±≠~≈]=?|至少|最多|超过|以上|不到|대략|이상|约|大约",
    ),
    (
        "after_bound",
        r"\b(?:or (?:so|more|less|fewer|maybe|possibly|even)|and (?:a half|counting)|plus more"
        r"|and more)\b|\+(?!\s*\w)|%|\bpercent\b|\bhalf\b",
    ),
    (
        "vague",
        r"\b(?:many|several|numerous|multiple|a few|few|a lot of|lots of|some|various|countless"
        r"|a number of|a group of|a couple of|couple|a herd of|a flock of)\b|一些|很多|几",
    ),
    ("more", r"\b(?:more|additional)\b"),
    ("single", r"\b(?:(?:a|an|the|only) ){0,3}(?:single|lone|solitary|sole)\b"),
    ("pair", rf"\b(?:(?P<pairs>{_NUMBER}|a) )?pairs?(?: of)?\b"),
    ("junk", r"\d+[^\W\d_\u3040-\u9fff\uac00-\ud7af\u0400-\u04ff]\w*|[a-zà-ÿ_]+\d\w*"),
    ("number", r"(?<![\d.,])-?\d+(?:[.,]\d+)*"),
    ("cjk_skipped", "唯一|一起|一些|一样|统一|同一|第一次"),
    ("cjk_article", r"(?:只有|有)?一(?:[只隻匹头頭个個条條辆輛台人名架艘把张張])"),
    ("cjk_number", CHINESE),
    ("word_number", WORD),
    (
        "none",
        r"\bnot (?:a single|even one|a) one\b|\bnot even one\b"
        r"|\b(?:none|nothing|nobody|no one|zero of|neither of them|ninguno|ninguna|keine|keiner"
        r"|aucun|aucune|nessun|nessuno|nessuna"
        r"|pas de|geen|inga|nenhum|nenhuma|нет|ни одной|ни одного)\b|没有|沒有"
        r"|ありません|いません|없습니다|없다|无$",
    ),
    (
        "neg",
        r"\b(?:no|not|without|neither|nor|never|cannot|kein|keinen|ningún|isn't|aren't|don't"
        r"|doesn't|can't|wasn't|weren't|didn't|couldn't|haven't|hasn't|lacks?|devoid of|free of"
        r"|absent)\b|\bn't\b",
    ),
    ("article", r"\b(?:an?|another|un|une|una|ein|eine|einen|uma|ett)\b"),
    ("cjk_word", "[\u3040-\u30ff\u3400-\u9fff]"),
    ("word", r"[^\W\d_\u3040-\u30ff\u3400-\u9fff]+(?:['’-][^\W\d_]+)*"),
    ("break", r"[.!?。！？;；\n]"),
    ("comma", r"[,，、()|\[\]{}（）]"),
    ("link", r"[:=：＝→]|->|[-–—]"),
    ("plus", r"[+×*/]"),
    ("other", r"\S"),
)
# Nothing but a line end is read across one.
_LEXER = re.compile(
    "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS).replace(r"\s", r"[ \t]")
)


@dataclass(slots=True)
class Token:
    """A piece of an answer. `value`: of a number, or of how many images; `exact`: whether a number
    is meant as it stands; `image`: which image is named."""

    kind: str
    text: str
    value: int | None = None
    exact: bool = True
    image: str = ""
    extra: dict[str, int] = field(default_factory=dict)


def tokens_of(text: str) -> list[Token]:
    """The tokens of a lower-case, marked text."""
    return [_MAKE.get(_kind(match), _plain)(match) for match in _LEXER.finditer(text)]


def _kind(match: re.Match[str]) -> str:
    return match.lastgroup or "other"  # the group that closes last: the outermost


def _plain(match: re.Match[str]) -> Token:
    return Token(_kind(match), match.group())


def _number(match: re.Match[str]) -> Token:
    text = match.group()
    plain = text.replace(",", "") if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.0+)?", text) else text
    if len(plain) > 20 or not re.fullmatch(r"\d+(?:\.0{1,2})?", plain):
        return Token("number", text, 0, exact=False)
    value = int(float(plain))
    return Token("number", text, value, exact=value <= MOST)


def _word_number(match: re.Match[str]) -> Token:
    return Token("number", match.group(), word_value(match.group()))


def _cjk_number(match: re.Match[str]) -> Token:
    value = chinese_value(match.group())
    return Token("number", match.group(), value or 0, exact=value is not None)


def _junk(match: re.Match[str]) -> Token:
    times = re.fullmatch(r"(\d+)x|x(\d+)", match.group())
    if times:
        return Token("number", match.group(), int(times[1] or times[2]))
    return Token("number", match.group(), 0, exact=False)


def _pair(match: re.Match[str]) -> Token:
    pairs = match["pairs"]
    number = 1 if pairs in (None, "a") else int(pairs) if pairs.isdigit() else word_value(pairs)
    return Token("pair", match.group(), number)


def _single(match: re.Match[str]) -> Token:
    return Token("number", match.group(), 1)


def _images(match: re.Match[str]) -> Token:
    number = match["images_n"]
    return Token("images", match.group(), _count(number))


def _each(match: re.Match[str]) -> Token:
    both = 2 if match.group().startswith("both") else None
    return Token("each", match.group(), both or _count(match["each_n"] or match["all_n"]))


def _count(number: str | None) -> int | None:
    if number is None:
        return None
    return int(number[:9]) if number[0].isdigit() and number.isdigit() else word_value(number)


_ORDER = "first second third fourth fifth sixth seventh eighth ninth tenth".split()


def _image(match: re.Match[str]) -> Token:
    if match["rest"] or match["rest_alone"]:
        return Token("image", match.group(), image="rest")
    name = next(
        filter(
            None, match.group("image_n", "side", "ordinal", "alone", "image_cjk", "cjk", "korean")
        )
    )
    if name in WORDS:
        name = str(WORDS[name])
    elif name in _ORDER:
        name = str(_ORDER.index(name) + 1)
    elif (number := re.match(r"(\d+)(?:st|nd|rd|th)$", name)) is not None:
        name = number[1]
    elif (value := chinese_value(name) if re.fullmatch(CHINESE, name) else None) is not None:
        name = str(value)
    elif len(name) == 1 and "a" <= name <= "h":
        name = str("abcdefgh".index(name) + 1)
    is_step = match.group().startswith(("step", "part"))
    return Token("step" if is_step else "image", match.group(), image=name)


def _group(match: re.Match[str]) -> Token:
    """Several images of one statement. What is said of them is said of each, or of all together."""
    places = re.findall(_PLACE, match.group())
    return Token("image", match.group(), image=f"{GROUP}{' '.join(places)}")


_MAKE: dict[str, Callable[[re.Match[str]], Token]] = {
    "number": _number,
    "word_number": _word_number,
    "half_dozen": _word_number,
    "cjk_number": _cjk_number,
    "cjk_article": _single,
    "junk": _junk,
    "single": _single,
    "pair": _pair,
    "images": _images,
    "each": _each,
    "image": _image,
    "image_group": _group,
}
