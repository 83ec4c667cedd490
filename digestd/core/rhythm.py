"""What one feed has taught us about when it posts: about a kilobyte, updated at each poll.

Counts fade with time, so that a feed may change its habits. They are kept on
fixed landmarks: a post at `t` weighs 2 ** ((t - landmark) / half_life), and when
the landmark moves on, all counts are halved, which is exact in binary. A poll
that finds nothing therefore leaves the tables as they are ("forward decay",
Cormode et al., ICDE 2009).

Times inside are Unix seconds, for size and speed; the functions take datetimes.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from digestd.frozen import dataclass, replace

HOUR = 3600.0
DAY = 24 * HOUR
WEEK = 7 * DAY
MONDAY = 4 * DAY  # 1970-01-05, so that (t - MONDAY) % WEEK begins on a Monday

# Posts in the last 180 d, 30 d, 7 d, 1 d, 6 h and 1 h, each with exponential forgetting.
MEMORIES = (180 * DAY, 30 * DAY, 7 * DAY, DAY, 6 * HOUR, HOUR)

# The tables: counts by hour of the day, weekday, half hour of the week and
# 5-minute slot of the hour, all UTC; and by the length of the gap between posts:
# how many gaps ended in each class, and how many days were spent waiting in it.
HOURS, DAYS, HALF_HOURS, SLOTS, GAPS = 24, 7, 336, 12, 32
_LONG, _MIDDLE, _SHORT = 365 * DAY, 140 * DAY, 42 * DAY
_SHAPE = struct.Struct(f"<{HOURS + DAYS + HALF_HOURS + SLOTS}e{2 * GAPS}f")
_AT_DAYS = HOURS
_AT_HALF_HOURS = _AT_DAYS + DAYS
_AT_SLOTS = _AT_HALF_HOURS + HALF_HOURS
_AT_ENDED = _AT_SLOTS + SLOTS
_AT_WAITED = _AT_ENDED + GAPS
_EMPTY = _SHAPE.pack(*[0.0] * (_AT_WAITED + GAPS))

# Classes of gaps: the first ends at 3 hours, each further one is 1.3 times as long.
_FIRST_GAP = DAY / 8
_GAP_STEP = math.log(1.3)
GAP_BOUNDS = (0.0, *(_FIRST_GAP * 1.3**i for i in range(GAPS - 1)), math.inf)
_GAP_SPANS = [end - start for start, end in pairwise(GAP_BOUNDS)]

_HEADER = struct.Struct("<B4d6d")
_VERSION = 1
_LARGEST = 1e4  # a half-precision float ends at 65504


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is known of a feed's posting times. `Rhythm()` knows nothing.

    `polled`, `since` and `posted` are Unix seconds: the last poll, the oldest
    post known (or the first poll, when that was empty), the newest post.
    """

    polled: float | None = None
    since: float | None = None
    posted: float | None = None
    sums: tuple[float, ...] = (0.0,) * len(MEMORIES)  # as of `polled`
    counted: float = 0.0  # when `tables` were last written; sets their landmarks
    tables: bytes = _EMPTY

    def to_bytes(self) -> bytes:
        """Return this as a blob for the store, at most about 1.1 KB, mostly far less."""
        times = (math.nan if t is None else t for t in (self.polled, self.since, self.posted))
        header = _HEADER.pack(_VERSION, *times, self.counted, *self.sums)
        # A window for what there is: a larger one takes longer to set up than to use.
        packed = zlib.compressobj(6, zlib.DEFLATED, wbits=11, memLevel=5)
        return header + packed.compress(self.tables) + packed.flush()

    @classmethod
    def from_bytes(cls, blob: bytes) -> Rhythm:
        """Read what `to_bytes` wrote; anything else is a rhythm that knows nothing.

        Forgetting is cheap (the next document's dates come again as history),
        a poll that cannot be planned is not.
        """
        try:
            version, polled, since, posted, counted, *sums = _HEADER.unpack_from(blob)
            unzip = zlib.decompressobj()
            tables = unzip.decompress(blob[_HEADER.size :], _SHAPE.size + 1)
        except (struct.error, zlib.error):
            return cls()
        fine = all(map(math.isfinite, (counted, *sums))) and len(tables) == _SHAPE.size
        if version != _VERSION or not fine:
            return cls()
        times = [None if math.isnan(t) else t for t in (polled, since, posted)]
        return cls(times[0], times[1], times[2], tuple(sums), counted, tables)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a poll found: the dates of the entries not seen before, None where there is none."""

    published: Sequence[datetime | None] = ()


@dataclass(slots=True)
class Tables:
    """The counts of a rhythm, unpacked, and what a count of each is worth at `now`.

    What is looked at for every poll is not multiplied by its worth, but where it is summed up.
    """

    counts: tuple[float, ...]
    long: float  # a count by hour, weekday or gap
    middle: float  # by half hour of the week
    short: float  # by slot

    @classmethod
    def of(cls, rhythm: Rhythm, now: float) -> Tables:
        counted = rhythm.counted
        return cls(
            _SHAPE.unpack(rhythm.tables),
            _worth(counted, now, _LONG),
            _worth(counted, now, _MIDDLE),
            _worth(counted, now, _SHORT),
        )

    def hours(self) -> tuple[float, ...]:
        return self.counts[:_AT_DAYS]

    def days(self) -> tuple[float, ...]:
        return self.counts[_AT_DAYS:_AT_HALF_HOURS]

    def half_hours(self) -> tuple[float, ...]:
        return self.counts[_AT_HALF_HOURS:_AT_SLOTS]

    def slots(self) -> tuple[float, ...]:
        return self.counts[_AT_SLOTS:_AT_ENDED]

    def gaps_ended(self) -> tuple[float, ...]:
        return self.counts[_AT_ENDED:_AT_WAITED]

    def days_waited(self) -> tuple[float, ...]:
        return self.counts[_AT_WAITED:]


def gap_class(gap: float) -> int:
    """Return the class of a gap of so many seconds."""
    if gap < _FIRST_GAP:
        return 0
    return min(GAPS - 1, 1 + int(math.log(gap / _FIRST_GAP) / _GAP_STEP))


def learn(rhythm: Rhythm, sighting: Sighting, now: datetime) -> Rhythm:
    """Return the rhythm after a poll at `now`.

    The dates of the first poll are taken as history. Later, an entry without a
    date, with a date at exactly 00:00 UTC (the day only), or with one more than
    a day before the last poll (moved, imported, back-dated) is one that came
    somewhere between the two polls.
    """
    at = now.timestamp()
    last = rhythm.polled
    if last is not None and at < last:  # the clock was set back
        last = at
    posts: list[_Post] = []
    if sighting.published:
        posts = _history(sighting, at) if last is None else _news(sighting, last, at)
    sums = rhythm.sums
    if last is not None and at > last:
        faded = last - at
        sums = tuple([s * math.exp(faded / tau) for s, tau in zip(sums, MEMORIES, strict=True)])
    since = rhythm.since
    if since is None:
        since = posts[0].at if posts else at
    if not posts:
        return replace(rhythm, polled=at, since=since, sums=sums)
    for post in posts:
        age = post.at - at
        sums = tuple(s + math.exp(age / tau) for s, tau in zip(sums, MEMORIES, strict=True))
    newest = max(posts[-1].at, rhythm.posted or 0.0)
    return Rhythm(at, since, newest, sums, at, _count(rhythm, posts, at))


def caught_up(rhythm: Rhythm, polled: datetime | None) -> Rhythm:
    """Return the rhythm as it is when nothing was found up to a last poll at `polled`.

    Polls that find nothing are not worth a write: all that they change follows from
    their time.
    """
    if polled is None or rhythm.polled is None or polled.timestamp() <= rhythm.polled:
        return rhythm
    return learn(rhythm, Sighting(), polled)


@dataclass(frozen=True, slots=True)
class _Post:
    at: float
    within: float  # it came at most so many seconds before or after


def _history(sighting: Sighting, now: float) -> list[_Post]:
    """Return the dated posts of a first document, oldest first."""
    known = sorted(min(d.timestamp(), now) for d in sighting.published if d is not None)
    return [_Post(t, DAY / 2 if t % DAY == 0 else 0.0) for t in known if t > 0]


def _news(sighting: Sighting, last: float, now: float) -> list[_Post]:
    """Return the new posts of a later document, oldest first."""
    middle, half = (last + now) / 2, (now - last) / 2
    posts = []
    for date in sighting.published:
        t = math.nan if date is None else date.timestamp()
        if last - DAY <= t <= now and t % DAY != 0:
            posts.append(_Post(t, 0.0))
        elif now < t <= now + HOUR:  # a clock that is a little fast
            posts.append(_Post(now, 0.0))
        else:
            posts.append(_Post(middle, half))
    return sorted(posts, key=lambda p: p.at)


def _count(rhythm: Rhythm, posts: list[_Post], now: float) -> bytes:
    """Return the tables with `posts` counted in.

    A burst counts once in each cell of each table, so that one busy morning
    does not look like a habit.
    """
    counts = list(_SHAPE.unpack(rhythm.tables))
    before = rhythm.counted
    for first, end, half_life in (
        (0, _AT_HALF_HOURS, _LONG),
        (_AT_HALF_HOURS, _AT_SLOTS, _MIDDLE),
        (_AT_SLOTS, _AT_ENDED, _SHORT),
        (_AT_ENDED, _AT_WAITED + GAPS, _LONG),
    ):
        # A counting time that went back (the clock was wrong) must not blow counts up.
        moves = max(0.0, now // half_life - before // half_life)
        if moves and before:  # else nothing was counted yet
            fade = 0.5 ** min(moves, 100.0)
            counts[first:end] = [n * fade for n in counts[first:end]]
    previous = rhythm.posted
    for post in posts:
        _count_post(counts, post, previous, now)
        previous = post.at if previous is None else max(previous, post.at)
    if max(counts) > _LARGEST:
        counts = [min(n, _LARGEST) for n in counts]
    return _SHAPE.pack(*counts)


def _count_post(counts: list[float], post: _Post, previous: float | None, now: float) -> None:
    t = post.at
    long, middle, short = (1 / _worth(now, t, life) for life in (_LONG, _MIDDLE, _SHORT))
    if previous is None or t // HOUR > previous // HOUR:
        _spread(counts, 0, HOURS, t, post.within, HOUR, long)
        counts[_AT_DAYS + int((t - MONDAY) // DAY) % DAYS] += long
    if previous is None or t // 1800 > previous // 1800:
        _spread(counts, _AT_HALF_HOURS, HALF_HOURS, t - MONDAY, post.within, HOUR / 2, middle)
    if post.within <= 300 and (previous is None or t // 300 > previous // 300):
        counts[_AT_SLOTS + int(t // 300) % SLOTS] += short
    if previous is not None and t > previous:
        gap = t - previous
        ended = gap_class(gap)
        counts[_AT_ENDED + ended] += long
        for i in range(ended):
            counts[_AT_WAITED + i] += long * _GAP_SPANS[i] / DAY
        counts[_AT_WAITED + ended] += (
            long * (min(gap, GAP_BOUNDS[ended + 1]) - GAP_BOUNDS[ended]) / DAY
        )


def _spread(
    counts: list[float], at: int, size: int, t: float, within: float, cell: float, weight: float
) -> None:
    """Add `weight` to the cell of `t`, or in equal parts to all cells that it may be in."""
    if within >= DAY / 2:
        return  # any hour: nothing learned
    first, last = int((t - within) // cell), int((t + within) // cell)
    if first == last:
        counts[at + first % size] += weight
        return
    part = weight / (last - first + 1)
    for i in range(first, last + 1):
        counts[at + i % size] += part


def _worth(counted: float, now: float, half_life: float) -> float:
    """Return what a count on the landmark before `counted` is worth at `now`."""
    return float(2.0 ** min(60.0, max(-60.0, counted // half_life - now / half_life)))
