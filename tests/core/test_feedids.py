"""A feed without an id."""

from __future__ import annotations

import pytest

from digestd.core.feedids import free_id


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.example.org/feed.xml", "example.org"),
        ("https://kexue.fm/feed", "kexue.fm"),
        ("https://github.com/a/b/releases.atom", "github.com-a-b-releases.atom"),
        ("http://127.0.0.1:8080/rss", "127.0.0.1-8080"),
    ],
)
def test_a_feed_without_an_id_gets_a_readable_one(url: str, expected: str) -> None:
    assert free_id(url, ()) == expected
    assert free_id(url, {expected}) == f"{expected}-2"
