"""The fields of an entry made clean and bounded, whichever format they came in."""

from __future__ import annotations

import hashlib
import html as entities
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from digestd.core.parsed import MathMode, ParsedEntry
from digestd.core.text import one_line
from digestd.formats.attributes import absolute
from digestd.formats.html import clean, first_image, from_text
from digestd.formats.maths import mark_title
from digestd.formats.plaintext import to_text
from digestd.frozen import replace
from digestd.patterns import pattern

MAX_ENTRIES = 2_000
MAX_ENCLOSURES = 20
MAX_CATEGORIES = 50
MAX_URL = 2_000
_MAX_GUID = 2_000
_MAX_RAW_TITLE = 1_000
_DERIVED_TITLE = 100

# What may stand as markup in a title, or tells text from HTML; `<b` in "a <b" is no tag.
_TAG = pattern(
    r"</?(?:a|abbr|b|big|br|center|cite|code|del|div|em|font|h[1-6]|i|img|ins|kbd|li|mark|ol|p|pre|q|s"
    r"|samp|small|span|strike|strong|sub|sup|table|td|tr|tt|u|ul|var|wbr|blockquote|figure|video|iframe)"
    r"(?:\s[^<>]{0,2000})?/?>",
    re.IGNORECASE,
)
# In titles said to be HTML: what has an attribute, or a partner, is a tag whatever its name.
_WITH_CONTENT = pattern(
    r"<(script|style|noscript|template)\b[^<>]{0,2000}>.{0,2000}?</\1\s{0,9}>|<!--.{0,2000}?(?:-->|$)",
    re.IGNORECASE | re.DOTALL,
)
_ANY_TAG = pattern(
    r"<(?:[a-z][a-z0-9-]{0,40}(?:\s+[a-z:-]{1,40}\s?=\s?(?:\"[^\"<>]{0,2000}\"|'[^'<>]{0,2000}'|[^\s\"'<>]{1,2000}))"
    r"{1,50}\s{0,9}/?|/[a-z][a-z0-9-]{0,40}\s{0,9})>",
    re.IGNORECASE,
)
_CLOSED = pattern(r"</[a-z][a-z0-9]{0,15}>|<(?:br|img|hr|p)\b[^<>]{0,2000}>", re.IGNORECASE)
_ENTITY = pattern(r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/?p|/?div)\b[^<>]{0,2000}>", re.IGNORECASE)
# What a title has in which `mark_title` finds anything: markup, formulas, traces of LaTeX.
_MARKED = pattern(r"[<>&$\\`{}^_~\ue000-\uf8ff]|--")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}")
# Commands that only mathematics uses: a feed full of them is one whose dollars are maths.
_COMMAND = pattern(
    r"\\(?:frac|sum|int|prod|sqrt|math(?:bb|cal|bf|rm|scr|frak)|boldsymbol|bm|alpha|beta|theta|lambda"
    r"|sigma|mu|epsilon|varepsilon|partial|nabla|begin\{|left|infty|leq?|geq?|cdot|times|top|text)(?![a-z])"
)


def looks_like_html(text: str) -> bool:
    """Tell whether `text` is HTML rather than text with stray angle brackets."""
    return bool(_TAG.search(text) and _CLOSED.search(text)) or bool(_ENTITY.search(text))


def title(raw: str, *, is_html: bool, math: MathMode) -> tuple[str, str]:
    """Return a title as one plain line, and with marked formulas ("" where there are none)."""
    bounded = raw[:_MAX_RAW_TITLE]
    if is_html:
        bounded = entities.unescape(_TAG.sub("", _BREAK.sub(" ", _without_strange_tags(bounded))))
    line = one_line(bounded, _MAX_RAW_TITLE)
    if math == "off":
        return one_line(line), ""
    if not _MARKED.search(line):
        return one_line(line), ""
    plain, marked = mark_title(entities.escape(line, quote=False))
    return one_line(plain), clean(marked, None, math="off") if marked else ""


def _without_strange_tags(text: str) -> str:
    """Return a title without elements that have no place in one; "<b" of "a <b" is none."""
    if "<" not in text:
        return text
    text = _WITH_CONTENT.sub("", text)
    closed = {name.lower() for name in re.findall(r"</([a-zA-Z][a-zA-Z0-9-]{0,40})", text)}
    text = _ANY_TAG.sub("", text)
    opening = re.compile(r"<([a-zA-Z][a-zA-Z0-9-]{0,40})\s{0,9}/?>")
    return opening.sub(lambda tag: "" if tag[1].lower() in closed else tag[0], text)


def body(raw: str, *, is_html: bool, base_url: str | None, math: MathMode) -> str:
    """Return a body cleaned. Text without a single tag keeps its line ends."""
    if not raw.strip():
        return ""
    if not is_html:
        return clean(from_text(raw), base_url, math=math)
    if "\n" in raw.strip() and "<" not in raw:
        return clean(from_text(entities.unescape(raw)), base_url, math=math)
    return clean(raw, base_url, math=math)


def link(raw: str, base_url: str | None) -> str | None:
    """Return an absolute http(s) link, or None."""
    found = absolute(raw, base_url) if raw.strip() else None
    return found if found and len(found) <= MAX_URL else None


def guid(raw: str) -> str | None:
    """Return what the publisher calls the entry; an overlong one is shortened by a hash."""
    found = one_line(raw, 10 * _MAX_GUID)
    if len(found) > _MAX_GUID:
        digest = hashlib.blake2b(raw.encode("utf-8", "replace"), digest_size=16).hexdigest()
        return found[: _MAX_GUID - 40] + "#" + digest
    return found or None


def labels(raw: Iterable[str]) -> tuple[str, ...]:
    """Return categories, each once, in order."""
    found = dict.fromkeys(one_line(entities.unescape(label), 100) for label in raw)
    return tuple(label for label in found if label)[:MAX_CATEGORIES]


def language(raw: str) -> str:
    """Return a BCP 47 tag, or an empty string."""
    tag = raw.strip().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else ""


def duration(raw: str) -> timedelta | None:
    """Return a playing time: "3723", "62:03", "1:02:03"."""
    parts = raw.strip()[:20].split(":")
    if not 1 <= len(parts) <= 3 or not all(
        re.fullmatch(r"[0-9]{1,7}(?:\.[0-9]{1,6})?", p) for p in parts
    ):
        return None
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + float(part)
    return timedelta(seconds=round(seconds)) if 0 < seconds < 10_000_000 else None


def size(raw: str) -> int | None:
    """Return a length in bytes; the zero that many publishers write says nothing."""
    stripped = raw.strip()
    return int(stripped) or None if re.fullmatch(r"[0-9]{1,15}", stripped) else None


def math_mode(texts: Sequence[str], math: MathMode) -> MathMode:
    """Return "on" for a feed with TeX in many of its entries, where "auto" was asked."""
    return math if math != "auto" else math_of([has_tex(text) for text in texts])


def has_tex(text: str) -> bool:
    """Tell whether the raw text of an entry has commands that only mathematics uses."""
    return "\\" in text and bool(_COMMAND.search(text[:100_000]))


def math_of(with_tex: Sequence[bool]) -> MathMode:
    """Return the mode of a feed, by which of its entries have TeX."""
    found = sum(with_tex)
    return "on" if found >= 3 and found * 3 >= len(with_tex) else "auto"


def with_text(entry: ParsedEntry, content: str, summary: str) -> ParsedEntry:
    """Return the entry with its bodies, and the title and image they give if it has none."""
    title, image, body = entry.title, entry.image_url, content or summary
    if not title and body:
        # Posts of microblogs have none: their first line stands for it.
        lines = to_text(body[:20_000]).splitlines()
        title = one_line(next((x for x in lines if x.strip()), ""), _DERIVED_TITLE)
    if not title and entry.enclosures:
        # Recordings may have nothing but their file's name.
        name = unquote(entry.enclosures[0].url.partition("?")[0].rpartition("/")[2])
        title = one_line(name.rpartition(".")[0] or name, _DERIVED_TITLE)
    if image is None and body:
        image = first_image(body)
    return replace(entry, title=title, image_url=image, content_html=content, summary_html=summary)


def newest(dates: Sequence[datetime | None]) -> list[int]:
    """Return which MAX_ENTRIES of so many entries are the newest, in document order.

    Entries without a date are taken to be in order, newest first, behind the dated ones.
    """
    positions = range(len(dates))
    if len(dates) <= MAX_ENTRIES:
        return list(positions)
    ranked = sorted(positions, key=lambda i: dates[i] or _EPOCH, reverse=True)
    return sorted(ranked[:MAX_ENTRIES])


_EPOCH = datetime(1, 1, 1, tzinfo=UTC)
