"""Alerts that respect people: which go out now, which wait, and which become one list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Literal

from digestd.core.pausing import Pause
from digestd.core.quiet import Quiet
from digestd.frozen import dataclass, field

# A list longer than this is two: a mail program shows a hundred titles, a phone hardly as many.
_MOST_IN_A_LIST = 100

Held = Literal["quiet", "burst", "paused"]


@dataclass(frozen=True, slots=True)
class Manners:
    """What a channel's owner wants of its alerts. `burst` 0: as many as there are."""

    quiet: Quiet = field(default_factory=Quiet)
    burst: int = 0
    burst_window: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One alert that is due: the row of its debt, and what bears on it."""

    pk: int
    was_held: bool = False  # it has waited for a reason that may be over now
    pause: Pause | None = None
    in_digest: bool = False  # a digest has told its entry, or will


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """What becomes of due alerts: `messages` of one or more, in order; the rest waits or is off."""

    messages: tuple[tuple[int, ...], ...] = ()
    held: tuple[tuple[int, datetime, Held], ...] = ()
    dropped: tuple[tuple[int, str], ...] = ()


def plan_alerts(
    due: Sequence[Waiting],
    manners: Manners,
    *,
    told: Sequence[tuple[datetime, int]],
    now: datetime,
    zone: tzinfo,
) -> AlertPlan:
    """Decide what one channel's due alerts, oldest first, become.

    `told` are the alerts that it was sent lately, each with how many entries it
    held; those of `burst_window` count. What has waited goes as one message.
    """
    held: list[tuple[int, datetime, Held]] = []
    dropped: list[tuple[int, str]] = []
    free: list[Waiting] = []
    for one in due:
        if one.pause is None:
            free.append(one)
        elif one.pause.dropping:
            dropped.append((one.pk, f"{one.pause.what} was paused"))
        elif one.in_digest:
            dropped.append((one.pk, f"{one.pause.what} was paused; its digest tells it"))
        else:
            held.append((one.pk, one.pause.ends_at, "paused"))
    quiet_end = manners.quiet.until(now, zone)
    if quiet_end is None or quiet_end > now:
        again = quiet_end or now + timedelta(days=1)
        held += [(one.pk, again, "quiet") for one in free]
        return AlertPlan((), tuple(held), tuple(dropped))
    if any(one.was_held for one in free):
        return AlertPlan(_lists(free), tuple(held), tuple(dropped))
    singly, later = _within_burst(free, manners, told, now)
    if later is None:
        messages = _lists(free) if len(singly) < len(free) else tuple((one.pk,) for one in free)
    else:
        messages = tuple((one.pk,) for one in singly)
        held += [(one.pk, later, "burst") for one in free[len(singly) :]]
    return AlertPlan(messages, tuple(held), tuple(dropped))


def _within_burst(
    free: Sequence[Waiting],
    manners: Manners,
    told: Sequence[tuple[datetime, int]],
    now: datetime,
) -> tuple[Sequence[Waiting], datetime | None]:
    """Return the alerts that may go singly, and when the others go; None: at once, as a list."""
    if not manners.burst:
        return free, None
    lately = [(at, n) for at, n in told if now - manners.burst_window < at <= now]
    room = manners.burst - sum(n for _, n in lately)
    if len(free) <= room:
        return free, None
    if not lately:
        return (), None
    return free[: max(0, room)], min(at for at, _ in lately) + manners.burst_window


def _lists(alerts: Sequence[Waiting]) -> tuple[tuple[int, ...], ...]:
    pks = [one.pk for one in alerts]
    return tuple(
        tuple(pks[start : start + _MOST_IN_A_LIST]) for start in range(0, len(pks), _MOST_IN_A_LIST)
    )
