"""Whether two entries tell the same: likeness of their titles and of how their texts begin."""

from __future__ import annotations

import html
import re
from functools import lru_cache

from rapidfuzz import fuzz

from digestd.core.models import Entry

# Below this a title is too short to say anything: "Weekly links", 每日新闻; below the second,
# one word makes all the difference: "bowline 3.0.1", "bilge 3.0.1".
_TITLE_BYTES, _SHORT_BYTES = 12, 30
# Titles that are nearly the same need little of the texts; others need them to agree.
_SAME_TITLE, _LIKE_TITLE = 93.0, 76.0
_SOME_TEXT, _SAME_TEXT = 62.0, 75.0
_TEXT_READ, _HTML_READ = 600, 4000


def alike(one: Entry, other: Entry) -> bool:
    """Say whether both tell the same story.

    Numbers must agree in the titles: 1.2.3 is another release than 1.2.4, and 第三章
    differs from 第四章 in one sign that is a number too.
    """
    first, second = _title(one.title), _title(other.title)
    shorter = min(len(first.encode()), len(second.encode()))
    if shorter < _TITLE_BYTES:
        return False
    if _numbers(first) != _numbers(second):
        return False
    title = max(fuzz.ratio(first, second), fuzz.token_sort_ratio(first, second))
    if title < (_SAME_TITLE if shorter < _SHORT_BYTES else _LIKE_TITLE):
        return False
    texts = _text(one), _text(other)
    if not all(texts):
        return title >= _SAME_TITLE
    # One may be the teaser of the other; in Chinese its words are not set apart.
    text = max(fuzz.token_set_ratio(*texts), fuzz.partial_ratio(*texts))
    return text >= (_SOME_TEXT if title >= _SAME_TITLE else _SAME_TEXT)


@lru_cache(maxsize=4096)
def _title(title: str) -> str:
    return " ".join(re.findall(r"\w+", title.casefold()[:300]))


@lru_cache(maxsize=4096)
def _numbers(text: str) -> tuple[str, ...]:
    return tuple(sorted(re.findall(r"\d+|[一二三四五六七八九十百]", text)))


def _text(entry: Entry) -> str:
    return _plain((entry.content_html or entry.summary_html)[:_HTML_READ])


@lru_cache(maxsize=1024)
def _plain(markup: str) -> str:
    text = html.unescape(re.sub(r"<[^>]{0,2000}>", " ", markup))
    return " ".join(re.findall(r"\w+", text.casefold()))[:_TEXT_READ]
