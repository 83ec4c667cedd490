"""How late we were: from publication to our seeing it, and from there to a channel's taking it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from digestd.frozen import dataclass

# An older date was not the moment of publication: a post moved, imported or back-dated.
# No feed is asked more seldom than once a day.
_BACKDATED: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Passage:
    """When one post was published, as it says, seen, and taken by the first channel as an alert."""

    feed_pk: int
    published_at: datetime | None
    seen_at: datetime
    accepted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A sample in three numbers."""

    count: int
    median: timedelta
    p90: timedelta


@dataclass(frozen=True, slots=True)
class Latency:
    """Both parts of the way; None where there is nothing to go by."""

    seen: Quantiles | None = None  # from publication
    accepted: Quantiles | None = None  # from there


def latency(passages: Iterable[Passage]) -> tuple[Latency, dict[int, Latency]]:
    """Return the figures of all posts, and of each feed's."""
    seen: defaultdict[int, list[timedelta]] = defaultdict(list)
    accepted: defaultdict[int, list[timedelta]] = defaultdict(list)
    for one in passages:
        delay = delay_of(one.published_at, one.seen_at)
        if delay is not None:
            seen[one.feed_pk].append(delay)
        if one.accepted_at is not None:
            accepted[one.feed_pk].append(max(one.accepted_at - one.seen_at, timedelta(0)))
    feeds = {
        pk: Latency(_quantiles(seen.get(pk, [])), _quantiles(accepted.get(pk, [])))
        for pk in seen.keys() | accepted.keys()
    }
    whole = Latency(
        _quantiles([delay for sample in seen.values() for delay in sample]),
        _quantiles([delay for sample in accepted.values() for delay in sample]),
    )
    return whole, feeds


def delay_of(published_at: datetime | None, seen_at: datetime) -> timedelta | None:
    """Return how long after its publication a post was seen; None where its date does not tell.

    A date at exactly midnight (UTC) is that of a publisher who gives the day alone.
    """
    if published_at is None or published_at.timestamp() % 86_400 == 0:
        return None
    delay = seen_at - published_at
    return max(delay, timedelta(0)) if delay <= _BACKDATED else None


def _quantiles(sample: Sequence[timedelta]) -> Quantiles | None:
    if not sample:
        return None
    ordered = sorted(sample)

    def at(share: float) -> timedelta:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]  # nearest rank

    return Quantiles(len(ordered), at(0.5), at(0.9))
