"""The planner: what it learns of a feed, when it asks, what it says, and the budget."""

from __future__ import annotations

import math
import random
import statistics
import sys
import time as clocks
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.core.forecast import Forecast, mean_rate, weekly_rates
from digestd.core.habits import WEEKDAYS, Habits, describe_rhythm
from digestd.core.planner import (
    PUSHED,
    Bounds,
    Price,
    calibrated,
    expected_delay,
    next_poll_at,
    steer,
)
from digestd.core.rhythm import DAY, HALF_HOURS, Rhythm, Sighting, caught_up, learn
from tests.bench.timeliness.replay import HOUR, Policy, load, replay, summary
from tests.bench.timeliness.rivals import EntryFrequency, Fixed, RoundRobin, clairvoyant
from tests.support.planning import Planner, PlannerWithFloors

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
NOW = MONDAY + timedelta(days=70)  # also a Monday, 00:00 UTC
PRICE = 1e-3
moments = st.floats(6e8, 4e9).map(lambda t: datetime.fromtimestamp(t, UTC))


def after(*dates: datetime | None, now: datetime = NOW) -> Rhythm:
    """A feed as its first document shows it."""
    return learn(Rhythm(), Sighting(dates), now)


def weekdays_at(hour: int, minute: int = 0) -> list[datetime]:
    days = [MONDAY + timedelta(days=d, hours=hour, minutes=minute) for d in range(70)]
    return [d for d in days if d.weekday() < 5]


def polls(rhythm: Rhythm, now: datetime, until: datetime, price: float = PRICE) -> list[datetime]:
    """When a feed is asked that keeps silent."""
    found = []
    while now < until:
        rhythm = learn(rhythm, Sighting(), now)
        now = next_poll_at(rhythm, price, now, 0.5)
        found.append(now)
    return found


# --- what is learned -------------------------------------------------------------------


def test_a_first_document_is_history() -> None:
    rhythm = after(*(NOW - timedelta(days=d, minutes=7) for d in range(1, 21)))
    assert mean_rate(rhythm, NOW.timestamp()) == pytest.approx(1.0, rel=0.2)


def test_a_feed_without_dates_starts_from_the_prior_and_learns_from_its_polls() -> None:
    rhythm = after(None, None, None)
    assert rhythm.posted is None
    before = mean_rate(rhythm, NOW.timestamp())
    for hour in range(1, 11):
        rhythm = learn(rhythm, Sighting([None]), NOW + timedelta(hours=hour))
    assert mean_rate(rhythm, NOW.timestamp() + 10 * HOUR) > 10 * before


@pytest.mark.parametrize(
    "claimed",
    [
        pytest.param(None, id="no-date"),
        pytest.param(NOW.replace(hour=0), id="the-day-only"),
        pytest.param(NOW - timedelta(days=9, minutes=1), id="back-dated"),
        pytest.param(NOW + timedelta(days=400, minutes=1), id="in-the-future"),
    ],
)
def test_a_date_that_says_nothing_means_between_the_polls(claimed: datetime | None) -> None:
    rhythm = after(NOW - timedelta(days=1))
    rhythm = learn(rhythm, Sighting([claimed]), NOW + timedelta(hours=2))
    assert rhythm.posted == (NOW + timedelta(hours=1)).timestamp()


def test_a_burst_is_no_habit() -> None:
    burst = after(*(NOW - timedelta(days=30) + timedelta(seconds=9 * k) for k in range(300)))
    habits = describe_rhythm(burst, UTC, NOW)
    assert (habits.days, habits.hours) == (frozenset(range(7)), "any")


def test_habits_change() -> None:
    rhythm = after(*weekdays_at(9))
    for day in range(400):
        at = NOW + timedelta(days=day, hours=17, minutes=2)
        rhythm = learn(rhythm, Sighting([at - timedelta(minutes=1)]), at)
    rates = weekly_rates(rhythm, (NOW + timedelta(days=400)).timestamp())
    assert rates[2 * 17] > 10 * rates[2 * 9]


def test_a_clock_that_was_set_back_is_survived() -> None:
    rhythm = after(*weekdays_at(9))
    past = NOW - timedelta(days=900)
    rhythm = learn(rhythm, Sighting([past - timedelta(hours=1)]), past)
    assert past < next_poll_at(rhythm, PRICE, past, 0.5) <= past + timedelta(hours=24)


@given(st.lists(st.one_of(st.none(), moments), max_size=60), st.lists(moments, max_size=8), moments)
def test_whatever_is_claimed_a_blob_is_small_and_comes_back(
    dates: list[datetime | None], polled: list[datetime], now: datetime
) -> None:
    rhythm = learn(Rhythm(), Sighting(dates), now)
    for at in polled:
        rhythm = learn(rhythm, Sighting(dates), at)
    blob = rhythm.to_bytes()
    assert len(blob) < 1150
    assert Rhythm.from_bytes(blob) == rhythm


@given(st.binary(max_size=200))
def test_a_damaged_blob_is_a_feed_that_nothing_is_known_of(noise: bytes) -> None:
    blob = after(*weekdays_at(9)).to_bytes()
    assert Rhythm.from_bytes(noise) == Rhythm()
    assert Rhythm.from_bytes(blob[: len(noise)]) == Rhythm()
    assert Rhythm.from_bytes(b"") == Rhythm()


# --- when it asks ----------------------------------------------------------------------


def test_polls_gather_where_posts_appear() -> None:
    rhythm = after(*weekdays_at(9, 1))
    asked = polls(rhythm, NOW, NOW + timedelta(days=1))
    near = [p for p in asked if 8 <= p.hour <= 10]
    night = [p for p in asked if 20 <= p.hour <= 22]
    assert len(near) > 3 * len(night)


def test_a_busy_feed_is_asked_more_often() -> None:
    slow = after(*(NOW - timedelta(days=9 * d, hours=5) for d in range(10)))
    busy = after(*(NOW - timedelta(hours=2 * h, minutes=9) for h in range(50)))
    day = NOW + timedelta(days=1)
    assert len(polls(busy, NOW, day)) > 2 * len(polls(slow, NOW, day))


def test_a_dearer_request_is_made_later() -> None:
    rhythm = after(*weekdays_at(9))
    due = [next_poll_at(rhythm, p, NOW, 0.5) for p in (1e-6, 1e-4, 1e-2, 1.0)]
    assert due == sorted(due)
    assert next_poll_at(rhythm, PRICE * PUSHED, NOW, 0.5) > next_poll_at(rhythm, PRICE, NOW, 0.5)


def test_a_short_document_is_asked_before_it_overflows() -> None:
    busy = after(*(NOW - timedelta(minutes=15 * k) for k in range(50)))
    wait = next_poll_at(busy, 1e3, NOW, 0.5, Bounds(listed=10)) - NOW
    assert wait < timedelta(hours=2)
    assert next_poll_at(busy, 1e3, NOW, 0.5, Bounds()) - NOW == timedelta(hours=24)


def test_an_overflow_halves_the_wait() -> None:
    rhythm = after(*weekdays_at(9))
    wait = next_poll_at(rhythm, PRICE, NOW, 0.5) - NOW
    half = next_poll_at(rhythm, PRICE, NOW, 0.5, overflow=True) - NOW
    assert half.total_seconds() == pytest.approx(wait.total_seconds() / 2)


@given(
    dates=st.lists(st.one_of(st.none(), moments), max_size=40),
    now=moments,
    later=st.timedeltas(timedelta(days=-400), timedelta(days=4000)),
    price=st.floats(1e-9, 1e3),
    chance=st.floats(0, 1, exclude_max=True),
    low=st.integers(1, 5000),
    high=st.integers(1, 300_000),
    floor=st.integers(0, 200_000),
    listed=st.integers(0, 1000),
    overflow=st.booleans(),
)
def test_a_poll_stays_within_its_bounds(
    dates: list[datetime | None],
    now: datetime,
    later: timedelta,
    price: float,
    chance: float,
    low: int,
    high: int,
    floor: int,
    listed: int,
    overflow: bool,
) -> None:
    rhythm = learn(Rhythm(), Sighting(dates), now)
    rhythm = learn(rhythm, Sighting(dates), now + later)
    seconds = [timedelta(seconds=s) for s in (low, high, floor)]
    bounds = Bounds(seconds[0], seconds[1], seconds[2], listed)
    wait = next_poll_at(rhythm, price, now, chance, bounds, overflow=overflow) - now
    assert max(seconds[0], seconds[2]) - timedelta(milliseconds=1) <= wait
    assert wait <= max(seconds) + timedelta(milliseconds=1)
    assert expected_delay(rhythm, price, now, bounds) >= timedelta(0)


# --- the budget ------------------------------------------------------------------------


def test_the_price_rises_when_too_much_was_asked() -> None:
    start = Price.first(24, NOW)
    price = start
    for minute in range(0, 3 * 24 * 60, 2):
        price = steer(price, NOW + timedelta(minutes=minute), 10, 24)  # 720 a day for 240
    assert price.value > 2 * start.value


def test_down_time_neither_saves_up_nor_cheapens() -> None:
    price = Price(PRICE, NOW)
    for minute in range(0, 4 * 24 * 60, 6):
        price = steer(price, NOW + timedelta(minutes=minute), 10, 24)
    back = steer(price, NOW + timedelta(days=60), 10, 24)
    assert back.value == pytest.approx(price.value, rel=0.1)
    assert back.debt == pytest.approx(price.debt, abs=0.1 * 240)


@given(st.lists(moments, max_size=30), st.integers(0, 10_000), st.floats(0, 300))
def test_no_odd_clock_or_setting_breaks_the_price(
    at: list[datetime], feeds: int, budget: float
) -> None:
    price = Price.first(budget, NOW)
    for moment in at:
        price = steer(price, moment, feeds, budget)
        assert 0 < price.value <= 1e3


# --- what it says ----------------------------------------------------------------------


def test_habits_are_said_on_the_clock_of_the_reader() -> None:
    rhythm = after(*weekdays_at(1, 5))
    habits = describe_rhythm(rhythm, ZoneInfo("Asia/Shanghai"), NOW)
    assert (habits.days, habits.hours, habits.start) == (WEEKDAYS, "around", time(9))
    assert str(habits) == "weekdays around 09:00, about 5 a week"


def test_a_zone_can_turn_a_day_into_the_next() -> None:
    mondays = [MONDAY + timedelta(weeks=w, hours=22, minutes=40) for w in range(10)]
    habits = describe_rhythm(after(*mondays), ZoneInfo("Asia/Tokyo"), NOW)
    assert str(habits) == "Tuesdays around 07:30, about once a week"


@pytest.mark.parametrize(
    ("habits", "said"),
    [
        (Habits(), "not known yet"),
        (Habits(30.0), "about 4 a day"),
        (Habits(0.5), "about 2 a month"),
        (Habits(0.02), "about once a year"),
        (Habits(6.0, hours="around", start=time(13, 30)), "daily around 13:30, about 6 a week"),
        (
            Habits(2.0, frozenset((1, 3)), "between", time(8), time(15, 30)),
            "Tuesdays and Thursdays between 08:00 and 15:30, about 2 a week",
        ),
        (Habits(1.0, quiet_for=timedelta(days=65)), "about once a week; quiet for 2 months"),
    ],
)
def test_habits_in_english(habits: Habits, said: str) -> None:
    assert str(habits) == said


def test_a_feed_that_stopped_is_called_quiet() -> None:
    rhythm = after(*weekdays_at(9))
    assert describe_rhythm(rhythm, UTC, NOW).quiet_for is None
    later = NOW + timedelta(days=40)
    assert describe_rhythm(learn(rhythm, Sighting(), later), UTC, later).quiet_for is not None


def test_the_expected_delay_follows_the_price() -> None:
    rhythm = after(*weekdays_at(9))
    delays = [expected_delay(rhythm, p, NOW) for p in (1e-5, 1e-4, 1e-3, 1e-2)]
    assert delays == sorted(delays)
    assert timedelta(minutes=1) < delays[0] < delays[3] < timedelta(hours=12)


def waits_as_defined(rates: list[float], goal: float, shortest: float, longest: float) -> float:
    """The mean wait in days, each cell of two weeks walked through; bounds in seconds."""
    posts = waited = n = a = 0.0
    since = 0
    for rate in rates * 2:
        alone = min(max(math.sqrt(2 * goal / rate), shortest / DAY), longest / DAY)
        if alone < 1 / 48 and since == 0:
            posts += rate / 48
            waited += rate / 48 * alone / 2
            continue
        a += n / 48 + rate / 48 / 48 / 2
        n += rate / 48
        since += 1
        if (a >= goal and 1800 * since >= shortest) or 1800 * since >= longest:
            posts, waited = posts + n, waited + a
            n, a, since = 0.0, 0.0, 0
    return waited / posts if posts else a / n


@given(
    st.lists(moments, max_size=40),
    st.floats(1e-7, 1.0),
    st.integers(60, 50_000),
    st.integers(60, 3_000_000),
    st.integers(0, 600 * 24),
)
def test_the_expected_delay_is_that_of_a_typical_week(
    posts: list[datetime], price: float, low: int, high: int, hours: int
) -> None:
    rhythm, now = after(*posts), NOW + timedelta(hours=hours)
    forecast = Forecast(rhythm, now.timestamp())
    factors = [math.exp(forecast.calendar(i)) for i in range(HALF_HOURS)]
    assert forecast.week() == pytest.approx(factors)
    rates = [forecast.rate * HALF_HOURS / sum(factors) * factor for factor in factors]
    bounds = Bounds(timedelta(seconds=low), timedelta(seconds=high))
    goal = price * max(forecast.rate, 0.01) ** 0.25
    days = waits_as_defined(rates, goal, bounds.shortest, bounds.longest)
    found = expected_delay(rhythm, price, now, bounds)
    assert found / timedelta(days=0.82) == pytest.approx(days, rel=1e-6, abs=1e-9)


# --- on real histories -----------------------------------------------------------------


@pytest.fixture(scope="module")
def replayed() -> dict[str, list[float]]:
    """Every sixth source over six weeks, at eight requests a feed and day."""
    sources, days = load()[::6], 42
    policies: dict[str, Policy] = {
        "planner": Planner(8),
        "floors": PlannerWithFloors(8),
        "fixed": Fixed(3 * HOUR),
        "round robin": RoundRobin(),
        "entry frequency": EntryFrequency(),
    }
    return {n: summary(replay(sources, p, days), days) for n, p in policies.items()}


def test_it_keeps_its_budget(replayed: dict[str, list[float]]) -> None:
    assert replayed["planner"][0] == pytest.approx(8, rel=0.05)
    assert replayed["floors"][0] == pytest.approx(8, rel=0.05)


def test_it_sees_posts_sooner_than_a_fixed_interval_at_equal_requests(
    replayed: dict[str, list[float]],
) -> None:
    assert replayed["planner"][1] < 0.7 * replayed["fixed"][1]
    assert replayed["planner"][5] < replayed["fixed"][5]  # and feeds gain too
    assert replayed["planner"][1] < replayed["entry frequency"][1]


def test_nobody_beats_knowing_the_future(replayed: dict[str, list[float]]) -> None:
    least, enough = clairvoyant(load()[::6], 42, 0.05)
    assert least > 0
    assert enough > 0.05
    assert clairvoyant(load()[::6], 42, 8)[0] <= replayed["planner"][1]


def test_a_decision_takes_less_than_a_millisecond_and_a_feed_a_kilobyte_or_two() -> None:
    draw = random.Random(1)
    dates = [NOW - timedelta(hours=draw.uniform(0, 2000)) for _ in range(50)]
    took = []
    rhythm = after(*dates)
    for k in range(200):
        at = NOW + timedelta(hours=k)
        begun = clocks.perf_counter()
        rhythm = learn(rhythm, Sighting([at - timedelta(minutes=7)] if k % 20 == 0 else []), at)
        next_poll_at(rhythm, PRICE, at, 0.5)
        took.append(clocks.perf_counter() - begun)
    assert statistics.median(took) < 1e-3
    parts = (rhythm, rhythm.tables, rhythm.sums, *rhythm.sums)
    assert sum(map(sys.getsizeof, parts)) < 2000


@settings(max_examples=20)
@given(st.integers(0, 335))
def test_the_factors_of_an_unknown_feed_are_even(half_hour: int) -> None:
    assert Forecast(Rhythm(), NOW.timestamp()).calendar(half_hour) == pytest.approx(0)


@given(st.lists(st.floats(60, 9e5), min_size=1, max_size=20), st.lists(moments, max_size=20))
def test_polls_that_find_nothing_need_not_be_written_down(
    gaps: list[float], dates: list[datetime]
) -> None:
    written = each = learn(Rhythm(), Sighting(dates), NOW)
    now = NOW
    for gap in gaps:
        now += timedelta(seconds=gap)
        each = learn(each, Sighting(), now)
    skipped = caught_up(written, now)
    assert skipped.tables == each.tables
    assert skipped.polled == each.polled
    assert skipped.sums == pytest.approx(each.sums)


@given(
    st.lists(st.floats(0.01, 300), min_size=1, max_size=50),
    st.floats(1, 200),
    st.floats(0, 1),
)
def test_a_lot_of_new_feeds_begins_at_a_price_that_keeps_the_budget(
    rates: list[float], budget: float, fairness: float
) -> None:
    first = Price.first(budget, NOW)
    price = calibrated(first, rates, len(rates), budget, fairness=fairness)
    dearer = calibrated(first, [10 * r for r in rates], len(rates), budget, fairness=fairness)
    assert price.value <= dearer.value * 1.001
    waits = [math.sqrt(2 * price.value * max(r, 0.01) ** fairness / r) for r in rates]
    asked = sum(1 / min(max(wait, 5 / 1440), 1) for wait in waits)
    assert asked <= budget * len(rates) * 1.01


def test_a_price_that_was_found_by_experience_is_left_alone() -> None:
    found = Price(0.5, NOW, requests=24, due=24, debt=0)
    assert calibrated(found, [100.0], 1, 24) == found
    assert calibrated(Price(0.5, NOW), [], 1, 24) == Price(0.5, NOW)
