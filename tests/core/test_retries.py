"""What an attempt means for its delivery and its channel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.core.retries import LONGEST_RETRY, RetrySettings, Verdict, judge, wait_after

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def verdict(
    outcome: SendOutcome, *, attempts: int = 1, since: datetime | None = None, failures: int = 0
) -> Verdict:
    return judge(
        outcome,
        attempts=attempts,
        failing_since=since,
        channel_failures=failures,
        now=NOW,
        chance=0.5,
        settings=RetrySettings(),
    )


@pytest.mark.parametrize(
    ("outcome", "state", "failures"),
    [
        (Sent("ok"), "sent", 0),
        (Refused("550"), "dead", 0),
        (Broken("535"), "parked", 3),
        (TryAgain("421"), "due", 3),
        (Unknown("reset"), "due", 3),
    ],
)
def test_each_outcome_has_its_state(outcome: SendOutcome, state: str, failures: int) -> None:
    got = verdict(outcome, failures=2)
    assert (got.state, got.channel_failures) == (state, failures)


def test_a_services_wish_is_obeyed_exactly() -> None:
    got = verdict(TryAgain("429", timedelta(seconds=17)), attempts=9, failures=9)
    assert got.due_at == got.resume_at == NOW + timedelta(seconds=17)


def test_an_absurd_wish_is_bounded_to_a_day() -> None:
    got = verdict(TryAgain("429", timedelta(days=400)))
    assert got.due_at == NOW + timedelta(days=1)


def test_it_is_given_up_after_a_week_of_failing_and_not_before() -> None:
    week = timedelta(days=7)
    assert verdict(TryAgain("421"), since=NOW - week).state == "dead"
    assert verdict(TryAgain("421"), since=NOW - week).outcome == "given up"
    assert verdict(TryAgain("421"), since=NOW - week + timedelta(seconds=1)).state == "due"


@given(st.integers(-5, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_double_up_to_an_hour_with_a_fifth_of_jitter(failures: int, chance: float) -> None:
    first = timedelta(seconds=10)
    wait = wait_after(failures, first, chance)
    doubled = min(first * 2 ** min(max(failures, 1) - 1, 20), LONGEST_RETRY)
    assert doubled * 0.79 <= wait <= doubled * 1.21
