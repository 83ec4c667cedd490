"""What a digest shows: order, folding, the ladder of detail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from digestd.core.models import Entry, Feed
from digestd.core.selection import (
    LADDER,
    Group,
    Member,
    Plan,
    Rung,
    estimate,
    first_rung,
    parts,
    select,
)

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PLAIN, PLAN = LADDER[3], Plan()


def feed(pk: int, gap_hours: float = 24) -> Feed:
    return Feed(
        pk=pk, id=f"f{pk}", url=f"https://f{pk}.example/", recent_gaps=(gap_hours * 3600,) * 4
    )


def entry(number: int, of: Feed, hours_ago: float = 1, content: str = "<p>text</p>") -> Entry:
    return Entry(
        id=number,
        feed_pk=of.pk,
        revision=1,
        guid=None,
        link=None,
        title=f"title {number}",
        title_html="",
        content_html=content,
        summary_html="",
        author="",
        categories=(),
        published_at=NOW - timedelta(hours=hours_ago),
        updated_at=None,
        seen_at=NOW,
        first_fetch=False,
    )


def whose(group: Group) -> int:
    assert group.feed is not None
    return group.feed.pk


def many(of: Feed, count: int, start: int = 0) -> list[Member]:
    return [(entry(start + i, of, i), of) for i in range(count)]


def test_rare_feeds_come_first_then_those_with_the_newest_entry() -> None:
    busy, daily, older, rare = feed(1, 1), feed(2, 24), feed(3, 24), feed(4, 24 * 9)
    members = [
        (entry(1, busy, 0.1), busy),
        (entry(2, older, 9), older),
        (entry(3, daily, 3), daily),
        (entry(4, rare, 20), rare),
    ]
    groups = select(members, PLAIN, PLAN).groups
    assert [whose(group) for group in groups] == [4, 2, 3, 1]


def test_the_newest_entry_of_a_feed_comes_first() -> None:
    one = feed(1)
    groups = select([(entry(1, one, 5), one), (entry(2, one, 2), one)], PLAIN, PLAN).groups
    assert [e.id for e in groups[0].entries] == [2, 1]


def test_a_busy_feed_is_folded_and_buries_nobody() -> None:
    busy, rare = feed(1, 0.5), feed(2, 200)
    members = many(busy, 60) + many(rare, 1, 100)
    first, second = select(members, PLAIN, PLAN).groups
    assert whose(first) == rare.pk
    assert (len(second.told), len(second.listed), len(second.folded)) == (3, 14, 43)


def test_nobody_reads_and_one_more() -> None:
    one, other = feed(1), feed(2)
    members = many(one, PLAIN.told + PLAIN.listed + 1) + many(other, 1, 100)
    groups = select(members, PLAIN, PLAN).groups
    assert all(not group.folded for group in groups)


def test_a_feed_alone_takes_the_room() -> None:
    (group,) = select(many(feed(1, 1), 20), PLAIN, PLAN).groups
    assert len(group.told) == 12


def test_a_feed_s_own_level_goes_before() -> None:
    one, other = feed(1), feed(2)
    members = many(one, 2) + many(other, 2, 10)
    told = {
        whose(group): len(group.told)
        for group in select(members, PLAIN, Plan("full", {1: "title"})).groups
    }
    assert told == {1: 0, 2: 2}


def test_what_little_room_there_is_is_shared_out_fairly() -> None:
    feeds = [feed(pk) for pk in range(1, 5)]
    members = [m for i, of in enumerate(feeds) for m in many(of, 5, i * 10)]
    groups = select(members, Rung(excerpt=100, told=3, listed=5, in_all=6), PLAN).groups
    assert sorted(len(group.told) for group in groups) == [1, 1, 2, 2]


def test_one_long_entry_of_a_rare_feed_leads() -> None:
    rare, daily = feed(1, 100), feed(2, 24)
    long = entry(1, rare, content="<p>" + "word " * 500 + "</p>")
    members = [(long, rare), *many(daily, 3, 10)]
    assert select(members, PLAIN, PLAN).lead == 1
    assert select(many(daily, 5), PLAIN, PLAN).lead is None


def test_the_ladder_begins_where_it_should_fit() -> None:
    one = feed(1)
    few = many(one, 2)
    assert first_rung(few, PLAN, 90_000) == 3
    assert first_rung(few, Plan("full"), 90_000) == 0
    crowd = [m for pk in range(1, 400) for m in many(feed(pk), 6, pk * 100)]
    assert LADDER[first_rung(crowd, PLAN, 90_000)].excerpt == 0


def test_every_rung_is_smaller_than_the_one_before() -> None:
    crowd = [m for pk in range(1, 120) for m in many(feed(pk), 30, pk * 100)]
    sizes = [estimate(select(crowd, rung, PLAN), PLAN) for rung in LADDER[3:]]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0] / 10


@given(
    st.lists(st.tuples(st.integers(1, 12), st.floats(0, 500)), max_size=60),
    st.sampled_from(LADDER),
    st.sampled_from(["excerpt", "full", "title"]),
)
def test_nothing_is_lost_and_nothing_twice(
    arrivals: list[tuple[int, float]], rung: Rung, level: str
) -> None:
    members = [
        (entry(i, feed(pk, pk * 7), hours), feed(pk, pk * 7))
        for i, (pk, hours) in enumerate(arrivals)
    ]
    selection = select(members, rung, Plan(level))  # type: ignore[arg-type]  # drawn from its values
    assert sorted(e.id for e in selection.entries) == list(range(len(members)))


def test_tags_are_headings_and_none_is_none() -> None:
    one, two, three = feed(1), feed(2, 200), feed(3, 1)
    members = many(one, 2) + many(two, 1, 10) + many(three, 40, 100)
    tagged = select(members, PLAIN, Plan(grouping="tag", tags={1: "science", 2: "science"}))
    assert [group.tag for group in tagged.groups] == ["science", ""]
    assert [e.id for e in tagged.groups[0].told] == [10, 0, 1]  # rare feeds first, then newest
    (group,) = select(members, PLAIN, Plan(grouping="none")).groups
    assert [e.id for e in group.told[:4]] == [10, 0, 1, 100]
    [fold] = group.folds  # one noisy feed buries nobody here either
    assert (fold.feed.pk, len(fold.entries)) == (3, 40 - 3 - 14)


@given(st.integers(1, 400), st.integers(1, 4), st.sampled_from(["feed", "tag", "none"]))
def test_parts_hold_everything_once_and_fit(feeds: int, each: int, grouping: str) -> None:
    members = [m for pk in range(1, feeds + 1) for m in many(feed(pk), each, pk * 100)]
    tags = {pk: f"tag {pk % 5}" for pk in range(1, feeds + 1)}
    plan = Plan(grouping=grouping, tags=tags)  # type: ignore[arg-type]  # drawn from its values
    selection = select(members, LADDER[-1], plan)
    budget = 20_000
    split = parts(selection, plan, budget)
    assert [e.id for part in split for g in part.groups for e in g.told + g.listed] == [
        e.id for g in selection.groups for e in g.told + g.listed
    ]
    assert [e for part in split for g in part.groups for e in g.folded] == [
        e for g in selection.groups for e in g.folded
    ]
    assert all(estimate(part, plan) <= budget + 500 for part in split)
