"""The language and direction of a text, from what is declared and from its script."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal

Direction = Literal["ltr", "rtl"]

_RTL = {"ar", "arc", "ckb", "dv", "fa", "he", "iw", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"}
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,4}")
# How much of a text is looked at: a script shows itself at once.
_LOOKED_AT = 2000
# Signs that only one of the two ways of writing Chinese has, from the most frequent words.
_SIMPLIFIED = frozenset("这个们为说时对发会学经过还没关系开问题论种应当现实电话业东车长门见")
_TRADITIONAL = frozenset("這個們為說時對發會學經過還沒關係開問題論種應當現實電話業東車長門見")
_SCRIPT_NAMES = {
    "CJK": "han",
    "HIRAGANA": "kana",
    "KATAKANA": "kana",
    "HANGUL": "ko",
    "ARABIC": "ar",
    "HEBREW": "he",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "DEVANAGARI": "hi",
    "THAI": "th",
    "LATIN": "latin",
}
# Languages that are written in a script other than Latin; a declaration must fit the text.
_WRITTEN_IN = {
    "zh": "han", "ja": "kana", "ko": "ko", "ar": "ar", "fa": "ar", "ur": "ar", "ps": "ar",
    "ug": "ar", "he": "he", "yi": "he", "ru": "ru", "uk": "ru", "be": "ru", "bg": "ru",
    "mk": "ru", "el": "el", "hi": "hi", "mr": "hi", "ne": "hi", "th": "th",
}  # fmt: skip


def language_of(text: str, *declared: str) -> str:
    """Return the BCP 47 tag of `text`: the first declared one that its script allows, else a guess.

    Many publishers leave their software's default in place, so a Chinese page is
    declared as English; its Han signs then say more than it does. Empty: unknown.
    """
    script = _script(text)
    for tag in declared:
        if _TAG.fullmatch(tag) and _fits(tag, script):
            return tag.replace("_", "-")
    if script == "han":
        signs = set(text[:_LOOKED_AT])
        is_traditional = len(signs & (_TRADITIONAL - _SIMPLIFIED)) > len(
            signs & (_SIMPLIFIED - _TRADITIONAL)
        )
        return "zh-TW" if is_traditional else "zh-CN"
    return {"kana": "ja", "latin": "", "": ""}.get(script, script)


def direction_of(language: str) -> Direction:
    """Return the direction in which a language is written."""
    tag = language.lower().replace("_", "-")
    if "-arab" in tag or "-hebr" in tag:
        return "rtl"
    return "rtl" if tag.split("-")[0] in _RTL and "-latn" not in tag else "ltr"


def _fits(tag: str, script: str) -> bool:
    expected = _WRITTEN_IN.get(tag.lower().replace("_", "-").split("-")[0], "latin")
    # A Japanese title may be Han alone, and Latin words occur in every language.
    return script in {expected, ""} or (expected == "kana" and script == "han")


@lru_cache(maxsize=4096)  # as many as a language has in use
def _script_of(sign: str) -> str:
    return _SCRIPT_NAMES.get(unicodedata.name(sign, "").split(" ")[0].split("-")[0], "")


def _script(text: str) -> str:
    """Return the script that carries the text; Latin only where there is next to nothing else."""
    if text.isascii():  # no need to ask each sign
        return "latin" if any(map(str.isalpha, text[:_LOOKED_AT])) else ""
    counts: dict[str, int] = {}
    for sign in text[:_LOOKED_AT]:
        if sign.isalpha():
            name = _script_of(sign)
            counts[name] = counts.get(name, 0) + 1
    latin = counts.pop("latin", 0)
    # Greek letters are formulas more often than Greek.
    if "el" in counts and counts["el"] < latin:
        counts.pop("el")
    if counts.get("kana", 0) * 10 > counts.get("han", 0):
        counts["kana"] = counts.get("kana", 0) + counts.pop("han", 0)
    best = max(counts, key=lambda name: counts[name], default="")
    # Chinese says in one sign what takes four Latin letters.
    return best if counts.get(best, 0) * 4 > latin else ("latin" if latin else "")
