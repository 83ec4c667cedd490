"""Who may be asked now: few requests at once to one origin, and none sooner than it allows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import lru_cache, partial
from urllib.parse import urlsplit

from digestd.clock import Clock
from digestd.core.addresses import origin_of
from digestd.core.freshness import parse_retry_after
from digestd.core.models import Patience
from digestd.core.outcomes import Failed, FetchOutcome
from digestd.net.turns import Pace, TurnLostError, Turns

_NONE = timedelta(0)

# Hosts known to refuse what is asked faster, by name: the gap is there from the start.
LEAST_GAPS = {
    name: timedelta(seconds=6) for name in ("www.reddit.com", "old.reddit.com", "reddit.com")
}
# After the first 429 or 503; doubles with each further one, and shrinks by a tenth with each good
# answer: about one refusal in seven where the limit is steady. Reddit ends near a minute.
FIRST_GAP = timedelta(seconds=5)
LONGEST_GAP = timedelta(minutes=10)
DECAY = 0.9

# A poll that would queue longer than this had better come back later.
PATIENCE = timedelta(seconds=10)
# An answer that takes longer is slow, and must not keep those waiting who are not.
SLOW = timedelta(seconds=3)
# The wall clock is read again this often while a request waits for its turn.
_NAP = 30.0


class _Origin:
    def __init__(self, turns: Turns, least_gap: timedelta) -> None:
        self.turns = turns
        self.users = 0
        self.least_gap = least_gap
        self.gap = least_gap
        self.free_at: datetime | None = None  # when the next request may start, gap observed
        self.blocked_until: datetime | None = None

    def is_idle(self, now: datetime) -> bool:
        waits = (moment for moment in (self.free_at, self.blocked_until) if moment)
        return not self.users and self.gap == self.least_gap and all(at <= now for at in waits)


class HostGate:
    """One queue per origin (scheme, host, port), for whoever asks: polls, discovery, images.

    `per_host` requests at once, with no gap until the origin answers 429 or
    503, or `least_gaps` (by host name) asks for one. On a host that `is_own`
    each address has a queue of its own: what slows one route of it down is the
    site behind that route. `clock` and `sleep` are the shell's.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        per_host: int = 2,
        slow: timedelta = SLOW,
        least_gaps: Mapping[str, timedelta] | None = None,
        is_own: Callable[[str], bool] = lambda _: False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._make_turns = partial(Turns, per_host, slow.total_seconds())
        self._least_gaps = dict(least_gaps or {})
        self._sleep = sleep
        self._is_own = is_own
        self._origins: dict[str, _Origin] = {}
        self._key = lru_cache(maxsize=1_000)(self._key_of)  # each poll asks six times

    @asynccontextmanager
    async def admit(self, url: str, *, pace: Pace | None = None) -> AsyncIterator[None]:
        """Wait for a turn at the origin of `url`, and hold it while the request runs.

        It does not wait for the end of a block: that may be a day off, and is
        the caller's to ask for (`blocked_until`). Feeds have a `pace`, and may lose their
        turn by it: raises TurnLostError.
        """
        origin = self._origin(url)
        origin.users += 1
        try:
            turn = await origin.turns.take(Pace.QUICK if pace is None else pace)
            try:
                await self._wait_for_gap(origin)
                turn.since = asyncio.get_running_loop().time()
                if pace is None:
                    yield
                else:
                    async with asyncio.timeout(None) as turn.limit:
                        yield
            except TimeoutError:
                if turn.is_lost:
                    raise TurnLostError from None
                raise
            finally:
                origin.turns.give(turn)
        finally:
            origin.users -= 1
            self._forget_if_idle(url)

    def note(self, url: str, outcome: FetchOutcome, now: datetime) -> None:
        """Learn from what an origin answered; the one that answered, where redirects led away."""
        asked = url
        if isinstance(outcome, Failed):
            asked = outcome.url or url
            if outcome.status in (429, 503):
                self._slow_down(self._origin(asked), outcome, now)
        elif asked_origin := self._origins.get(self._key(asked)):
            shrunk = asked_origin.gap * DECAY
            asked_origin.gap = max(shrunk if shrunk >= FIRST_GAP else _NONE, asked_origin.least_gap)
        self._forget_if_idle(asked)

    def block(self, url: str, until: datetime) -> None:
        """Forbid the origin of `url` until then: a Retry-After from before a restart."""
        self.remember([Patience(self._key(url), until)])

    def remember(self, asked: Iterable[Patience]) -> None:
        """Hold to what origins asked for before a restart."""
        for one in asked:
            origin = self._origin(one.origin)
            origin.blocked_until = max(origin.blocked_until or one.until, one.until)
            origin.gap = max(origin.gap, min(one.gap, LONGEST_GAP))

    def patience(self) -> list[Patience]:
        """Return what origins have asked for and still wait for, to be remembered."""
        now = self._clock()
        return [
            Patience(name, origin.blocked_until, origin.gap)
            for name, origin in self._origins.items()
            if origin.blocked_until and origin.blocked_until > now
        ]

    def blocked_until(self, url: str) -> datetime | None:
        """Return when to come back, if the origin of `url` cannot be asked within `PATIENCE`."""
        origin = self._origins.get(self._key(url))
        if origin is None:
            return None
        queued = (origin.free_at or self._clock()) + origin.gap * origin.users
        until = max(queued, origin.blocked_until or queued)
        if self.forbidden_until(url) or queued > self._clock() + PATIENCE:
            return until
        return None

    def forbidden_until(self, url: str) -> datetime | None:
        """Return until when the origin of `url` told us to stay away, if it still holds."""
        origin = self._origins.get(self._key(url))
        if origin is None or origin.blocked_until is None:
            return None
        return origin.blocked_until if origin.blocked_until > self._clock() else None

    def _slow_down(self, origin: _Origin, outcome: Failed, now: datetime) -> None:
        # Requests that were under way together are one refusal, not several.
        if origin.blocked_until is None or origin.blocked_until <= now:
            origin.gap = min(max(2 * origin.gap, FIRST_GAP), LONGEST_GAP)
        until = parse_retry_after(outcome.retry_after, now) or now + origin.gap
        origin.blocked_until = max(origin.blocked_until or until, until)

    async def _wait_for_gap(self, origin: _Origin) -> None:
        while (now := self._clock()) < (origin.free_at or now):
            left = (origin.free_at or now) - now
            # After a clock that was set back, what is left may be longer than the gap ever was.
            await self._sleep(min(left.total_seconds(), origin.gap.total_seconds(), _NAP))
            if left > origin.gap:
                break
        origin.free_at = self._clock() + origin.gap if origin.gap else None

    def _key_of(self, url: str) -> str:
        if not self._is_own(url):
            return origin_of(url)
        parts = urlsplit(url)  # remembered in the database, so without a password
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()

    def _origin(self, url: str) -> _Origin:
        key = self._key(url)
        if key not in self._origins:
            host = origin_of(url).partition("://")[2].rpartition(":")[0]
            self._origins[key] = _Origin(self._make_turns(), self._least_gaps.get(host, _NONE))
        return self._origins[key]

    def _forget_if_idle(self, url: str) -> None:
        key = self._key(url)
        if key in self._origins and self._origins[key].is_idle(self._clock()):
            del self._origins[key]
