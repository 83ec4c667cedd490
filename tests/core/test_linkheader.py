"""Link headers, as servers write them (D1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.linkheader import links

BASE = "https://example.org/blog/feed.xml"
HUB = ("hub", "https://hub.example/")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        pytest.param('<https://hub.example/>; rel="hub"', [HUB], id="quoted"),
        pytest.param("<https://hub.example/>;rel=hub", [HUB], id="unquoted"),
        pytest.param('<https://hub.example/>; REL="HUB"', [HUB], id="any-case"),
        pytest.param(
            '<https://hub.example/>; rel="hub self"',
            [HUB, ("self", "https://hub.example/")],
            id="two-relations",
        ),
        pytest.param(
            '<https://hub.example/>; rel="hub", </a,b;c>; title="x, y; z"; rel=self',
            [HUB, ("self", "https://example.org/a,b;c")],
            id="commas-within",
        ),
        pytest.param("<feed2.xml>; rel=self", [("self", "https://example.org/blog/feed2.xml")]),
        pytest.param("<>; rel=self", [("self", BASE)], id="the-document-itself"),
        pytest.param("<https://hub.example/>; rel=hub; rel=self", [HUB], id="the-first-counts"),
        pytest.param("<https://hub.example/>", [], id="no-relation"),
        pytest.param("<https://hub.example/; rel=hub", [], id="torn"),
        pytest.param("<http://[>; rel=hub, <https://hub.example/>; rel=hub", [HUB], id="nonsense"),
        pytest.param("", [], id="empty"),
    ],
)
def test_links_are_read_as_they_are_written(header: str, found: list[tuple[str, str]]) -> None:
    assert list(links(header, BASE)) == found


@given(st.text(alphabet='<>;,="\\ relhub/:[]', max_size=300))
def test_no_noise_breaks_it(noise: str) -> None:
    assert len(list(links(noise, BASE))) <= 1000
