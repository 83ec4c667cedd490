"""The same story in several feeds is one story, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.likeness import alike
from digestd.core.models import Entry, Feed
from digestd.core.stories import Member, Stories, bundle
from tests.core.test_selection import NOW, entry, feed

ONE, TWO, THREE = feed(1), feed(2), feed(3)
STORY = "<p>The committee decided on Tuesday that the old bridge over the river stays open.</p>"


def post(
    number: int, of: Feed, title: str, link: str = "", content: str = STORY, hours: float = 1
) -> Member:
    made = entry(number, of, hours, content)
    return replace(made, title=title, link=link or f"https://{of.id}.example/{number}"), of


def ids(stories: Stories) -> list[int]:
    return [e.id for e, _ in stories.shown]


def test_one_page_in_three_feeds_is_shown_once_by_its_own_site() -> None:
    page = "https://f2.example/story"
    members = [
        post(1, ONE, "Seen elsewhere", "http://www.f2.example/story/?utm_source=a"),
        post(2, TWO, "The story", page),
        post(3, THREE, "Look at this", page + "#comments"),
        post(4, THREE, "Another", "https://f2.example/other"),
    ]
    stories = bundle(members)
    assert ids(stories) == [2, 4]
    assert [e.id for e, _ in stories.also[2]] == [1, 3]


def test_a_front_page_is_no_story() -> None:
    members = [post(n, f, f"t{n}", "https://x.example/") for n, f in enumerate((ONE, TWO, THREE))]
    assert len(bundle(members).shown) == 3


def test_a_link_that_a_feed_repeats_is_where_it_lives() -> None:
    live = "https://x.example/live"
    members = [post(1, ONE, "a", live), post(2, ONE, "b", live), post(3, TWO, "c", live)]
    assert len(bundle(members).shown) == 3


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Old bridge over the river stays open", "Old bridge over the river stays open", True),
        ("Old bridge over the river stays open", "Old bridge over the river to stay open", True),
        ("老桥将继续通车，委员会周二决定", "委员会周二决定：老桥将继续通车", True),
        ("Old bridge over the river stays open", "New tunnel under the hill is closed", False),
        ("bowline 3.0.1", "bilge 3.0.1", False),
        ("Tool 1.2.3 was released today", "Tool 1.2.4 was released today", False),
        ("线性代数讲义第三章：正交投影", "线性代数讲义第四章：正交投影", False),
        ("News", "News", False),
    ],
)
def test_what_is_alike_is_one_story(first: str, second: str, same: bool) -> None:
    assert alike(post(1, ONE, first)[0], post(2, TWO, second)[0]) is same


def test_the_same_title_over_other_texts_is_another_story() -> None:
    other = "<p>A recipe for bread with three kinds of flour, and how to keep it fresh.</p>"
    one, two = post(1, ONE, "What I read this week"), post(2, TWO, "What I read this week")
    three = post(3, THREE, "What I read this week", content=other)
    assert alike(one[0], two[0])
    assert not alike(one[0], three[0])


def test_likeness_ends_after_two_days() -> None:
    title = "Old bridge over the river stays open"
    near = [post(1, ONE, title), post(2, TWO, title, hours=48)]
    far = [post(1, ONE, title), post(2, TWO, title, hours=50)]
    assert ids(bundle(near, alike)) == [1]
    assert len(bundle(far, alike).shown) == 2
    assert len(bundle(near).shown) == 2  # only where its owner asks for it


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4), st.integers(0, 80)), max_size=30))
def test_no_entry_is_lost_and_a_feed_tells_a_story_once(
    arrivals: list[tuple[int, int, int]],
) -> None:
    members = [
        post(i, feed(pk), f"story number {page} of all", f"https://p.example/{page}", hours=hours)
        for i, (pk, page, hours) in enumerate(arrivals)
    ]

    def same(one: Entry, other: Entry) -> bool:
        assert abs(one.dated_at - other.dated_at) <= timedelta(hours=48)
        return one.title == other.title

    for stories in (bundle(members), bundle(members, same)):
        told = [m for first in stories.shown for m in (first, *stories.also.get(first[0].id, ()))]
        assert sorted(e.id for e, _ in told) == list(range(len(members)))
        for first in stories.shown:
            feeds = [f.pk for _, f in (first, *stories.also.get(first[0].id, ()))]
            assert len(feeds) == len(set(feeds))
    assert all(m[0].dated_at <= NOW for m in members)
