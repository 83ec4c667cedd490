"""How late we were, in figures that mean something."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from digestd.core.latency import Latency, Passage, Quantiles, delay_of, latency
from tests.support.nouns import NOW

SECOND = timedelta(seconds=1)


def seen_after(span: timedelta, feed: int = 1, told: timedelta | None = None) -> Passage:
    return Passage(feed, NOW - span, NOW, None if told is None else NOW + told)


def test_median_and_ninety_per_cent_of_all_and_of_each_feed() -> None:
    posts = [seen_after(n * SECOND, told=SECOND) for n in range(1, 11)]
    whole, each = latency([*posts, seen_after(100 * SECOND, 2)])
    assert whole.seen == Quantiles(11, 6 * SECOND, 10 * SECOND)
    assert whole.accepted == Quantiles(10, SECOND, SECOND)
    assert each[1].seen == Quantiles(10, 5 * SECOND, 9 * SECOND)
    assert each[2] == Latency(Quantiles(1, 100 * SECOND, 100 * SECOND), None)


def test_without_posts_there_are_no_figures() -> None:
    assert latency([]) == (Latency(), {})


@pytest.mark.parametrize(
    ("published", "delay"),
    [
        pytest.param(NOW - timedelta(minutes=3), timedelta(minutes=3), id="as-it-is"),
        pytest.param(NOW + SECOND, timedelta(0), id="a-clock-that-is-fast"),
        pytest.param(None, None, id="no-date"),
        pytest.param(NOW.replace(hour=0), None, id="the-day-alone"),
        pytest.param(NOW - timedelta(days=30), None, id="back-dated"),
    ],
)
def test_a_date_that_does_not_tell_is_left_out(
    published: datetime | None, delay: timedelta | None
) -> None:
    assert delay_of(published, NOW) == delay
