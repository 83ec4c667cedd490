"""Lists of feeds: what readers write, what attackers write, and back again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.formats.opml import OURS, Outline, UnreadableOpmlError, read_opml, write_opml

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def opml(body: str, more: str = "") -> bytes:
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<opml version="1.1" {more}><head/>'
    return f"{head}<body>{body}</body></opml>".encode()


def test_folders_attributes_and_strangers_are_read() -> None:
    (first, second, third) = read_opml(
        opml(
            '<outline text="News"><outline title="World" text="World">'
            '<outline type="rss" text=" A &amp; B " title="Long"'
            ' xmlUrl=" https://a.example/f?x=1&amp;y "'
            ' htmlUrl="https://a.example/" r:interval="600" custom="é"'
            ' d:alert="phone" d:id="a"/></outline></outline>'
            '<outline text="B" xmlurl="https://b.example/"/>'
            '<outline text="C" type="atom" XMLURL="https://c.example/"><outline text="D"/>'
            "</outline>"
            '<outline text="a link" type="link" url="https://d.example/"/>',
            f'xmlns:r="https://r.example/ns" xmlns:d="{OURS}"',
        )
    )
    assert (first.url, first.title) == ("https://a.example/f?x=1&y", "A & B")
    assert first.folders == ("News", "World")
    assert first.ours == {"alert": "phone", "id": "a"}
    assert first.kept == {
        "title": "Long",
        "htmlUrl": "https://a.example/",
        "{https://r.example/ns}interval": "600",
        "custom": "é",
    }
    assert (second.url, second.folders) == ("https://b.example/", ())
    assert third.kept == {"type": "atom"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'<!DOCTYPE opml [<!ENTITY a "b">]><opml/>', "DTD"),
        (b'<?xml version="1.0"?><!doctype opml SYSTEM "file:///etc/passwd"><opml/>', "DTD"),
        ("<!DOCTYPE opml><opml/>".encode("utf-16"), "DTD"),
        (opml("<outline text='x'>" * 400 + "</outline>" * 400), "nested too deeply"),
        (
            opml("<outline text='x'>" * 40 + "<outline xmlUrl='https://a/'/>" + "</outline>" * 40),
            "nested",
        ),
        (b"<rss/>", "is no OPML (<rss>)"),
        (b"<html><body>login", "is no OPML"),
        (b"\x1f\x8b\x00", "is no OPML"),
        (b"", "no XML"),
        (b" " * 32_000_001, "larger than"),
    ],
)
def test_what_is_hostile_or_something_else_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableOpmlError) as caught:
        read_opml(body)
    assert reason in str(caught.value)


def test_what_readers_get_wrong_is_mended() -> None:
    body = (
        b'\n <opml><body><outline text="Q & A" xmlUrl="https://a.example/?a=1&b=2"/></body></opml>'
    )
    assert [(o.title, o.url) for o in read_opml(body)] == [("Q & A", "https://a.example/?a=1&b=2")]
    assert read_opml('<opml><outline text="Ünï" xmlUrl="https://u"/></opml>'.encode("utf-16"))


names = st.sampled_from(["htmlUrl", "custom", "title", "{https://r.example/ns}x", "{urn:y}z"])
texts = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Cf", "Zs", "Zl", "Zp", "Cn", "Co")), min_size=1
)
outlines = st.builds(
    Outline,
    url=st.sampled_from(["https://a.example/?a=1&b=<2>", "https://b.example/'\""]),
    title=texts,
    folders=st.lists(texts.map(lambda t: t[:60]), max_size=3).map(tuple),
    ours=st.dictionaries(st.sampled_from(["id", "alert", "page"]), texts),
    kept=st.dictionaries(names.filter(lambda n: n != "title"), texts, max_size=3),
)


@given(st.lists(outlines, max_size=5))
def test_what_is_written_is_read_again(listed: list[Outline]) -> None:
    found = read_opml(write_opml(listed, title="T & T", now=NOW))
    assert sorted(map(repr, found)) == sorted(map(repr, listed))


@given(st.binary(max_size=300) | st.text(max_size=200).map(opml))
def test_no_bytes_break_it(body: bytes) -> None:
    try:
        read_opml(body)
    except UnreadableOpmlError as exc:
        assert str(exc)
