"""Few requests at once to one origin, and none sooner than it allows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from digestd.core.models import Validators
from digestd.core.outcomes import Failed, Fetched, NotModified
from digestd.net.politeness import FIRST_GAP, LONGEST_GAP, HostGate

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
URL = "https://feed.example/a"
BUSY = Failed("HTTP 429", 429)
FINE = NotModified(Validators(), {})


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    @property
    def passed(self) -> float:
        return (self.now - START).total_seconds()


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def gate(clock: Time) -> HostGate:
    return HostGate(clock, sleep=clock.sleep)


async def at_once(gate: HostGate, urls: list[str]) -> int:
    """Return how many of `urls` were admitted while none had finished."""
    admitted, finish = 0, asyncio.Event()

    async def ask(url: str) -> None:
        nonlocal admitted
        async with gate.admit(url):
            admitted += 1
            await finish.wait()

    asking = [asyncio.ensure_future(ask(url)) for url in urls]
    for _ in range(20):
        await asyncio.sleep(0)
    running = admitted
    finish.set()
    await asyncio.gather(*asking)
    assert admitted == len(urls)
    return running


async def test_two_at_a_time_to_one_origin(gate: HostGate) -> None:
    assert await at_once(gate, [f"{URL}{n}" for n in range(5)]) == 2
    assert await at_once(gate, ["https://feed.example/", "https://FEED.example.:443/b"] * 2) == 2


async def test_other_schemes_names_and_ports_are_other_origins(gate: HostGate) -> None:
    urls = ["https://a.example/", "http://a.example/", "https://a.example:8443/", "https://b.c/"]
    assert await at_once(gate, urls) == 4


async def test_no_gap_until_the_origin_complains(gate: HostGate, clock: Time) -> None:
    for _ in range(10):
        async with gate.admit(URL):
            pass
        gate.note(URL, FINE, clock())
    assert clock.passed == 0
    assert gate.blocked_until(URL) is None


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_obeyed_by_the_whole_origin(
    gate: HostGate, clock: Time, status: int
) -> None:
    gate.note(URL, Failed("", status, "120"), clock())
    assert gate.blocked_until("https://feed.example/other") == START + timedelta(minutes=2)
    assert gate.blocked_until("https://other.example/") is None
    clock.now += timedelta(seconds=121)
    assert gate.blocked_until(URL) is None


async def test_an_absurd_retry_after_is_a_day(gate: HostGate, clock: Time) -> None:
    gate.note(URL, Failed("", 503, "99999999"), clock())
    assert gate.forbidden_until(URL) == START + timedelta(hours=24)


async def test_a_shorter_wish_does_not_lift_a_longer_one(gate: HostGate, clock: Time) -> None:
    gate.note(URL, Failed("", 503, "600"), clock())
    gate.note(URL, Failed("", 503, "5"), clock())
    gate.note(URL, FINE, clock())
    assert gate.forbidden_until(URL) == START + timedelta(minutes=10)


async def test_requests_keep_a_gap_that_doubles(gate: HostGate, clock: Time) -> None:
    gap = FIRST_GAP
    for _ in range(4):
        gate.note(URL, BUSY, clock())
        assert gate.forbidden_until(URL) == clock() + gap
        clock.now += gap
        gap *= 2
    before = clock.now
    for _ in range(3):
        async with gate.admit(URL):
            pass
    assert clock.now - before == 2 * FIRST_GAP * 8


async def test_refusals_of_one_moment_are_one_refusal(gate: HostGate, clock: Time) -> None:
    for _ in range(10):
        gate.note(URL, BUSY, clock())
    assert gate.forbidden_until(URL) == START + FIRST_GAP


async def test_the_gap_has_an_end_in_both_directions(gate: HostGate, clock: Time) -> None:
    for _ in range(30):
        gate.note(URL, BUSY, clock())
        clock.now += LONGEST_GAP
    gate.note(URL, BUSY, clock())
    assert gate.forbidden_until(URL) == clock() + LONGEST_GAP
    clock.now += LONGEST_GAP
    for _ in range(60):
        gate.note(URL, FINE, clock())
    before = clock.now
    for _ in range(3):
        async with gate.admit(URL):
            pass
    assert clock.now == before


async def test_other_failures_change_nothing(gate: HostGate, clock: Time) -> None:
    gate.note(URL, Failed("no connection"), clock())
    gate.note(URL, Failed("HTTP 500", 500, "600"), clock())
    assert gate.blocked_until(URL) is None


async def test_the_host_that_answered_is_the_one_to_spare(gate: HostGate, clock: Time) -> None:
    gate.note(URL, Failed("", 429, "60", "https://other.example/x"), clock())
    assert gate.blocked_until(URL) is None
    assert gate.blocked_until("https://other.example/y")


async def test_a_long_queue_says_when_to_come_back(clock: Time) -> None:
    gate = HostGate(clock, sleep=clock.sleep, least_gaps={"feed.example": timedelta(minutes=1)})
    assert gate.blocked_until(URL) is None
    async with gate.admit(URL):
        pass
    assert gate.blocked_until(URL) == START + timedelta(minutes=1)
    assert gate.forbidden_until(URL) is None
    gate.note(URL, Fetched(b"", Validators(), URL, {}), clock())
    assert gate.blocked_until(URL) == START + timedelta(minutes=1)


async def test_a_clock_set_back_does_not_stop_a_host(clock: Time) -> None:
    gate = HostGate(clock, sleep=clock.sleep, least_gaps={"feed.example": timedelta(seconds=9)})
    async with gate.admit(URL):
        pass
    clock.now -= timedelta(hours=1)
    before = clock.now
    async with gate.admit(URL):
        pass
    assert clock.now - before <= timedelta(seconds=9)


async def test_a_block_from_before_a_restart_holds(gate: HostGate, clock: Time) -> None:
    gate.block(URL, START + timedelta(hours=1))
    assert gate.blocked_until(URL) == START + timedelta(hours=1)


async def test_a_turn_is_given_back_whatever_happens(gate: HostGate) -> None:
    for _ in range(3):
        with pytest.raises(RuntimeError):
            async with gate.admit(URL):
                raise RuntimeError
    assert await at_once(gate, [URL] * 3) == 2


async def test_quiet_origins_are_forgotten(gate: HostGate, clock: Time) -> None:
    for n in range(100):
        async with gate.admit(f"https://{n}.example/"):
            pass
        gate.note(f"https://{n}.example/", FINE, clock())
    assert not gate._origins


async def test_what_is_no_address_does_not_break_the_gate(gate: HostGate, clock: Time) -> None:
    for url in ("", "http://[::1", "nonsense", "http://x:99999/"):
        async with gate.admit(url):
            pass
        gate.note(url, Failed("the address is not a valid URL"), clock())
        assert gate.blocked_until(url) is None


async def test_routes_of_one_s_own_host_do_not_slow_each_other() -> None:
    own = "http://rsshub:1200"
    time = Time()
    gate = HostGate(time, per_host=1, sleep=time.sleep, is_own=lambda url: url.startswith(own))
    async with gate.admit(f"{own}/a"), gate.admit(f"{own}/b"), gate.admit(f"{own}/c"):
        pass  # with one queue for all of them, the second would wait for ever
    gate.note(f"{own}/a", Failed("HTTP 503", 503, "3600"), time())
    assert gate.blocked_until(f"{own}/b") is None
    assert gate.blocked_until(f"{own}/a") == START + timedelta(hours=1)
