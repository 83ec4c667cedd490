"""No minute ever sees more messages than a service takes, and none waits without need."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.pace import Pace


def spoken(pace: Pace, arrivals: list[float]) -> list[float]:
    """Return when each message goes out, if each goes as soon as it may."""
    now, sent = 0.0, []
    for arrival in arrivals:
        now = max(now, arrival)
        now += pace.wait(now)
        pace = pace.spent(now)
        sent.append(now)
    return sent


@given(
    st.integers(1, 120),
    st.lists(st.floats(0, 200), min_size=1, max_size=150).map(sorted),
)
def test_no_minute_sees_more_than_it_may(per_minute: int, arrivals: list[float]) -> None:
    sent = spoken(Pace.of(per_minute, 0.0), arrivals)
    for start in sent:
        within = sum(start <= moment < start + 59.99 for moment in sent)
        # One a minute is the one case in which a burst of one and the flow add up to two.
        assert within <= max(per_minute, 2)


@pytest.mark.parametrize(
    ("per_minute", "at_once", "every"),
    [(60, 5, 60 / 55), (20, 5, 4.0), (12, 3, 60 / 9), (5, 1, 15)],
)
def test_a_few_go_at_once_and_the_rest_in_an_even_flow(
    per_minute: int, at_once: int, every: float
) -> None:
    sent = spoken(Pace.of(per_minute, 0.0), [0.0] * (at_once + 3))
    assert sent[:at_once] == [0.0] * at_once
    assert sent[at_once:] == pytest.approx([every, 2 * every, 3 * every])


def test_where_a_burst_is_welcome_it_goes_at_once_and_the_flow_follows() -> None:
    sent = spoken(Pace.of(12, 0.0, burst=60), [0.0] * 62 + [1000.0] * 61)
    assert sent[:60] == [0.0] * 60
    assert sent[60:62] == pytest.approx([5.0, 10.0])
    assert sent[62:122] == [1000.0] * 60
    assert sent[122] == pytest.approx(1005.0)


def test_without_a_limit_nobody_waits() -> None:
    assert spoken(Pace(), [0.0] * 50) == [0.0] * 50


def test_a_pause_fills_the_bucket_again_and_no_further() -> None:
    sent = spoken(Pace.of(20, 0.0), [0.0] * 5 + [1000.0] * 6)
    assert sent[5:10] == [1000.0] * 5
    assert sent[10] == pytest.approx(1004.0)
