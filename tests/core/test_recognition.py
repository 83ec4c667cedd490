"""Posts that come back under another name, and those that only look like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.identity import clamp_date, content_fingerprint
from digestd.core.parsed import Enclosure, ParsedEntry
from digestd.core.recognition import WORDY, Known, Memory, Recognised, recognise
from tests.support.nouns import NOW

EXACT = NOW - timedelta(days=1, minutes=7, seconds=3)
TEXT = "<p>As long a text as posts have, so that mere chance makes no two of them agree.</p>"


def post(
    guid: str | None,
    path: str = "/a",
    title: str = "A title",
    *,
    published_at: datetime | None = None,
    content_html: str = "",
    file: str = "",
) -> ParsedEntry:
    return ParsedEntry(
        guid=guid,
        link=f"https://example.org{path}" if path else None,
        title=title,
        published_at=published_at,
        content_html=content_html,
        enclosures=(Enclosure(file),) if file else (),
    )


class Store:
    """What the store would remember, over several fetches."""

    def __init__(self) -> None:
        self.keys: dict[bytes, int] = {}
        self.known: dict[int, Known] = {}

    def fetch(self, *entries: ParsedEntry, trust_guids: bool = True) -> Recognised:
        found = recognise(
            entries, Memory(self.keys, tuple(self.known.values())), trust_guids=trust_guids
        )
        for fresh in found.fresh:
            self._add(len(self.known) + 1, fresh.entry, fresh.keys)
        for renamed in found.renamed:
            self._add(renamed.known.id, renamed.entry, renamed.keys)
        return found

    def new(self, *entries: ParsedEntry, trust_guids: bool = True) -> list[ParsedEntry]:
        return [one.entry for one in self.fetch(*entries, trust_guids=trust_guids).fresh]

    def _add(self, number: int, entry: ParsedEntry, keys: Sequence[bytes]) -> None:
        self.known[number] = Known(
            number,
            entry.guid,
            entry.link,
            entry.title,
            clamp_date(entry.published_at, NOW),
            NOW,
            fingerprint=content_fingerprint(entry),
            wordy=len(entry.content_html) >= WORDY,
            files=frozenset(enclosure.url for enclosure in entry.enclosures),
        )
        for key in keys:
            self.keys.setdefault(key, number)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (post("1"), post("2")),
        (post("1", published_at=EXACT), post("2", title="Retitled", published_at=EXACT)),
        (post("1", "/2024/a", published_at=EXACT), post("2", "/b", published_at=EXACT)),
        (
            post("1", "/p?id=1", "A title of some length", content_html=TEXT),
            post("2", "/blog/a", "A title of some length", content_html=TEXT),
        ),
        (post("1"), replace(post("2"), link="https://moved.example/a")),
        (post("1", published_at=EXACT), post("2", published_at=NOW)),  # dated at each fetch
        (post(None, published_at=EXACT), post("1", title="Retitled", published_at=NOW)),
        (post("1", title="Old"), post(None, title="New")),
    ],
    ids=["guid", "title", "address", "text", "host", "date", "guid came", "guid went"],
)
def test_a_post_under_another_name_is_not_new(before: ParsedEntry, after: ParsedEntry) -> None:
    store = Store()
    assert store.new(before) == [before]
    assert store.new(after) == []
    assert store.fetch(after).known  # by its keys, from now on
    assert store.new(before) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # one page for every post, as releases and statuses have
        (post("1", "/", "Up"), post("2", "/", "Down")),
        (
            post("1", "/status", "Incident", content_html="<p>a</p>", published_at=EXACT),
            post("2", "/status", "Incident", content_html="<p>b</p>", published_at=NOW),
        ),
        (post("1", "/1", "Daily photo"), post("2", "/2", "Daily photo")),
        (post("1", "/1", "Short"), post("2", "/2", "Short", content_html="")),
        # what returns every week
        (
            post("1", "/1", "Weekly open thread", content_html=TEXT, published_at=EXACT),
            post("2", "/2", "Weekly open thread", content_html=TEXT, published_at=NOW),
        ),
        (post("1", "/today", content_html="<p>Soup</p>"), post("2", "/today")),
        (
            post("1", "/live", "Live", file="https://example.org/1.mp3"),
            post("2", "/live", "Live", file="https://example.org/2.mp3"),
        ),
        # midnight is a day, no moment
        (
            post("1", "/1", "Report", published_at=NOW.replace(hour=0)),
            post("2", "/2", "Report", published_at=NOW.replace(hour=0)),
        ),
    ],
)
def test_posts_that_share_little_are_two(before: ParsedEntry, after: ParsedEntry) -> None:
    store = Store()
    store.new(before)
    assert store.new(after) == [after]


def test_an_entry_that_is_still_listed_has_no_twin() -> None:
    store = Store()
    first, second = post("1", published_at=EXACT), post("2", published_at=EXACT)
    store.new(first)
    assert store.new(second, first) == [second]


def test_what_several_share_makes_none_of_them_a_twin() -> None:
    store = Store()
    store.new(post("1"), post("2"))
    third = post("3")
    assert store.new(third) == [third]


def test_a_site_that_moved_and_reworded_itself_is_known_by_its_dates() -> None:
    store = Store()
    times = [EXACT - timedelta(hours=n, seconds=n) for n in range(6)]
    store.new(*(post(f"{n}", f"/{n}", f"Old {n}", published_at=at) for n, at in enumerate(times)))
    moved = [post(f"x{n}", f"/p/{n}", f"Neu {n}", published_at=at) for n, at in enumerate(times)]
    assert store.new(*moved) == []


def test_guids_and_words_that_change_at_every_fetch_are_seen_through() -> None:
    store = Store()
    store.new(*(post(f"1{n}", f"/{n}", content_html=f"Quote of {n}") for n in range(4)))
    again = [post(f"2{n}", f"/{n}", content_html=f"Another of {n}") for n in range(4)]
    assert store.new(*again) == []


def test_an_entry_never_read_is_known_by_link_and_title() -> None:
    store = Store()
    store.new(post("1", content_html="<p>Soup</p>"))
    store.known[1] = replace(store.known[1], fingerprint=None)
    assert store.new(post("2", content_html="<p>Soup</p>")) == []


def test_one_shared_moment_is_chance() -> None:
    store = Store()
    store.new(post("1", "/1", "One", published_at=EXACT))
    other = post("2", "/2", "Two", published_at=EXACT)
    assert store.new(other) == [other]


def test_guids_that_change_at_every_fetch_are_seen_through() -> None:
    store = Store()
    for turn in range(4):
        listed = [post(f"{turn}-{n}", f"/{n}", f"Post {n}") for n in range(3)]
        found = store.fetch(*listed)
        assert (len(found.fresh), found.guids_changed) == ((3, 0) if turn == 0 else (0, 3))
    # From then on they are left out, and a new post is still one.
    listed = [post(f"9-{n}", f"/{n}", f"Retitled {n}") for n in range(4)]
    assert [e.link for e in store.new(*listed, trust_guids=False)] == ["https://example.org/3"]
    assert store.new(*listed, trust_guids=False) == []


_POSTS = st.lists(
    st.builds(
        post,
        st.sampled_from([None, "1", "2", "3"]),
        st.sampled_from(["", "/", "/1", "/2"]),
        st.sampled_from(["", "A", "A title of some length"]),
        published_at=st.sampled_from([None, EXACT, NOW]),
        content_html=st.sampled_from(["", TEXT]),
    ),
    max_size=6,
)


@given(st.lists(_POSTS, max_size=3), _POSTS)
def test_a_document_seen_has_nothing_new(
    before: list[list[ParsedEntry]], document: list[ParsedEntry]
) -> None:
    store = Store()
    for earlier in before:
        store.fetch(*earlier)
    store.fetch(*document)
    again = store.fetch(*document)
    assert again.fresh == ()
    assert again.renamed == ()


@given(_POSTS)
def test_nothing_is_recognised_where_nothing_was_seen(document: list[ParsedEntry]) -> None:
    found = Store().fetch(*document)
    assert not found.overlaps


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), max_size=8), st.booleans())
def test_posts_that_differ_in_all_are_each_new_once(
    windows: list[tuple[int, int]], undated: bool
) -> None:
    def one(n: int) -> ParsedEntry:
        date = None if undated else EXACT + timedelta(minutes=n)
        return post(f"{n}", f"/{n}", f"Post {n}", published_at=date, content_html=f"{TEXT} {n}")

    store = Store()
    told = [e for start, size in windows for e in store.new(*map(one, range(start, start + size)))]
    listed = {n for start, size in windows for n in range(start, start + size)}
    assert sorted(e.guid or "" for e in told) == sorted(map(str, listed))
