from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.core.parsed import ParsedEntry, ParsedFeed, Unreadable
from digestd.formats.document import read_document
from tests.formats.fixtures import FEEDS, URL, expected, names, plain

VERSION = "https://jsonfeed.org/version/1.1"


def read(document: object) -> ParsedFeed:
    found = read_document(
        json.dumps(document).encode(), url=URL, content_type="application/feed+json"
    )
    assert isinstance(found, ParsedFeed), found
    return found


def only_entry(**item: object) -> ParsedEntry:
    (entry,) = read({"version": VERSION, "title": "F", "items": [item]}).entries
    return entry


@pytest.mark.parametrize("name", names(".json"))
def test_a_document_says_what_stands_beside_it(name: str) -> None:
    found = read_document((FEEDS / name).read_bytes(), url=URL, content_type="")
    assert plain(found) == expected(name)


@pytest.mark.parametrize(
    ("given_id", "guid"),
    [
        ("a", "a"),
        (7, "7"),
        (12345678901234567890123, "12345678901234567890123"),
        (1.50, "1.5"),
        (None, None),
    ],
)
def test_an_id_is_what_was_written(given_id: object, guid: str | None) -> None:
    assert only_entry(id=given_id, title="x").guid == guid


def test_a_byte_order_mark_does_no_harm() -> None:
    body = "\ufeff".encode() + json.dumps({"version": VERSION, "items": []}).encode()
    assert isinstance(read_document(body, url=URL, content_type=""), ParsedFeed)


def test_authors_of_both_versions_are_named() -> None:
    assert only_entry(id=1, authors=[{"name": "A"}, {"name": "B"}, None]).author == "A, B"
    assert only_entry(id=1, author={"name": "C"}).author == "C"
    assert only_entry(id=1, author="D").author == "D"


def test_plain_text_keeps_its_lines_and_signs() -> None:
    assert only_entry(id=1, content_text="a <b\nc").content_html == "<p>a &lt;b<br>c</p>"


def test_a_linkblog_links_to_its_own_page_first() -> None:
    entry = only_entry(id=1, url="https://a.example/1", external_url="https://b.example/")
    assert entry.link == "https://a.example/1"


def test_nesting_is_bounded() -> None:
    body = b'{"version":"https://jsonfeed.org/version/1","items":' + b"[" * 200_000
    found = read_document(body, url=URL, content_type="")
    assert isinstance(found, Unreadable)
    assert "deeply" in found.reason


def test_the_newest_entries_are_kept() -> None:
    items = [
        {"id": n, "date_published": f"2020-01-01T00:{n // 60 % 60:02}:{n % 60:02}Z"}
        for n in range(2_200)
    ]
    kept = read({"version": VERSION, "items": items}).entries
    assert [e.guid for e in kept] == [str(n) for n in range(200, 2_200)]


_KEYS = st.sampled_from(
    "id url title content_html content_text summary image date_published authors author tags"
    " attachments language external_url name mime_type size_in_bytes duration_in_seconds".split()
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.just("https://[::1"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=6),
    max_leaves=12,
)


@given(_VALUES, st.dictionaries(_KEYS, _VALUES, max_size=8), _VALUES)
@settings(max_examples=150, deadline=None)
def test_nothing_is_raised_on_any_types(
    top: object, item: dict[str, object], other: object
) -> None:
    document = {
        "version": VERSION,
        "title": top,
        "hubs": other,
        "items": [item, top],
        "icon": other,
    }
    read(document)
    read_document(json.dumps(top).encode(), url=URL, content_type="")
