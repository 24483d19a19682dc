"""Which encoding a text is in. What bytes cannot say is guessed from the letters that come of it, and is doubted.

A mark at the start, or bytes that are strict UTF-8, prove it. Anything else is a guess: each encoding is tried, and the
one whose letters stand together as people write them is taken.
"""

from __future__ import annotations

import codecs
import unicodedata
from dataclasses import dataclass

from pipeline.core.errors import BadInput

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # The marks of UTF-32 begin with those of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = (
    "cp1252", "cp1250", "iso8859-2", "iso8859-15", "cp1254", "cp1257", "cp850", "mac-roman", "cp1251", "koi8-r",
    "cp866", "cp1253", "cp1255", "cp1256", "shift_jis", "euc_jp", "euc_kr", "gb18030", "big5",
)  # fmt: skip
"""In order of how often they are met: of those that read equally well the first is taken."""

_COMMON = frozenset("äöüßÄÖÜéèêëàâçîïôûùñáíóúåøæÅØÆãõœÉÀÇÑÓ")
_LESS_COMMON = frozenset("ąćęłńśźżčřšžěůýďťňőűăâșțşğıİĄĆĘŁŃŚŹŻČŘŠŽŐŰŞĞČėįųūĖāēīģķļņ")
_SIGNS = frozenset("€£¥°§–—“”„‘’…©®™²³µ½±·«»•¡¿ºª×†\u00a0")
_HANGUL = frozenset(
    "이다는을의에가고하지은도를사한로기서리어자대시아인그나일수해있정부전제스상라보공구주장명호번량소성울산동경"
    "김박최조강윤임신오안송류홍주문품금액날짜름객가격합계국민원용세여러트드비무연선계금과모요유미중당"
)
_UNUSUAL = frozenset("þðÞÐ¤¦¨¸¯¬")
_SAMPLE = 1 << 20
_SHOWN = 24
_SURE = 0.35


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding by the name that a definition gives it. `doubt` says what it was guessed from, if it was."""

    name: str
    doubt: str = ""


def find_encoding(data: bytes) -> Encoding:
    """The encoding of a text, `data` its beginning; BadInput if it is text in none that is known."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return Encoding(name)
    if (wide := _without_mark(data)) is not None:
        return wide
    if _decode(data, "utf-8") is not None:
        return Encoding("utf-8")
    scores = [(_score(text), name) for name in _CANDIDATES if (text := _decode(data[:_SAMPLE], name)) is not None]
    if not scores:
        raise BadInput("the file is neither UTF-8 nor text in any other encoding that is tried", hint="Is it text?")
    score, name = max(scores, key=lambda found: found[0])
    sure = "" if score >= _SURE else "; it reads badly in this one too"
    return Encoding(name, f"the bytes do not say the encoding; as {name} they read {_example(data, name)}{sure}")


def decode(data: bytes, encoding: str) -> str:
    """The text, without its mark. `data` may end within a character; bytes that fit nothing become U+FFFD."""
    return codecs.getincrementaldecoder(encoding)("replace").decode(data).removeprefix("\ufeff")


def _decode(data: bytes, encoding: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return None


def _without_mark(data: bytes) -> Encoding | None:
    """UTF-16 of mostly Latin letters: every other byte is zero."""
    start = data[:4096]
    if len(start) < 4:
        return None
    for name, zeros, others in (("utf-16-le", start[1::2], start[::2]), ("utf-16-be", start[::2], start[1::2])):
        if zeros.count(0) * 10 >= len(zeros) * 7 and others.count(0) * 10 <= len(others):
            return Encoding(name, f"there is no mark that says the encoding; every other byte is zero, as in {name}")
    return None


def _score(text: str) -> float:
    """How well the letters beyond ASCII stand where letters stand: 1 at best, a mean over them."""
    marks: list[float] = []
    for before, letter, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        if ord(letter) > 127:
            marks.append(_mark(before, letter, after))
        elif ord(before) > 127 and letter.isalpha() and _script(before) not in ("LATIN", ""):
            marks.append(-1.0)
    return sum(marks) / len(marks) if marks else 0.0


def _mark(before: str, letter: str, after: str) -> float:
    if letter in "²³" and before.isalpha() and before not in "mMtⅿ":
        # A unit is squared, and hardly anything else.
        return 0.2
    if letter in _SIGNS:
        return -0.5 if before.isalpha() and after.isalpha() and letter not in "’\u00a0–" else 0.9
    if letter in _UNUSUAL:
        return -0.4
    if not letter.isalpha():
        return -2.0 if unicodedata.category(letter) in ("Cc", "Co", "Cn") else -0.4
    script = _script(letter)
    if script == "LATIN":
        return _latin(before, letter) if before.isalpha() or after.isalpha() else 0.2
    if script not in _EAST_ASIAN and not (before.isalpha() or after.isalpha()):
        return 0.2
    if before.isalpha() and _script(before) != script and {script, _script(before)} - _EAST_ASIAN:
        return -1.0
    if before.islower() and letter.isupper():
        return -0.7
    return _foreign(letter, script)


_EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA", "HANGUL"}


def _latin(before: str, letter: str) -> float:
    worth = 1.0 if letter in _COMMON else 0.9 if letter in _LESS_COMMON else 0.0
    if before.isalpha() and before.islower() and letter.isupper():
        worth -= 1.2
    # Words of Latin letters have ASCII ones among them.
    return worth - 0.8 if ord(before) > 127 and before.isalpha() else worth


def _foreign(letter: str, script: str) -> float:
    if script == "CJK":
        # Frequent characters are in the first level of GB 2312, or of JIS X 0208.
        return 0.85 if _is_frequent(letter) else 0.1
    if script == "HANGUL":
        return 0.95 if letter in _HANGUL else 0.75
    if script == "KATAKANA" and ord(letter) >= 0xFF00:
        return -0.2
    return 0.95 if letter.islower() or script in ("HIRAGANA", "KATAKANA") else 0.8


def _is_frequent(letter: str) -> bool:
    try:
        return 0xB0 <= letter.encode("gb2312")[0] <= 0xD7
    except UnicodeEncodeError:
        try:
            return 0xA4 <= letter.encode("big5")[0] <= 0xC6
        except UnicodeEncodeError:
            return False


def _script(letter: str) -> str:
    return unicodedata.name(letter, " ").split(" ", 1)[0].split("-", 1)[0] if letter.isalpha() else ""


def _example(data: bytes, name: str) -> str:
    text = decode(data[:_SAMPLE], name)
    foreign = [place for place, letter in enumerate(text) if ord(letter) > 127]
    at = next((place for place in foreign if text[place].isalpha()), foreign[0])
    start, end = at, at
    while start > 0 and at - start < _SHOWN and (text[start - 1].isalnum()):
        start -= 1
    while end < len(text) and end - at < _SHOWN and (text[end].isalnum() or end == at):
        end += 1
    return repr(text[start:end])
