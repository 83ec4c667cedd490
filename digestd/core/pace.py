"""How fast a service wants to be spoken to: a bucket of tokens on a steady clock. Pure."""

from __future__ import annotations

from digestd.frozen import dataclass, replace

_MINUTE = 60.0
# So many may go out at once after a silence; services that count by the minute
# bear it, and nobody waits for the second of two alerts.
_MOST_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `per_minute` in any minute, a few of them at once; 0 is no limit.

    Where the service says that it takes a `burst` after a silence, that goes out at
    once, and the flow of `per_minute` follows. Times are seconds of one monotonic
    clock. `level` is what was left in the bucket at `at`.
    """

    per_minute: int = 0
    burst: int = 0
    level: float = 0.0
    at: float = 0.0

    @classmethod
    def of(cls, per_minute: int, at: float, burst: int = 0) -> Pace:
        """Return the pace of a service that has not been spoken to lately."""
        return cls(per_minute, burst, float(burst or _at_once(per_minute)), at)

    def wait(self, now: float) -> float:
        """Return how many seconds the next message has to wait; 0.0: none."""
        if self.per_minute <= 0:
            return 0.0
        lacking = 1.0 - self._level(now)
        # A rest smaller than any timer's would only make us ask again.
        return lacking / self._per_second if lacking > 1e-6 else 0.0

    def spent(self, now: float) -> Pace:
        """Return the pace after one more message."""
        if self.per_minute <= 0:
            return self
        return replace(self, level=self._level(now) - 1.0, at=now)

    @property
    def _per_second(self) -> float:
        if self.burst:
            return self.per_minute / _MINUTE
        # What is given at once is taken from the flow, so that no minute sees more.
        return max(self.per_minute - _at_once(self.per_minute), 0.5) / _MINUTE

    def _level(self, now: float) -> float:
        gained = max(0.0, now - self.at) * self._per_second
        return min(float(self.burst or _at_once(self.per_minute)), self.level + gained)


def _at_once(per_minute: int) -> int:
    return max(1, min(_MOST_AT_ONCE, per_minute // 4))
