"""News, or old posts that changed beyond recognition?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from digestd.core.flood import is_flood
from digestd.core.parsed import ParsedEntry
from digestd.core.recognition import Known
from tests.support.nouns import NOW, parsed

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def listed(count: int, *, days_ago: float | None) -> list[ParsedEntry]:
    date = None if days_ago is None else NOW - timedelta(days=days_ago)
    return [parsed(f"{days_ago} {n}", published_at=date) for n in range(count)]


def judged(
    fresh: list[ParsedEntry],
    known: list[ParsedEntry],
    *,
    since: timedelta = HOUR,
    a_day: int = 0,
    known_first: bool = False,
) -> bool:
    document = [*known, *fresh] if known_first else [*fresh, *known]
    brought = [Known(n, None, None, "", None, NOW - n * DAY / a_day) for n in range(a_day * 20)]
    return is_flood(fresh, document, brought, last_ok_at=NOW - since, now=NOW)


def test_old_posts_by_the_dozen_are_held() -> None:
    assert judged(listed(20, days_ago=90), [])
    assert judged(listed(90, days_ago=90), listed(10, days_ago=1))


def test_a_batch_without_dates_is_held() -> None:
    assert judged(listed(20, days_ago=None), [])
    assert judged(listed(20, days_ago=None), listed(5, days_ago=None), known_first=True)


@pytest.mark.parametrize("days_ago", [0, 1.5])
def test_recent_posts_are_news_however_many(days_ago: float) -> None:
    assert not judged(listed(50, days_ago=days_ago), [])


def test_what_was_posted_while_nobody_looked_is_news() -> None:
    assert not judged(listed(50, days_ago=20), [], since=timedelta(days=30))
    assert not judged(listed(50, days_ago=None), [], since=timedelta(days=30), a_day=1)


def test_undated_news_stands_before_what_is_known() -> None:
    assert not judged(listed(20, days_ago=None), listed(5, days_ago=None))


@pytest.mark.parametrize(("fresh", "known"), [(4, 0), (10, 10)])
def test_a_few_are_no_flood(fresh: int, known: int) -> None:
    assert not judged(listed(fresh, days_ago=90), listed(known, days_ago=1))


def test_a_first_fetch_is_no_flood() -> None:
    document = listed(20, days_ago=90)
    assert not is_flood(document, document, (), last_ok_at=None, now=NOW)


def test_titles_that_come_back_make_new_dates_doubtful() -> None:
    again = [parsed(f"x{n}", title=f"Title {n}", published_at=NOW) for n in range(6)]
    gone = [Known(n, f"{n}", None, f"title {n}", NOW - DAY, NOW - DAY) for n in range(6)]
    before = NOW - DAY
    assert not is_flood(again, again, gone, last_ok_at=before, now=NOW)  # so it was yesterday
    silent = [replace(known, first_fetch=True) for known in gone]
    assert is_flood(again, again, silent, last_ok_at=before, now=NOW)
    assert not is_flood(again[:1], again, silent, last_ok_at=before, now=NOW)
