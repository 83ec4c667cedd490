"""Which entries of a document are new, and what we know an entry by.

An entry is known by a **ladder** of statements, each rung saying what the one
before said and more:

    with a guid       guid | + link | + title and date | + text
    with a link only  link | + title and date | + text
    with neither      title and date (where there is a date) | text

A rung is trusted in a document if no other entry there stands on the same one,
and if it never was shared before (a *warning* is remembered for one that was).
The lowest trusted rung is the entry's key, and the law is:

    An entry is new unless its key, or a rung above it, is known.

So a guid decides alone wherever guids are any good: two guids with one link are
two entries, a new title or link under an old guid is no new entry. A guid that
repeats says nothing; its entries are told apart by link, then title and date,
then text. An empty guid is no guid. Rungs above the key are recorded with it:
when a guid turns out to repeat only later, the older entry is still known.
Rungs of entries with and without a guid never meet.

An entry of which only the beginning was read (`ParsedEntry.unread`) stands for all that
agree with it in guid, link, title and date, whatever their text.

What follows: once the keys of a document's new entries are recorded, neither it
nor a part of it, in whatever order, has anything new. Keys are scoped to a feed
by whoever stores them.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from digestd.core.links import canonical_link
from digestd.core.parsed import ParsedEntry
from digestd.frozen import dataclass, replace
from digestd.patterns import pattern

KEY_BYTES = 16
_SKEW = timedelta(minutes=10)
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # before the web: a zero, or a default of some field

_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
_INLINE = frozenset(
    "a abbr b bdi cite code del dfn em i ins kbd mark q s small span strong sub sup u var".split()
)
# Numbers that grow by themselves, beside the words that give them away.
_COUNTED = (
    "comments?|replies|reply|views?|likes?|points?|shares?|votes?|upvotes?|stars?|claps?|reads?"
    "|reactions?|boosts?|favou?rites?|retweets?|reposts?|downloads?|subscribers?|followers?"
)
_COUNTED_HAN = (
    "评论|條評論|条评论|阅读|閱讀|浏览|瀏覽|点赞|點讚|赞|回复|回覆|收藏|转发|分享|播放|弹幕|人气|コメント"
    "|いいね"
)
# Looked for at the numbers only: trying every word at every position costs ten times more. The
# digit comes first, and what must not stand before it after: so digits are all that is looked for.
_NUMBER = pattern(
    r"[0-9](?<![0-9.,][0-9])[0-9.,]{0,14}"
    r"(?:(\s?(?:second|minute|min|hour|day|week|month|year)s? ago"
    r"|\s?(?:秒|分钟|分鐘|小时|小時|天|周|个月|個月|年)前)|\s?[km万萬亿]?\s?[次人个條条]?)"
)
_COUNTED_AFTER = pattern(rf"\s?(?:{_COUNTED})\b|\s?(?:{_COUNTED_HAN})")
_COUNTED_BEFORE = pattern(rf"(?:\b(?:{_COUNTED})(?: count)?|{_COUNTED_HAN})\s?[:：(（]?\s?$")
_MAX_COMPARED = 100_000  # characters of a body: an edit beyond them goes unnoticed
_WORD = re.compile(r"\w+")
_NO_WORD = {sign: " " for sign in range(128) if not _WORD.match(chr(sign))}


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new entry and the keys to record for it, the trusted one first."""

    entry: ParsedEntry
    keys: tuple[bytes, ...]


def entry_keys(entry: ParsedEntry) -> tuple[bytes, ...]:
    """Return the keys of an entry seen by itself: its whole ladder, lowest rung first.

    Each has KEY_BYTES bytes. In a document, `fresh_entries` decides which to trust. The
    text of an unread entry is not known: in its place is a key that whatever stands on
    the rung below is known by.
    """
    if entry.ladder:
        return entry.ladder
    if entry.unread:
        return unread_keys(entry)
    return _read_keys(entry, content_fingerprint(entry))


def _read_keys(entry: ParsedEntry, fingerprint: bytes | None) -> tuple[bytes, ...]:
    facts = _facts(entry)
    files = " ".join(sorted(canonical_link(e.url) for e in entry.enclosures))
    facts.append(("text", (fingerprint or b"").hex() + files))
    return _rungs(facts)


def identified(entry: ParsedEntry) -> ParsedEntry:
    """Return an entry that was read with what identifies it: nobody has to find it out again."""
    fingerprint = content_fingerprint(entry)
    return replace(entry, fingerprint=fingerprint, ladder=_read_keys(entry, fingerprint))


def unread_keys(entry: ParsedEntry) -> tuple[bytes, ...]:
    """Return the keys that an entry has as long as its text is not read."""
    rungs = _rungs(_facts(entry))
    return (*rungs, _unread(rungs[-1]))


def _facts(entry: ParsedEntry) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    guid = (entry.guid or "").strip()
    if guid:
        facts.append(("guid", guid))
    if entry.link:
        facts.append(("link", canonical_link(entry.link)))
    if facts or entry.published_at is not None:
        date = entry.published_at.isoformat() if entry.published_at else ""
        facts.append(("title", f"{_fold(entry.title)}\n{date}"))
    return facts


def lookup_keys(entries: Iterable[ParsedEntry], *, without_guids: bool = False) -> frozenset[bytes]:
    """Return every key that `fresh_entries` will ask `seen` about.

    `without_guids`: for a feed whose guids are worthless.
    """
    if without_guids:
        entries = without_guid(entries)
    ladders = [entry_keys(entry) for entry in entries]
    rungs = {key for ladder in ladders for key in ladder}
    unread = {_unread(ladder[-2]) for ladder in ladders if len(ladder) > 1}
    return frozenset(rungs | {_warning(key) for key in rungs} | unread)


def first_keys(entries: Iterable[ParsedEntry]) -> frozenset[bytes]:
    """Return as many of the `lookup_keys` as tell of most entries that they are known.

    Of `undecided` ones the others are needed, too.
    """
    lowest = [entry_keys(entry)[0] for entry in entries]
    return frozenset([*lowest, *map(_warning, lowest)])


def undecided(entries: Sequence[ParsedEntry], seen: Container[bytes]) -> list[ParsedEntry]:
    """Return the entries of one document that are not known by their lowest rung.

    `seen` holds the recorded keys, at least those of `first_keys`.
    """
    ladders = {rungs[-1]: rungs for rungs in map(entry_keys, entries)}
    shared = Counter(rungs[0] for rungs in ladders.values())

    def is_known(lowest: bytes) -> bool:
        return shared[lowest] == 1 and lowest in seen and _warning(lowest) not in seen

    return [entry for entry in entries if not is_known(entry_keys(entry)[0])]


def without_guid(entries: Iterable[ParsedEntry]) -> list[ParsedEntry]:
    """Return the entries of a feed whose guids are not to be trusted, as if they had none."""
    return [replace(entry, guid=None, ladder=()) for entry in entries]


def fresh_entries(entries: Sequence[ParsedEntry], seen: Container[bytes]) -> tuple[Fresh, ...]:
    """Return the entries of one document that are new, in its order, by the law above.

    `seen` holds the recorded keys of this feed, at least those of `lookup_keys`.
    Entries that agree in everything count once.
    """
    return sort_out(entries, seen)[0]


def sort_out(
    entries: Sequence[ParsedEntry], seen: Container[bytes]
) -> tuple[tuple[Fresh, ...], tuple[tuple[ParsedEntry, bytes], ...]]:
    """Return the new entries, and the others with the key that each is known by."""
    ladders: dict[bytes, tuple[ParsedEntry, tuple[bytes, ...]]] = {}
    for entry in entries:
        rungs = entry_keys(entry)
        ladders.setdefault(rungs[-1], (entry, rungs))
    shared = Counter(key for _, rungs in ladders.values() for key in rungs)
    fresh, known = [], []
    for entry, rungs in ladders.values():
        height = _trusted(rungs, shared, seen)
        recorded = next((key for key in rungs[height:] if key in seen), None)
        if recorded is None and len(rungs) > 1 and (unread := _unread(rungs[-2])) in seen:
            recorded = unread
        if recorded is not None:
            known.append((entry, recorded))
            continue
        warnings = tuple(_warning(key) for key in rungs[:height])
        fresh.append(Fresh(entry, rungs[height:] + warnings))
    return tuple(fresh), tuple(known)


def content_fingerprint(entry: ParsedEntry) -> bytes | None:
    """Return a hash of what an entry says; it changes with an edit that matters.

    Title and body as a bag of words: markup, links and their tracking, the order of
    blocks and counters ("12 comments", "3 小时前") do not count. None for an unread entry.
    """
    if entry.fingerprint is not None or entry.unread:
        return entry.fingerprint
    markup = (entry.content_html or entry.summary_html)[:_MAX_COMPARED]
    body = _NUMBER.sub(_without_counter, _fold(plain_text(markup)))
    words = body.translate(_NO_WORD).split() if body.isascii() else _WORD.findall(body)
    said = _fold(entry.title) + "\n" + " ".join(sorted(words))
    return hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=KEY_BYTES).digest()


def clamp_date(published: datetime | None, seen_at: datetime) -> datetime | None:
    """Return when an entry was published if that can be true, else None.

    Before 1990, or more than ten minutes after we saw it: None, and the reader's date
    is `seen_at`. A little in the future is a clock that runs ahead: `seen_at`.
    """
    if published is None or published < _EARLIEST or published > seen_at + _SKEW:
        return None
    return min(published, seen_at)


def _trusted(rungs: Sequence[bytes], shared: Counter[bytes], seen: Container[bytes]) -> int:
    for height, key in enumerate(rungs):
        if shared[key] == 1 and _warning(key) not in seen:
            return height
    return len(rungs) - 1


def _rungs(facts: Iterable[tuple[str, str]]) -> tuple[bytes, ...]:
    """Hash each rung; kinds and lengths go in, so that no two different rungs agree."""
    digest = hashlib.blake2b(digest_size=KEY_BYTES, person=b"digestd entry")
    rungs = []
    for kind, value in facts:
        raw = value.encode("utf-8", "replace")
        digest.update(f"{kind} {len(raw)} ".encode() + raw)
        rungs.append(digest.digest())
    return tuple(rungs)


def _warning(key: bytes) -> bytes:
    """Return the key that says: this rung has been shared by several entries."""
    return hashlib.blake2b(key, digest_size=KEY_BYTES, person=b"digestd shared").digest()


def _unread(key: bytes) -> bytes:
    """Return the key that says: what stands on this rung was recorded unread."""
    return hashlib.blake2b(key, digest_size=KEY_BYTES, person=b"digestd unread").digest()


def plain_text(markup: str) -> str:
    """Return the text of cleaned HTML; a tag inside a word leaves the word whole."""
    pieces = _TAG.split(markup)  # each text, and the name of the tag behind it
    pieces[1::2] = ["" if name.lower() in _INLINE else " " for name in pieces[1::2]]
    bare = "".join(pieces)
    if "&" not in bare:
        return bare
    from html import unescape  # noqa: PLC0415 (names of 2,000 signs)

    return unescape(bare)


def _without_counter(number: re.Match[str]) -> str:
    before = number.string[max(0, number.start() - 30) : number.start()]
    after = number.string[number.end() : number.end() + 30]
    counts = number[1] or _COUNTED_AFTER.match(after) or _COUNTED_BEFORE.search(before)
    return " " if counts else number[0]


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
