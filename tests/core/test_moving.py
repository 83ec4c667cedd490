"""New addresses and titles are believed once they have lasted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digestd.core.models import Feed, Watch
from digestd.core.moving import (
    ADOPTED_AFTER,
    after_failure,
    after_good_fetch,
    is_taken_over,
)
from tests.support.nouns import NOW, URL

FEED = Feed(pk=1, id="f", url=URL, title="Old", baseline_at=NOW)
NEW = "https://new.example/feed"


def test_an_address_is_adopted_after_several_good_fetches() -> None:
    feed = FEED
    for _ in range(ADOPTED_AFTER):
        assert feed.address == URL
        feed = after_good_fetch(feed, NEW, "Old")
    assert feed.address == NEW
    assert feed.url == URL


def test_a_redirect_that_does_not_last_is_forgotten() -> None:
    feed = after_good_fetch(after_good_fetch(FEED, NEW, None), NEW, None)
    feed = after_good_fetch(feed, None, None)
    feed = after_good_fetch(feed, NEW, None)
    assert feed.address == URL


def test_an_adopted_address_that_fails_gives_way_to_its_owners() -> None:
    moved = replace(FEED, watch=Watch(moved_to=NEW))
    assert after_failure(replace(moved, failures=1)).address == NEW
    assert after_failure(replace(moved, failures=3)).address == URL


def test_no_password_is_kept_with_an_address() -> None:
    feed = FEED
    for _ in range(ADOPTED_AFTER):
        feed = after_good_fetch(feed, "https://me:secret@new.example/feed", None)
    assert feed.address == NEW


def test_a_way_back_home_is_the_owners_address() -> None:
    feed = replace(FEED, watch=Watch(moved_to=NEW))
    for _ in range(ADOPTED_AFTER):
        feed = after_good_fetch(feed, URL, None)
    assert feed.watch.moved_to == ""


def test_a_title_is_adopted_after_several_good_fetches() -> None:
    feed = FEED
    for _ in range(ADOPTED_AFTER):
        assert feed.title == "Old"
        feed = after_good_fetch(feed, None, "New")
    assert feed.title == "New"


def test_the_first_title_is_believed_at_once() -> None:
    assert after_good_fetch(replace(FEED, title=""), None, "First").title == "First"


@pytest.mark.parametrize("titles", [["New", "Old", "New", "Newer"], ["", "", "", ""]])
def test_a_title_that_wavers_changes_nothing(titles: list[str]) -> None:
    feed = FEED
    for title in titles:
        feed = after_good_fetch(feed, None, title)
    assert feed.title == "Old"


def test_another_title_with_nothing_known_is_a_takeover() -> None:
    assert is_taken_over(FEED, "Casino", overlaps=False)
    assert not is_taken_over(FEED, "Casino", overlaps=True)
    assert not is_taken_over(FEED, "Old", overlaps=False)
    assert not is_taken_over(replace(FEED, baseline_at=None), "Any", overlaps=False)
