"""What the entries of a fetch owe to channels and digests: its new ones, and its edits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import assert_never

from digestd.core.edits import Edit, edits
from digestd.core.identity import Fresh, clamp_date
from digestd.core.messages import Debt
from digestd.core.models import Feed, FirstFetch, Subscription
from digestd.core.parsed import ParsedEntry
from digestd.core.recognition import Memory, Recognised
from digestd.core.rules import NO_RULING, Judge, Ruling
from digestd.frozen import dataclass, replace


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry not seen before, the keys it will be known by, and what it owes."""

    entry: ParsedEntry
    keys: tuple[bytes, ...]  # the one that is trusted first
    published_at: datetime | None  # clamped
    first_fetch: bool
    debts: tuple[Debt, ...] = ()
    ruling: Ruling = NO_RULING


def new_entries(
    fresh: Sequence[Fresh],
    feed: Feed,
    subscription: Subscription,
    now: datetime,
    judge: Judge | None,
    *,
    held: bool,
) -> tuple[NewEntry, ...]:
    """Return what was not seen before, oldest first, dated, judged, with its debts.

    `held`: until they are released, they are no news.
    """
    first_fetch = feed.baseline_at is None
    dated = [
        (clamp_date(one.entry.published_at or one.entry.updated_at, now), one) for one in fresh
    ]
    # Documents list the newest first; without a date an entry keeps its place.
    dated.reverse()
    dated.sort(key=lambda pair: pair[0] or now)
    admitted = _admitted([date for date, _ in dated], subscription.first) if first_fetch else None
    new = []
    for index, (date, one) in enumerate(dated):
        is_admitted = admitted is None or index in admitted
        ruling = judge(one.entry) if judge and is_admitted else NO_RULING
        # What a first fetch admits goes to digests, never to alerts.
        owing = _debts(subscription, ruling, now, alerts=not first_fetch) if is_admitted else ()
        new.append(
            NewEntry(
                entry=one.entry,
                keys=one.keys,
                published_at=date,
                first_fetch=first_fetch or held,
                debts=owing,
                ruling=ruling,
            )
        )
    return tuple(new)


def wanted_edits(
    found: Recognised,
    memory: Memory,
    subscription: Subscription,
    now: datetime,
    judge: Judge | None,
) -> tuple[Edit, ...]:
    """Return the edits that the owner wants to hear of, judged anew."""
    if subscription.updates == "ignore":
        return ()
    wanted = []
    for edit in edits(found.pairs(memory), memory.keys):
        ruling = judge(edit.entry) if judge else NO_RULING
        debts = _debts(subscription, ruling, now, alerts=subscription.updates == "alert")
        wanted.append(replace(edit, debts=debts, ruling=ruling))
    return tuple(wanted)


def _admitted(dates: Sequence[datetime | None], first: FirstFetch) -> frozenset[int]:
    """Return which of the entries (oldest first) the first fetch lets through."""
    match first.kind:
        case "all":
            return frozenset(range(len(dates)))
        case "newest":
            return frozenset(range(max(0, len(dates) - first.count), len(dates)))
        case "since":
            if first.day is None:
                return frozenset()
            start = datetime.combine(first.day, time(), tzinfo=UTC)
            return frozenset(i for i, date in enumerate(dates) if date and date >= start)
        case "none":
            return frozenset()
        case _:
            assert_never(first.kind)


def _debts(
    subscription: Subscription, ruling: Ruling, now: datetime, *, alerts: bool
) -> tuple[Debt, ...]:
    """Return what an entry owes: what its feed says, and what the rules add or take away."""
    if ruling.is_dropped:
        return ()
    channels = dict.fromkeys((*subscription.alert, *ruling.alert)) if alerts else ()
    digests = dict.fromkeys((*subscription.digests, *ruling.digests))
    owing = tuple(Debt("alert", name, now) for name in channels)
    return owing + tuple(Debt("digest", name, now) for name in digests)
