"""What a document's entries are to us: new, known, or known under another name.

`identity` tells what is new by keys. What it finds new is looked at once more here,
beside what the store remembers of the feed: a post that comes back under another guid
or address is no new post. It is such a *twin* only if

- its old self has left the document (else they are two that share something), and
- what they share, nobody else has: no other entry listed, no other entry remembered.

Enough to share is a link or its path, and the title, if the date or all words are the
same too; a link and its date; a title and its exact date; a long text. A guid that came or
went leaves the link to decide. And where most of a document is new by name while several
long texts, links with titles, titles with dates or exact dates are those of entries that
vanished, these decide: guids are made anew there at every fetch, or a site moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import datetime, time
from types import MappingProxyType

from digestd.core.identity import Fresh, content_fingerprint, sort_out, without_guid
from digestd.core.links import canonical_link, path_of
from digestd.core.parsed import ParsedEntry
from digestd.frozen import dataclass, field, replace

# Guids that were all new this often, while the posts were not, are worth nothing.
WORTHLESS_AFTER = 2
_MIDNIGHT = time()
# Characters of a text that nobody else writes by chance.
WORDY = 80
_BULK = 3


@dataclass(frozen=True, slots=True)
class Known:
    """What the store remembers of an entry: enough to know it under another name."""

    id: int
    guid: str | None
    link: str | None
    title: str
    published_at: datetime | None
    seen_at: datetime
    first_fetch: bool = False
    fingerprint: bytes | None = None  # of `identity.content_fingerprint`
    revision: int = 1
    wordy: bool = False  # whether its text is long enough to be nobody else's by chance
    files: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Memory:
    """What the store knows of one feed: recorded keys with their entries, and late entries.

    `keys` holds at least those that `identity.sort_out` asks for, each with its entry's id,
    0 for an entry that is no more. `entries` may stay empty where every entry listed is known.
    """

    keys: Mapping[bytes, int] = field(default_factory=lambda: MappingProxyType({}))
    entries: Sequence[Known] = ()


@dataclass(frozen=True, slots=True)
class Renamed:
    """A known entry under another name, and the keys to know it by from now on."""

    known: Known
    entry: ParsedEntry
    keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Recognised:
    """One document's entries, sorted out."""

    listed: Sequence[ParsedEntry] = ()  # all, without guids that are not to be trusted
    fresh: tuple[Fresh, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    known: tuple[tuple[ParsedEntry, int], ...] = ()  # by their keys, with the entry's id

    @property
    def overlaps(self) -> bool:
        """Whether anything in the document was seen before."""
        return bool(self.renamed or self.known)

    def pairs(self, memory: Memory) -> Iterator[tuple[ParsedEntry, Known]]:
        """Yield what is listed and known, by whichever name, beside what is remembered of it."""
        by_id = {known.id: known for known in memory.entries}
        for entry, entry_id in self.known:
            if entry_id in by_id:
                yield entry, by_id[entry_id]
        for one in self.renamed:
            yield one.entry, one.known

    @property
    def guids_changed(self) -> int:
        """How many posts came back under another guid."""
        guids = [(one.known.guid, one.entry.guid) for one in self.renamed]
        return sum(1 for before, now in guids if before and now and before != now)


def recognise(
    entries: Sequence[ParsedEntry], memory: Memory, *, trust_guids: bool = True
) -> Recognised:
    """Sort out the entries of one document."""
    return seen_through(by_keys(entries, memory.keys, trust_guids=trust_guids), memory.entries)


def by_keys(
    entries: Sequence[ParsedEntry], keys: Mapping[bytes, int], *, trust_guids: bool = True
) -> Recognised:
    """Sort out the entries of one document by their keys alone (see `Memory`)."""
    if not trust_guids:
        entries = without_guid(entries)
    fresh, known = sort_out(entries, keys)
    return Recognised(entries, fresh, (), tuple((entry, keys[key]) for entry, key in known))


def seen_through(found: Recognised, remembered: Sequence[Known]) -> Recognised:
    """Return what was sorted out by keys, less the new entries that are known by another name."""
    listed = {entry_id for _, entry_id in found.known}
    vanished = [known for known in remembered if known.id not in listed]
    new_faces = [_face_of(one.entry) for one in found.fresh] if vanished else []
    if not _share_anything(new_faces, vanished):
        return found
    twins = _twins(new_faces, found.listed, vanished, remembered)
    renamed = tuple(
        Renamed(twins[place], one.entry, one.keys)
        for place, one in enumerate(found.fresh)
        if place in twins
    )
    new = tuple(one for place, one in enumerate(found.fresh) if place not in twins)
    return replace(found, fresh=new, renamed=renamed)


# --- twins -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Face:
    """The same facts of an entry listed and of one remembered."""

    guid: bool
    link: str
    path: str  # the link without its host; empty for a home page, which says nothing
    title: str
    date: datetime | None
    text: bytes | None  # what it says, title included; None: unread
    wordy: bool
    files: frozenset[str]

    @property
    def moment(self) -> datetime | None:
        """The date, if it is exact enough to be nobody else's."""
        return self.date if self.date and self.date.time() != _MIDNIGHT else None


Evidence = Callable[[_Face], Hashable | None]
Agreement = Callable[[_Face, _Face], bool]


def _pair(first: object, second: object) -> Hashable | None:
    return (first, second) if first and second else None


# What two entries may share to be one, the strongest first, if `_agree` has no objection.
_EVIDENCE: tuple[Evidence, ...] = (
    lambda face: _pair(face.path and face.link, face.title),
    lambda face: _pair(face.path and face.link, face.date),
    lambda face: _pair(face.title, face.moment),
    lambda face: _pair(face.path, face.title),
)


def _share_anything(fresh: Sequence[_Face], vanished: Sequence[Known]) -> bool:
    """Tell whether any of `fresh` could be one of `vanished`: most posts are like none before.

    Whatever `_twins` goes by is, or goes with, the same title, date or text, or a guid that
    came or went.
    """
    titles = {face.title for face in fresh if face.title}
    dates = {face.date for face in fresh if face.date}
    texts = {face.text for face in fresh if face.text}
    guids = {face.guid for face in fresh}
    return bool(fresh) and any(
        known.published_at in dates
        or known.fingerprint in texts
        or folded(known.title) in titles
        or guids != {bool(known.guid)}
        for known in vanished
    )


def _twins(
    new: Sequence[_Face],
    listed: Sequence[ParsedEntry],
    vanished: Sequence[Known],
    remembered: Sequence[Known],
) -> dict[int, Known]:
    """Return which of `new` are which of `vanished`, by place in `new`."""
    everyone = [_face_of(entry) for entry in listed]
    old = {known.id: _face_of_known(known) for known in remembered}
    found: dict[int, Known] = {}
    taken: set[int] = set()

    def match(evidence: Evidence, agree: Agreement) -> None:
        shared_now = Counter(v for face in everyone if (v := evidence(face)) is not None)
        shared_then = Counter(v for face in old.values() if (v := evidence(face)) is not None)
        by_value = {
            value: known for known in vanished if (value := evidence(old[known.id])) is not None
        }
        for place, face in enumerate(new):
            value = evidence(face)
            known = by_value.get(value) if value is not None else None
            if known is None or place in found or known.id in taken:
                continue
            if shared_now[value] == shared_then[value] == 1 and agree(face, old[known.id]):
                found[place] = known
                taken.add(known.id)

    def match_many(evidence: Evidence, agree: Agreement = lambda _a, _b: True) -> None:
        """Let it decide where it does so for several entries at once, and most of the rest."""
        before = dict(found)
        match(evidence, agree)
        gained = len(found) - len(before)
        if gained < _BULK or 2 * gained < len(new) - len(before):
            for place in found.keys() - before.keys():
                taken.discard(found.pop(place).id)

    for evidence in _EVIDENCE:
        match(evidence, _agree)
    match(lambda face: face.text if face.wordy else None, _dates_agree)
    match(lambda face: (face.path and face.link) or None, lambda a, b: a.guid != b.guid)
    match_many(lambda face: face.text if face.wordy else None)
    match_many(_EVIDENCE[0], _dates_agree)
    match_many(lambda face: _pair(face.title, face.date))
    match_many(lambda face: face.moment)
    return found


def _agree(one: _Face, other: _Face) -> bool:
    """Tell whether two that share a name are one: the same date says so, or the same words."""
    if one.date is not None and one.date == other.date:
        return True
    if one.files and other.files and one.files.isdisjoint(other.files):
        return False  # the next episode
    if None in (one.text, other.text):  # unread, as old entries are at a first fetch
        return _dates_agree(one, other)
    return one.text == other.text


def _dates_agree(one: _Face, other: _Face) -> bool:
    """Tell whether dates do not speak against it; tomorrow's weather is later than today's."""
    return None in (one.date, other.date) or one.date == other.date


def _face_of(entry: ParsedEntry) -> _Face:
    link = canonical_link(entry.link) if entry.link else ""
    return _Face(
        bool(entry.guid),
        link,
        path_of(link),
        folded(entry.title),
        entry.published_at,
        content_fingerprint(entry),
        len(entry.content_html) + len(entry.summary_html) >= WORDY,
        frozenset(canonical_link(enclosure.url) for enclosure in entry.enclosures),
    )


def _face_of_known(known: Known) -> _Face:
    link = canonical_link(known.link) if known.link else ""
    return _Face(
        bool(known.guid),
        link,
        path_of(link),
        folded(known.title),
        known.published_at,
        known.fingerprint,
        known.wordy,
        known.files,
    )


def folded(title: str) -> str:
    return " ".join(title.casefold().split())
