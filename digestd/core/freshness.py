"""When a publisher says it may be asked again: Retry-After, caching headers, ttl, skipHours.

Retry-After, `skipHours` and `skipDays` bind in full. Caching headers, `ttl`
and `sy:*` bind up to an hour: beyond that they are a misconfiguration more
often than a wish, and a busy feed that declares a day loses posts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from digestd.patterns import pattern

HIGHEST_FLOOR = timedelta(hours=1)

# No feed is asked more seldom than once a day while it lives, so a longer wish is not obeyed to
# the letter: it is nearly always milliseconds in place of seconds, or a clock gone wrong, and one
# such header must not silence a host for weeks.
LONGEST_WAIT = timedelta(hours=24)

_SECONDS = re.compile(r"[0-9]{1,15}(\.[0-9]{0,9})?")
_DIRECTIVE = re.compile(r'([a-z-]{1,40})(?:="?([^",]{0,40})"?)?')
_MONTHS = {
    name: number
    for number, name in enumerate(
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1
    )
}
# A date as all servers should write it (RFC 9110, section 5.6.7).
_USUAL_DATE = pattern(
    rf"[A-Z][a-z]{{2}}, ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([12][0-9]{{3}})"
    r" ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)
# A number this large is a moment (seconds since 1970), as in the rate limit headers of some APIs.
_SURELY_AN_EPOCH = 1_000_000_000


def parse_retry_after(raw: str | None, now: datetime) -> datetime | None:
    """Return when a Retry-After lets us ask again (RFC 9110, section 10.2.3).

    Seconds or a date in any of the three forms of HTTP. None for nonsense and
    for a moment that has passed; never later than `LONGEST_WAIT` from now.
    """
    text = (raw or "").strip()[:64]
    if _SECONDS.fullmatch(text):
        seconds = float(text)
        if seconds >= _SURELY_AN_EPOCH:
            seconds -= now.timestamp()
        until = now + min(timedelta(seconds=min(seconds, 1e9)), LONGEST_WAIT)
    else:
        date = _http_date(text)
        if date is None:
            return None
        until = min(date, now + LONGEST_WAIT)
    return until if until > now else None


def polite_floor(headers: Mapping[str, str], ttl: timedelta | None, now: datetime) -> timedelta:
    """Return how long from `now` the publisher asks to be left alone, up to `HIGHEST_FLOOR`.

    The longer of what is left of the response's freshness (RFC 9111, section
    4.2; `headers` by lower-case name) and of the feed's own `ttl` or `sy:*`.
    Zero where nothing is said, or `no-cache` and `no-store` deny it.
    """
    fresh = _freshness(headers, now) - _age(headers)
    return max(timedelta(0), min(max(fresh, ttl or timedelta(0)), HIGHEST_FLOOR))


def skip_until(skip_hours: Collection[int], skip_days: Collection[int], at: datetime) -> datetime:
    """Return the first moment from `at` on that RSS `skipHours` and `skipDays` leave open.

    Hours are 0..23 in UTC, Monday is 0. A list that leaves nothing open is a
    mistake, and is not obeyed: the feed would never be asked again.
    """
    if not (skip_hours or skip_days):
        return at.astimezone(UTC)
    hours, days = frozenset(skip_hours), frozenset(skip_days)
    if len(hours & frozenset(range(24))) == 24:
        hours = frozenset()
    if len(days & frozenset(range(7))) == 7:
        days = frozenset()
    moment = at.astimezone(UTC)
    while True:
        if moment.weekday() in days:
            moment = moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        elif moment.hour in hours:
            moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        else:
            return moment


def _freshness(headers: Mapping[str, str], now: datetime) -> timedelta:
    directives = _cache_control(headers.get("cache-control", ""))
    if "no-cache" in directives or "no-store" in directives:
        return timedelta(0)
    if "max-age" in directives:  # goes before Expires; s-maxage is for shared caches
        return _seconds(directives["max-age"])
    expires = _http_date(headers.get("expires", ""))
    if expires is None:  # absent, or "0" and "-1", which mean: already expired
        return timedelta(0)
    return expires - (_http_date(headers.get("date", "")) or now)


def _age(headers: Mapping[str, str]) -> timedelta:
    return _seconds(headers.get("age", ""))


@lru_cache(maxsize=256)  # servers say few different things
def _cache_control(raw: str) -> Mapping[str, str]:
    """Return the directives, the first of each name (RFC 9111, section 4.2.1)."""
    found: dict[str, str] = {}
    for part in raw[:1024].lower().split(","):
        match = _DIRECTIVE.fullmatch(part.strip())
        if match:
            found.setdefault(match[1], (match[2] or "").strip())
    return found


def _seconds(raw: str) -> timedelta:
    text = raw.strip()
    return timedelta(seconds=min(float(text), 1e9)) if _SECONDS.fullmatch(text) else timedelta(0)


def _http_date(raw: str) -> datetime | None:
    """Return the moment that an HTTP date names, UTC where it has no zone; None for nonsense."""
    text = raw.strip()
    if not text or len(text) > 64:
        return None
    try:
        if usual := _USUAL_DATE.fullmatch(text):
            day, month, year, hour, minute, second = usual.groups()
            at = time(int(hour), int(minute), int(second), tzinfo=UTC)
            return datetime.combine(date(int(year), _MONTHS[month], int(day)), at)
        from email.utils import parsedate_to_datetime  # noqa: PLC0415 (few write another form)

        named = parsedate_to_datetime(text)
        return named.astimezone(UTC) if named.tzinfo else named.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
