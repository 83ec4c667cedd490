"""The same story in several feeds: shown once, with everybody who has it.

By link: two entries whose links are the same page. By likeness, where the owner asks
for it: titles and texts that are nearly the same, published within two days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from digestd.core.links import canonical_link, split
from digestd.core.models import Entry, Feed
from digestd.frozen import dataclass, field

Member = tuple[Entry, Feed]
Alike = Callable[[Entry, Entry], bool]

WITHIN = timedelta(hours=48)
# Every entry is compared with those of two days before it: beyond so many, with these.
_COMPARED = 400


@dataclass(frozen=True, slots=True)
class Stories:
    """What is shown, and by an entry's id the others that tell the same."""

    shown: tuple[Member, ...]
    also: Mapping[int, tuple[Member, ...]] = field(default_factory=dict)


def bundle(members: Sequence[Member], alike: Alike | None = None) -> Stories:
    """Return each story once: as its own site tells it, else as whoever tells most of it."""
    groups = _Groups(members)
    for one, other in _by_link(members):
        groups.join(one, other)
    if alike is not None:
        for one, other in _by_likeness(members, alike):
            groups.join(one, other)
    shown: list[Member] = []
    also: dict[int, tuple[Member, ...]] = {}
    for group in groups.all():
        first, *rest = sorted(group, key=_worth)
        shown.append(first)
        if rest:
            also[first[0].id] = tuple(rest)
    return Stories(tuple(shown), also)


class _Groups:
    """Members joined into groups; one feed has at most one entry in each."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._of = {entry.id: [(entry, feed)] for entry, feed in members}

    def join(self, one: Member, other: Member) -> None:
        mine, theirs = self._of[one[0].id], self._of[other[0].id]
        if mine is theirs or {f.pk for _, f in mine} & {f.pk for _, f in theirs}:
            return
        mine += theirs
        for entry, _ in theirs:
            self._of[entry.id] = mine

    def all(self) -> Iterable[list[Member]]:
        """Return every group, in the order of its first member."""
        told: set[int] = set()
        for group in self._of.values():
            if id(group) not in told:
                told.add(id(group))
                yield group


def _by_link(members: Sequence[Member]) -> Iterable[tuple[Member, Member]]:
    """Yield members that lead to the same page."""
    by_link: dict[str, list[Member]] = {}
    for member in members:
        link = _page(member[0].link)
        if link:
            by_link.setdefault(link, []).append(member)
    for same in by_link.values():
        feeds = [feed.pk for _, feed in same]
        # A link that one feed gives to several entries is where it lives, not what it tells.
        if len(feeds) == len(set(feeds)):
            yield from ((same[0], other) for other in same[1:])


def _page(link: str | None) -> str:
    """Return what identifies the page behind a link; nothing for a site's front page."""
    canonical = canonical_link(link or "")
    parts = split(canonical)
    if parts is None or not parts.netloc or not (parts.path or parts.query):
        return ""
    # "www." and "m." serve the same page on all but a handful of sites.
    host = parts.netloc.removeprefix("www.").removeprefix("m.")
    return parts._replace(netloc=host).geturl()


def _by_likeness(members: Sequence[Member], alike: Alike) -> Iterable[tuple[Member, Member]]:
    by_time = sorted(members, key=lambda m: (m[0].dated_at, m[0].id))
    for at, one in enumerate(by_time):
        for other in reversed(by_time[max(0, at - _COMPARED) : at]):
            if one[0].dated_at - other[0].dated_at > WITHIN:
                break
            if one[1].pk != other[1].pk and alike(one[0], other[0]):
                yield one, other


def _worth(member: Member) -> tuple[bool, int, int]:
    """Return a sort key: the site's own feed first, then who tells most, then who was first."""
    entry, feed = member
    own = _host(entry.link) in {_host(feed.home_url), _host(feed.url)} - {""}
    return not own, -len(entry.content_html or entry.summary_html), entry.id


def _host(url: str | None) -> str:
    parts = split(url or "")
    return (parts.hostname or "").removeprefix("www.") if parts else ""
