from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.identity import (
    KEY_BYTES,
    clamp_date,
    content_fingerprint,
    entry_keys,
    first_keys,
    fresh_entries,
    lookup_keys,
    sort_out,
    undecided,
    without_guid,
)
from digestd.core.parsed import Enclosure, ParsedEntry

DAY = datetime(2024, 5, 3, tzinfo=UTC)


def entry(
    guid: str | None = None,
    link: str | None = None,
    title: str = "T",
    text: str = "",
    day: int | None = None,
) -> ParsedEntry:
    date = None if day is None else DAY + timedelta(days=day)
    return ParsedEntry(guid=guid, link=link, title=title, content_html=text, published_at=date)


class Seen:
    """The recorded keys of one feed, in the order of its fetches."""

    def __init__(self) -> None:
        self.keys: set[bytes] = set()

    def fetch(self, *entries: ParsedEntry) -> list[ParsedEntry]:
        fresh = fresh_entries(entries, self.keys)
        for found in fresh:
            self.keys.update(found.keys)
        return [found.entry for found in fresh]


# --- the law ---------------------------------------------------------------------------


def test_a_guid_decides_alone() -> None:
    seen = Seen()
    first = entry("1", "https://a.example/old", "Old", "<p>old</p>", day=0)
    assert seen.fetch(first) == [first]
    assert seen.fetch(entry("1", "https://a.example/new", "New", "<p>new</p>", day=1)) == []


def test_a_link_shared_by_several_guids_does_not_merge_them() -> None:
    seen = Seen()
    both = [entry("1", "https://a.example/"), entry("2", "https://a.example/")]
    assert seen.fetch(*both) == both
    third = entry("3", "https://a.example/")
    assert seen.fetch(*both, third) == [third]


def test_guids_that_repeat_are_not_trusted() -> None:
    seen = Seen()
    both = [entry("x", "https://a.example/1"), entry("x", "https://a.example/2")]
    assert seen.fetch(*both) == both
    assert seen.fetch(*both) == []
    # nor later, when such an entry comes alone
    third = entry("x", "https://a.example/3")
    assert seen.fetch(third) == [third]
    assert seen.fetch(both[0]) == []


def test_an_entry_stays_known_when_its_guid_turns_out_to_repeat() -> None:
    seen = Seen()
    first, second = entry("x", "https://a.example/1"), entry("x", "https://a.example/2")
    assert seen.fetch(first) == [first]
    assert seen.fetch(second, first) == [second]


def test_entries_of_one_guid_and_link_are_told_apart_by_title_and_date() -> None:
    seen = Seen()
    reports = [entry("x", "https://a.example/", "Report", day=n) for n in range(3)]
    assert seen.fetch(*reports[:2]) == reports[:2]
    assert seen.fetch(*reports) == reports[2:]


def test_entries_that_agree_in_everything_count_once() -> None:
    assert len(Seen().fetch(entry("1", text="<p>a</p>"), entry("1", text="<div>a</div>"))) == 1


@pytest.mark.parametrize("guid", [None, "", "  "])
def test_an_empty_guid_is_no_guid(guid: str | None) -> None:
    seen = Seen()
    both = [entry(guid, "https://a.example/1"), entry(guid, "https://a.example/2")]
    assert seen.fetch(*both) == both
    assert seen.fetch(entry(guid, "https://a.example/1", "Edited title", "<p>edited</p>")) == []


@pytest.mark.parametrize(
    "moved",
    [
        "https://a.example/post",
        "http://A.Example:80/post/?utm_source=rss&utm_medium=feed",
        "https://a.example/post/#comments",
        "https://a.example:443/post?fbclid=x",
    ],
)
def test_a_link_is_the_same_over_https_and_with_tracking(moved: str) -> None:
    seen = Seen()
    assert len(seen.fetch(entry(None, "http://a.example/post/"))) == 1
    assert seen.fetch(entry(None, moved)) == []


def test_fragments_of_a_changelog_are_entries() -> None:
    seen = Seen()
    first, second = (entry(None, f"https://a.example/log#v{n}", f"v{n}") for n in range(2))
    assert seen.fetch(first) == [first]
    assert seen.fetch(second) == [second]


def test_links_that_all_point_home_are_not_trusted() -> None:
    seen = Seen()
    posts = [entry(None, "https://a.example/", f"Post {n}", day=n) for n in range(3)]
    assert seen.fetch(*posts[:2]) == posts[:2]
    assert seen.fetch(posts[2]) == [posts[2]]


def test_without_guid_and_link_title_and_date_decide_then_the_text() -> None:
    seen = Seen()
    dated = entry(title="A", text="<p>x</p>", day=0)
    assert seen.fetch(dated) == [dated]
    assert seen.fetch(replace(dated, content_html="<p>edited</p>")) == []
    bare = entry(title="A", text="<p>x</p>")
    assert seen.fetch(bare) == [bare]
    assert seen.fetch(replace(bare, content_html="<div>x</div>")) == []
    assert len(seen.fetch(replace(bare, content_html="<p>other</p>"))) == 1


def test_entries_that_differ_in_their_file_alone_are_two() -> None:
    first = replace(entry(), enclosures=(Enclosure("https://a.example/1.mp3"),))
    assert (
        len(Seen().fetch(first, replace(first, enclosures=(Enclosure("https://a.example/2.mp3"),))))
        == 2
    )


# --- properties ------------------------------------------------------------------------

_ENTRIES = st.lists(
    st.builds(
        entry,
        st.sampled_from([None, "", "1", "2", "https://a.example/1"]),
        st.sampled_from(
            [None, "https://a.example/1", "http://a.example/1/", "https://a.example/2"]
        ),
        st.sampled_from(["", "A", "B"]),
        st.sampled_from(["", "<p>a</p>", "<p>b</p>"]),
        st.sampled_from([None, 0, 1]),
    ),
    max_size=8,
)


@given(st.lists(_ENTRIES, max_size=3), _ENTRIES, st.data())
def test_a_recorded_document_has_nothing_new(
    before: list[list[ParsedEntry]], document: list[ParsedEntry], data: st.DataObject
) -> None:
    seen = Seen()
    for earlier in before:
        seen.fetch(*earlier)
    seen.fetch(*document)
    shuffled: Sequence[ParsedEntry] = data.draw(st.permutations(document))
    part = shuffled[: data.draw(st.integers(0, len(shuffled)))]
    assert seen.fetch(*shuffled) == []
    assert seen.fetch(*part) == []


@given(_ENTRIES, st.data())
def test_what_is_new_does_not_depend_on_order(
    document: list[ParsedEntry], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(document))

    def keys(entries: Sequence[ParsedEntry]) -> set[bytes]:
        return {found.keys[0] for found in fresh_entries(entries, set())}

    assert keys(document) == keys(shuffled)


@given(_ENTRIES)
def test_of_entries_with_good_guids_none_is_lost(document: list[ParsedEntry]) -> None:
    unique = [replace(e, guid=f"guid-{n}") for n, e in enumerate(document)]
    assert Seen().fetch(*unique) == unique


@given(_ENTRIES, st.lists(_ENTRIES, max_size=3))
def test_the_looked_up_keys_are_all_that_is_asked_for(
    document: list[ParsedEntry], before: list[list[ParsedEntry]]
) -> None:
    seen = Seen()
    for earlier in before:
        seen.fetch(*earlier)
    known = seen.keys & lookup_keys(document)
    assert fresh_entries(document, known) == fresh_entries(document, seen.keys)


@given(_ENTRIES, st.lists(_ENTRIES, max_size=3))
def test_of_what_is_known_by_its_lowest_rung_no_more_need_be_asked(
    document: list[ParsedEntry], past: list[list[ParsedEntry]]
) -> None:
    seen = Seen()
    for before in past:
        seen.fetch(*before)
    known = seen.keys & first_keys(document)
    known |= seen.keys & lookup_keys(undecided(document, known))
    assert sort_out(document, known) == sort_out(document, seen.keys)


def test_keys_are_short_and_never_collide_by_kind() -> None:
    url = "https://a.example/1"
    by_guid, by_link = entry_keys(entry(url)), entry_keys(entry(None, url))
    assert {len(key) for key in (*by_guid, *by_link)} == {KEY_BYTES}
    assert not set(by_guid) & set(by_link)


# --- edits -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>a b</p><p>c</p>", "<div>c</div><div>a b</div>"),
        ("un<b>believ</b>able", "unbelievable"),
        ("<a href='https://a.example/?utm_source=x'>a</a>", "<a href='https://a.example/'>a</a>"),
        ("<p>x</p><p>12 comments</p>", "<p>x</p><p>1,300 Comments</p>"),
        ("Views: 17. Text", "Views: 18. Text"),
        ("正文 阅读（12）", "正文 阅读（99）"),
        ("发布于3小时前", "发布于5小时前"),
        ("posted 2 hours ago", "posted 3 days ago"),
        ("a&amp;b", "a&#38;b"),
    ],
)
def test_no_edit_that_matters(before: str, after: str) -> None:
    assert content_fingerprint(entry(text=before)) == content_fingerprint(entry(text=after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>costs 5 €</p>", "<p>costs 6 €</p>"),
        ("<p>a</p>", "<p>a</p><p>Update: b</p>"),
        ("it is so", "it is not so"),
        ("在 3 月", "在 4 月"),
        ("version 1.2", "version 1.3"),
    ],
)
def test_an_edit_that_matters(before: str, after: str) -> None:
    assert content_fingerprint(entry(text=before)) != content_fingerprint(entry(text=after))


def test_a_new_title_is_an_edit() -> None:
    assert content_fingerprint(entry(title="A 1")) != content_fingerprint(entry(title="A 2"))


@pytest.mark.parametrize("text", ["1" * 1_000_000, "<" * 1_000_000, "1 " * 500_000])
def test_a_fingerprint_is_cheap(text: str) -> None:
    started = datetime.now(UTC)
    content_fingerprint(entry(text=text))
    assert datetime.now(UTC) - started < timedelta(seconds=2)


# --- dates -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("published", "clamped"),
    [
        (None, None),
        (datetime(1970, 1, 1, tzinfo=UTC), None),
        (datetime(9999, 12, 31, tzinfo=UTC), None),
        (datetime(1, 1, 1, tzinfo=UTC), None),
        (DAY - timedelta(days=1), DAY - timedelta(days=1)),
        (DAY, DAY),
        (DAY + timedelta(minutes=5), DAY),
        (DAY + timedelta(hours=8), None),
        (datetime(1995, 1, 1, tzinfo=UTC), datetime(1995, 1, 1, tzinfo=UTC)),
    ],
)
def test_dates_that_cannot_be_true_are_none(
    published: datetime | None, clamped: datetime | None
) -> None:
    assert clamp_date(published, DAY) == clamped


# --- entries of which only the beginning was read ----------------------------------------


def test_an_unread_entry_is_known_whatever_it_says() -> None:
    glanced = replace(entry("g", text=""), unread=True)
    (fresh,) = fresh_entries([glanced], set())
    seen = set(fresh.keys)
    assert content_fingerprint(glanced) is None
    assert fresh_entries([glanced], seen) == ()
    assert fresh_entries([entry("g", text="all of it")], seen & lookup_keys([entry("g")])) == ()
    # Its guid is given to another post: the two are told apart, and it is still known.
    twice = [entry("g", "https://example.org/new", title="New"), entry("g", text="all of it")]
    assert [f.entry.title for f in fresh_entries(twice, seen & lookup_keys(twice))] == ["New"]


def test_a_ladder_that_is_known_is_not_climbed_again() -> None:
    known = replace(entry("g"), ladder=(b"k" * 16,))
    assert entry_keys(known) == (b"k" * 16,)
    (without,) = without_guid([known])
    assert entry_keys(without) == entry_keys(entry(None))
