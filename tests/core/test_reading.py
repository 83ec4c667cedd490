"""When two bodies say the same."""

from __future__ import annotations

import pytest

from digestd.core.reading import document_hash

BODY = (
    b"<rss><channel><title>Blog</title><lastBuildDate>Mon</lastBuildDate><!-- 0.1 s -->"
    b"<item><title>One</title><pubDate>Mon</pubDate><!-- a --></item></channel></rss>"
)


@pytest.mark.parametrize(
    "change",
    [
        (b"<lastBuildDate>Mon<", b"<lastBuildDate>Tue, 25 Nov<"),
        (b"<!-- 0.1 s -->", b"<!-- 0.25 s -->"),
        (b"<!-- 0.1 s -->", b""),
    ],
)
def test_a_head_with_another_date_says_the_same(change: tuple[bytes, bytes]) -> None:
    assert document_hash(BODY.replace(*change)) == document_hash(BODY)


@pytest.mark.parametrize(
    "change",
    [
        (b"Blog", b"Other"),
        (b"<pubDate>Mon<", b"<pubDate>Tue<"),
        (b"<!-- a -->", b"<!-- b -->"),
        (b"One", b"Two"),
        (b"<lastBuildDate>Mon</lastBuildDate>", b"<link>Mon</link>"),
        (b"<item>", b"<item><item>"),
    ],
)
def test_all_else_says_something_else(change: tuple[bytes, bytes]) -> None:
    assert document_hash(BODY.replace(*change)) != document_hash(BODY)


JSON = (
    b'{"version": "https://jsonfeed.org/version/1.1", "title": "Blog", "_built": "Mon",'
    b' "date_modified": "2026-11-25", "_age": 4, "items": [{"id": "1", "_n": "a", "x": 1}]}'
)


@pytest.mark.parametrize(
    "change",
    [
        (b'"_built": "Mon"', b'"_built": "Tue, 25 Nov"'),
        (b"2026-11-25", b"2026-11-26T08:00:00Z"),
        (b'"_age": 4,', b'"_age": 5, "_new": true,'),
    ],
)
def test_a_json_feed_with_another_date_says_the_same(change: tuple[bytes, bytes]) -> None:
    assert document_hash(JSON.replace(*change)) == document_hash(JSON)


@pytest.mark.parametrize(
    "change",
    [
        (b"Blog", b"Other"),
        (b'"_n": "a"', b'"_n": "b"'),
        (b'"_built"', b'"language"'),
        (b'"_built": "Mon"', b'"_built": ["Mon"]'),
        (b'"title": "Blog"', b'"title": "Blog\\"_by\\": 1, "'),
        (b'"title": "Blog", "_built"', b'"title\\"_built"'),
    ],
)
def test_all_else_of_a_json_feed_says_something_else(change: tuple[bytes, bytes]) -> None:
    assert document_hash(JSON.replace(*change)) != document_hash(JSON)


def test_how_a_body_is_read_counts() -> None:
    assert document_hash(BODY, b"selectors") != document_hash(BODY)
    assert document_hash(b"{}") != document_hash(b"{ }")
