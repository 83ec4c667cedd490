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


def test_how_a_body_is_read_counts() -> None:
    assert document_hash(BODY, b"selectors") != document_hash(BODY)
    assert document_hash(b"{}") != document_hash(b"{ }")
