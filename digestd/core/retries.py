"""What becomes of a delivery after an attempt, and when its channel may speak again. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, assert_never

from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.frozen import dataclass

LONGEST_RETRY = timedelta(hours=1)
# A service may ask for patience, but not for ever.
LONGEST_WISH = timedelta(days=1)
# After so many failures in a row a channel tries another delivery than its
# oldest: one that is refused again and again must not hold up the rest.
PATIENCE = 3


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """`[delivery]`: the first wait (doubles up to an hour), and when to give up.

    An alert not accepted within `fallback` is left to the next digest that tells its entry.
    """

    first_retry: timedelta = timedelta(seconds=10)
    give_up: timedelta = timedelta(days=7)
    fallback: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to record after one attempt.

    `resume_at` is when the channel may try anything again, None: at once.
    """

    state: Literal["sent", "due", "parked", "dead"]
    outcome: str  # one word for the ledger
    answer: str
    due_at: datetime
    failing_since: datetime | None
    channel_failures: int
    resume_at: datetime | None = None


def wait_after(failures: int, first: timedelta, chance: float) -> timedelta:
    """Return the wait after `failures` (1, 2, …) failures in a row.

    Doubles from `first` to an hour, then ±20% by `chance` in [0, 1), so that
    what broke together does not come back together.
    """
    doublings = min(max(failures, 1) - 1, 30)  # beyond, even a second is years
    doubled: timedelta = first * (1 << doublings)
    return min(doubled, LONGEST_RETRY) * (0.8 + 0.4 * chance)


def judge(
    outcome: SendOutcome,
    *,
    attempts: int,
    failing_since: datetime | None,
    channel_failures: int,
    now: datetime,
    chance: float,
    settings: RetrySettings,
) -> Verdict:
    """Decide what one attempt means for its delivery and its channel.

    `attempts` counts this one. A service's own wish (`Retry-After`) is obeyed
    exactly and without jitter, up to a day.
    """
    match outcome:
        case Sent(answer):
            return Verdict("sent", "accepted", answer, now, None, 0)
        case Refused(reason):
            # The channel works: it has read the message and said no.
            return Verdict("dead", "refused", reason, now, failing_since or now, 0)
        case Broken(reason):
            return Verdict(
                "parked", "channel broken", reason, now, failing_since or now, channel_failures + 1
            )
        case TryAgain(reason, after):
            word = "try again"
        case Unknown(reason):
            word, after = "unknown", None
        case _:
            assert_never(outcome)
    since = failing_since or now
    if now - since >= settings.give_up:
        return Verdict("dead", "given up", reason, now, since, channel_failures + 1)
    failures = channel_failures + 1
    wish = min(after, LONGEST_WISH) if after is not None else None
    own = wish if wish is not None else wait_after(attempts, settings.first_retry, chance)
    pause = wish if wish is not None else wait_after(failures, settings.first_retry, chance)
    return Verdict("due", word, reason, now + own, since, failures, now + pause)
