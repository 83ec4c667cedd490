"""Bytes of a document as text, whatever was declared.

The order is what proves itself, then what is declared, then a guess: a byte order
mark; the pattern of NULs that UTF-16 leaves; UTF-8, which other encodings are not by
chance; the declaration in the document, then in the header (servers add one by
default); the language it says it is in; the look of the bytes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator

from digestd.formats import vietnamese as _vietnamese  # noqa: F401 (two codecs more)
from digestd.patterns import pattern

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# The encodings that are believed; Python knows others that are none (rot13), or that take
# quadratic time (punycode), or that hide markup from checks (utf-7).
_KNOWN = frozenset(
    "ascii utf-8 utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be gb2312 gbk gb18030 hz big5"
    " big5hkscs cp950 shift_jis shift_jisx0213 shift_jis_2004 cp932 euc_jp euc_jis_2004 iso2022_jp"
    " iso2022_jp_2 iso2022_kr euc_kr cp949 johab koi8-r koi8-u koi8-t mac-cyrillic mac-roman"
    " mac-greek mac-iceland mac-latin2 mac-turkish mac-croatian mac-romanian hp-roman8"
    " cp437 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858 cp860 cp861 cp862 cp863 cp864"
    " cp865 cp866 cp869 cp1125 tis-620 cp874 cp037"
    " iso8859-1 iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-9"
    " iso8859-10 iso8859-11 iso8859-13 iso8859-14 iso8859-15 iso8859-16"
    " cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 ptcp154 kz1048"
    " viscii tcvn".split()
)
# What a declared name means in practice (WHATWG Encoding, section 4.2).
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
# Names that are in use and that Python does not know (WHATWG's labels, and older ones).
_ALSO_CALLED = {
    "csmacintosh": "mac-roman",
    "csviscii": "viscii",
    "dos-874": "cp874",
    "iso88591": "latin-1",
    "koi": "koi8-r",
    "koi8": "koi8-r",
    "koi8-ru": "koi8-u",
    "mac": "mac-roman",
    "ms-cyrl": "cp1251",
    "tcvn-5712": "tcvn",
    "tcvn5712-1": "tcvn",
    "tcvn5712-1:1993": "tcvn",
    "viscii1.1-1": "viscii",
    "windows-874": "cp874",
    "windows-949": "cp949",
    "x-cp1250": "cp1250",
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gbk",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-roman": "mac-roman",
    "x-sjis": "shift_jis",
    "x-user-defined": "cp1252",
    "x-x-big5": "big5",
}
_BY_LANGUAGE = {
    "zh": ("gb18030", "big5hkscs"),
    "zh-tw": ("big5hkscs", "gb18030"),
    "zh-hk": ("big5hkscs", "gb18030"),
    "zh-hant": ("big5hkscs", "gb18030"),
    "ja": ("cp932", "euc_jp"),
    "ko": ("cp949",),
    "ru": ("cp1251", "koi8-r"),
    "uk": ("cp1251", "koi8-u"),
    "bg": ("cp1251",),
    "el": ("cp1253",),
    "tr": ("cp1254",),
    "he": ("cp1255",),
    "ar": ("cp1256",),
    "th": ("cp874",),
    "pl": ("cp1250",),
    "cs": ("cp1250",),
    "hu": ("cp1250",),
}
# Encodings that a text may be in without saying so: the commonest letters of its language,
# and the share of all letters that they have at least.
_LOOKS = (
    (
        "gb18030",
        frozenset("的一是不了在人有我他这中大来上个国到说们为子和你出时年要以会可也新用于与"),
        0.06,
    ),
    (
        "big5hkscs",
        frozenset("的一是不了在人有我他這中大來上個國到說們為子和你出時年要以會可也新用於與"),
        0.06,
    ),
    ("cp932", frozenset("いうかがきくけこさしすせたっつてでとなにのはまもやよらりるれをん"), 0.2),
    ("euc_jp", frozenset("いうかがきくけこさしすせたっつてでとなにのはまもやよらりるれをん"), 0.2),
    ("cp949", frozenset("이다는을를에의가고하지로한은도사기어아니자서리시인나라해그"), 0.15),
    ("cp1251", frozenset("оеаинтсрвлкм"), 0.45),
    ("koi8-r", frozenset("оеаинтсрвлкм"), 0.45),
)
_SAMPLE = 60_000
_HEAD = 4_000
_DECLARED = pattern(rb"""(?:encoding|charset)\s{0,9}=\s{0,9}["']?\s{0,9}([A-Za-z0-9_.:-]{1,40})""")
_LANGUAGE = pattern(
    rb"""(?:<language>\s{0,99}|(?:xml:)?lang\s{0,9}=\s{0,9}["'])([A-Za-z]{2,3}(?:-[A-Za-z]{2,8})?)"""
)
_CHARSET = pattern(r"""charset\s{0,9}=\s{0,9}["']?\s{0,9}([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
# The share of a text's letters that a decoder may fail at and still be right.
_TOLERATED = 0.02


def decode(body: bytes, content_type: str = "") -> tuple[str, str]:
    """Return the text of `body` and a complaint, empty if it is as declared.

    Never fails: as the last resort bytes that mean nothing become U+FFFD.
    """
    for bom, name in _BOMS:
        if body.startswith(bom) and (name != "utf-16-le" or body[2:4] != b"\0\0"):
            return body[len(bom) :].decode(name, "replace"), ""
    wide = _wide(body)
    if wide:
        return body.decode(wide, "replace"), ""
    in_document = _named(_DECLARED.search(body[:_HEAD]))
    in_header = known_encoding((_CHARSET.search(content_type) or [""] * 2)[1])
    if body.find(b"\x1b$", 0, _SAMPLE) >= 0:
        return body.decode("iso2022_jp", "replace"), ""  # looks like ASCII to all others
    declared = in_document or in_header or "utf-8"
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as exc:
        if exc.start >= len(body) - 3 and exc.start > 0:
            return body[: exc.start].decode("utf-8"), "cut off within a character"
    else:
        plain = text.isascii() or declared == "utf-8"
        return text, "" if plain else f"declared as {declared}, but is utf-8"
    return _legacy(body, declared, [e for e in (in_document, in_header) if e])


def known_encoding(name: str) -> str:
    """Return Python's name of an encoding that is believed, or an empty string."""
    try:
        canonical = codecs.lookup(_ALSO_CALLED.get(name.lower(), name)).name if name else ""
    except (LookupError, ValueError):
        return ""
    canonical = _MEANT.get(canonical, canonical)
    return canonical if canonical in _KNOWN else ""


def _legacy(body: bytes, declared: str, believed: list[str]) -> tuple[str, str]:
    """Decode what is neither UTF-8 nor UTF-16."""
    mended = _mostly_utf8(body)
    if mended is not None and "utf-8" in (*believed, declared):
        return mended, "contains bytes that are not utf-8"
    # Latin-1 takes any bytes, and is what servers say who know nothing: it must wait.
    firm = [name for name in believed if name not in ("utf-8", "cp1252")]
    # Guessing is the slowest part of reading, and rarely needed: it waits its turn.
    for name in _in_turn(firm, lambda: _guesses(body), lambda: ("cp1252",)):
        text = body.decode(name, "replace")
        if text.count("\ufffd") <= _TOLERATED * max(len(text) - _ascii(text), 100):
            fits = name in believed and "\ufffd" not in text
            return text, "" if fits else f"declared as {declared}, but read as {name}"
    if mended is not None:
        return mended, "contains bytes that are not utf-8"
    return body.decode("cp1252", "replace"), f"declared as {declared}, but is of no known encoding"


def _in_turn(first: Iterable[str], *more: Callable[[], Iterable[str]]) -> Iterator[str]:
    yield from first
    for names in more:
        yield from names()


_STRAY = re.compile("[\udc80-\udcff]")  # a byte that is none of UTF-8


def _mostly_utf8(body: bytes) -> str | None:
    """Return UTF-8 with some stray bytes mended as windows-1252, None if it is something else."""
    text = body.decode("utf-8", "surrogateescape")
    strays = len(text) - len(text.encode("utf-8", "ignore").decode())
    sound = len(text) - _ascii(text) - strays
    if strays > 20 and strays > sound:
        return None
    return _STRAY.sub(lambda m: _cp1252(ord(m[0]) - 0xDC00), text)


def _cp1252(byte: int) -> str:
    return bytes((byte,)).decode("cp1252", "replace")


def _wide(body: bytes) -> str:
    """Name the UTF-16 or UTF-32 of a document that has no byte order mark."""
    head = body[:64]
    if len(head) < 4 or head.count(0) < len(head) // 4:
        return ""
    if head[:3] == b"\0\0\0":
        return "utf-32-be"
    if head[1:4] == b"\0\0\0":
        return "utf-32-le"
    even, odd = head[::2].count(0), head[1::2].count(0)
    return "utf-16-be" if even > odd else "utf-16-le"


def _guesses(body: bytes) -> tuple[str, ...]:
    """Return what the bytes may be, the likeliest first, judged by what each would say."""
    found = _LANGUAGE.search(body[:_HEAD])
    language = found[1].decode("ascii").lower() if found else ""
    by_language = _BY_LANGUAGE.get(language) or _BY_LANGUAGE.get(language[:2]) or ()
    sample = body[:_SAMPLE]
    scored = sorted(((_likeness(sample, *look), look[0]) for look in _LOOKS), reverse=True)
    return (*(name for score, name in scored if score >= 1), *by_language)


def _likeness(sample: bytes, name: str, common: frozenset[str], share: float) -> float:
    """Return how often the commonest letters occur, as a multiple of what is enough."""
    letters = [c for c in sample.decode(name, "replace") if c > "\x7f"]
    if not letters or letters.count("\ufffd") > _TOLERATED * len(letters) + 3:
        return 0.0
    return sum(1 for c in letters if c in common) / len(letters) / share


def _named(found: re.Match[bytes] | None) -> str:
    return known_encoding(found[1].decode("ascii")) if found else ""


def _ascii(text: str) -> int:
    return len(text.encode("ascii", "ignore"))
