"""What the owner is to be told of digestd itself: each trouble once, and once that it is over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

from digestd.core.health import health, quiet_since
from digestd.core.models import Feed
from digestd.frozen import dataclass

Trouble = Literal["failing", "silent", "gone", "moved", "held", "parked", "refused", "given up"]
# Fewer failures are a hiccup, however long they take.
_LEAST_FAILURES = 3
# Of these it is told that they are over; the others end by their owner's hand, or never.
_HEALS = frozenset({"failing", "silent", "parked"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One trouble of one thing: "feed:ID", "channel:NAME", "delivery:ID"."""

    subject: str
    trouble: Trouble
    since: datetime
    label: str = ""  # the thing's name
    detail: str = ""  # what it said

    @property
    def key(self) -> tuple[str, str]:
        """Return what it is known by while it lasts."""
        return self.subject, self.trouble


@dataclass(frozen=True, slots=True)
class News:
    """What to tell now, and what to forget without a word."""

    begun: tuple[Finding, ...] = ()
    over: tuple[Finding, ...] = ()
    forgotten: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        """Say whether there is anything to tell."""
        return bool(self.begun or self.over)


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """What bears on a channel's notices."""

    name: str
    parked_at: datetime | None
    reason: str  # why it is parked, or what it said last to what it did not take
    last_ok_at: datetime | None
    failures: int = 0  # in a row
    failing_since: datetime | None = None  # of what has waited for it longest


Known = Mapping[tuple[str, str], datetime]


def of_feeds(feeds: Iterable[Feed], known: Known, now: datetime, after: timedelta) -> list[Finding]:
    """Return the troubles of feeds; one that was told lasts until it is really over."""
    return [finding for feed in feeds for finding in _of_feed(feed, known, now, after)]


def _of_feed(feed: Feed, known: Known, now: datetime, after: timedelta) -> Iterator[Finding]:
    subject = f"feed:{feed.id}"

    def found(trouble: Trouble, since: datetime | None, detail: str = "") -> Finding:
        begun = known.get((subject, trouble)) or since or now
        return Finding(subject, trouble, begun, feed.label, detail)

    if feed.watch.moved_to:
        yield found("moved", now, feed.watch.moved_to)
    if feed.gone_at:
        yield found("gone", feed.gone_at)
        return
    failing_for = now - (feed.failing_since or now)
    lasts = (subject, "failing") in known and feed.failures > 0
    if lasts or (feed.failures >= _LEAST_FAILURES and failing_for >= after):
        yield found("failing", feed.failing_since, feed.last_error)
    silent = quiet_since(feed, now)
    if (subject, "silent") in known:
        # A failing feed says nothing about its silence.
        if silent is not None or health(feed, now) == "failing":
            yield found("silent", feed.last_entry_at)
    # Who follows a blog that fell silent years ago knows.
    elif silent is not None and not feed.failures and silent > (feed.baseline_at or silent):
        yield found("silent", feed.last_entry_at)


def of_channels(
    channels: Iterable[ChannelHealth], known: Known, now: datetime, after: timedelta
) -> list[Finding]:
    """Return the troubles of channels: those that are parked, and those that cannot be reached.

    One that was told to be parked is until it has accepted something: a restart
    frees it for one more try, which mends nothing.
    """
    found = []
    for one in channels:
        subject = f"channel:{one.name}"
        told = known.get((subject, "parked"))
        if one.parked_at is not None:
            since = told or one.parked_at
            found.append(Finding(subject, "parked", since, one.name, one.reason))
        elif told is not None and (one.last_ok_at is None or one.last_ok_at <= told):
            found.append(Finding(subject, "parked", told, one.name))
        else:
            found += _unreached(one, subject, known, now, after)
    return found


def _unreached(
    one: ChannelHealth, subject: str, known: Known, now: datetime, after: timedelta
) -> Iterator[Finding]:
    lasting = known.get((subject, "failing"))
    since = one.failing_since or now
    is_new = one.failures >= _LEAST_FAILURES and now - since >= after
    if (lasting is not None and one.failures) or is_new:
        yield Finding(subject, "failing", lasting or since, one.name, one.reason)


def news(found: Iterable[Finding], known: Known, labels: Mapping[str, str]) -> News:
    """Compare what is with what was told. `labels` names what is still there, by subject."""
    now_known = {finding.key: finding for finding in found}
    over: list[Finding] = []
    forgotten: list[tuple[str, str]] = []
    for (subject, trouble), since in known.items():
        if (subject, trouble) in now_known:
            continue
        if trouble in _HEALS and subject in labels:
            over.append(Finding(subject, _named(trouble), since, labels[subject]))
        else:
            forgotten.append((subject, trouble))
    begun = tuple(finding for key, finding in now_known.items() if key not in known)
    return News(begun, tuple(over), tuple(forgotten))


def _named(trouble: str) -> Trouble:
    match trouble:
        case "failing" | "silent" | "parked":
            return trouble
        case _:
            raise ValueError(trouble)
