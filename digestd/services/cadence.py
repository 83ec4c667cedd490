"""The metronome: `schedule` nudges the loops, the database decides what is due.

`schedule` knows naive local time only. At a daylight-saving change it fires a
job twice, and with its clock set back an hour it fires nothing for that hour.
So a job here only rings a bell, a second ring is harmless, and whenever the
wall clock moves against the monotonic one the jobs are registered anew and
rung at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import schedule

from digestd import telemetry

# Corrections by NTP are smaller; whoever moves a clock by hand moves it further.
_MOVED = timedelta(seconds=5)


class Cadence:
    """Calls tiny functions at their times; `tick` often, at least every 30 s."""

    def __init__(
        self,
        *,
        every: Mapping[Callable[[], object], timedelta],
        daily: Mapping[Callable[[], object], str],
        on_moved: Callable[[timedelta], object],
    ) -> None:
        """`every` rings at its span, `daily` at a local "HH:MM"; all ring once at the start.

        `on_moved` hears by how much the wall clock was set forward (or, below 0, back).
        """
        self._every = every
        self._daily = daily
        self._on_moved = on_moved
        self._wall: datetime | None = None
        self._steady = 0.0
        self._scheduler = schedule.Scheduler()

    def tick(self, wall: datetime, steady: float) -> None:
        """Ring what is due. `wall` is the clock on the wall (UTC), `steady` monotonic seconds."""
        if self._wall is None:
            self._register()
            self._scheduler.run_all()
        else:
            passed = timedelta(seconds=steady - self._steady)
            moved = wall - self._wall - passed
            if abs(moved) > _MOVED:
                telemetry.warning("clock moved", by=moved)
                self._register()
                self._scheduler.run_all()
                self._on_moved(moved)
        self._wall, self._steady = wall, steady
        self._scheduler.run_pending()

    def wait(self) -> timedelta:
        """Return how long until the next ring is due, by the wall clock."""
        idle = self._scheduler.idle_seconds
        return timedelta(seconds=max(0.0, idle if idle is not None else 30.0))

    def _register(self) -> None:
        self._scheduler.clear()
        for ring, span in self._every.items():
            self._scheduler.every(max(1, round(span.total_seconds()))).seconds.do(ring)
        for ring, at in self._daily.items():
            self._scheduler.every().day.at(at).do(ring)
