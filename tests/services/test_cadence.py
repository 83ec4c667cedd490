"""The metronome over changes of the clock, `schedule` with its known defects beneath it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from digestd.services.cadence import Cadence

NEW_YORK = ZoneInfo("America/New_York")


class Rings:
    """Counts rings, and plays the passing of time in steps of `step`."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller
        self.steady = 1000.0
        self.every: list[datetime] = []
        self.daily: list[datetime] = []
        self.moved = 0
        self.moved_by = timedelta(0)
        self.cadence = Cadence(
            every={self._every: timedelta(seconds=30)},
            daily={self._daily: "02:30"},
            on_moved=self._moved,
        )

    def _every(self) -> None:
        self.every.append(datetime.now(UTC))

    def _daily(self) -> None:
        self.daily.append(datetime.now(UTC))

    def _moved(self, by: timedelta) -> None:
        self.moved += 1
        self.moved_by = by

    def tick(self) -> None:
        self.cadence.tick(datetime.now(UTC), self.steady)

    def pass_time(self, span: timedelta, step: timedelta = timedelta(seconds=30)) -> None:
        for _ in range(span // step):
            self.traveller.shift(step)
            self.steady += step.total_seconds()
            self.tick()


@pytest.fixture
def rings() -> Iterator[Rings]:
    with time_machine.travel(datetime(2026, 3, 8, 5, 0, tzinfo=NEW_YORK), tick=False) as traveller:
        yield Rings(traveller)


def test_everything_rings_at_the_start(rings: Rings) -> None:
    rings.tick()
    assert (len(rings.every), len(rings.daily), rings.moved) == (1, 1, 0)


def test_a_span_rings_at_its_span(rings: Rings) -> None:
    rings.tick()
    rings.pass_time(timedelta(minutes=10))
    assert len(rings.every) == 21
    assert rings.moved == 0


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-400)])
def test_a_moved_clock_rings_everything_at_once_and_goes_on(rings: Rings, jump: timedelta) -> None:
    rings.tick()
    rings.pass_time(timedelta(minutes=5))
    before = len(rings.every)
    rings.traveller.shift(jump)
    rings.steady += 1
    rings.tick()
    assert rings.moved == 1
    assert abs(rings.moved_by - jump) < timedelta(seconds=2)
    assert len(rings.every) == before + 1
    # `schedule` alone would now ring nothing until its old times came again.
    rings.pass_time(timedelta(minutes=5))
    assert len(rings.every) == before + 11


def test_small_corrections_are_no_move(rings: Rings) -> None:
    rings.tick()
    rings.traveller.shift(timedelta(seconds=2))
    rings.tick()
    assert rings.moved == 0


def test_no_wait_is_longer_than_the_next_ring(rings: Rings) -> None:
    rings.tick()
    assert timedelta(0) <= rings.cadence.wait() <= timedelta(seconds=30)
