"""What nearly all feeds have is read the short way; it ends where the long one does."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from html import escape
from typing import Any

import pytest
from feedparser.mixin import _FeedParserMixin
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.core.links import canonical_link
from digestd.core.parsed import MathMode
from digestd.core.text import one_line
from digestd.formats import fields, mathfind
from digestd.formats.attributes import absolute
from digestd.formats.dates import parse_date
from digestd.formats.element import UNDERSTOOD
from digestd.formats.html import clean, clean_text, from_text
from digestd.formats.maths import mark_title
from digestd.formats.news import read_news
from digestd.formats.xmltext import tree
from tests.formats.fixtures import FEEDS, URL, names

FEW = settings(max_examples=60, deadline=None)
zones = st.builds(lambda m: timezone(timedelta(minutes=m)), st.integers(-23 * 60, 23 * 60))
moments = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001 (the zone comes after)
    datetime(2099, 1, 1),  # noqa: DTZ001
    timezones=zones,
)
hosts = st.from_regex(r"[a-z0-9-]{1,9}(\.[a-z0-9-]{1,9}){0,2}", fullmatch=True)
paths = st.from_regex(r"(/[A-Za-z0-9%_.~,=+@!-]{0,5}){0,5}", fullmatch=True)
addresses = st.builds("{}://{}{}".format, st.sampled_from(["http", "https"]), hosts, paths)
lines = st.text(st.sampled_from("aZ9 é科.,-—'\"\u00ad\u200b\u200d\u115f\u3000\t:()"), max_size=20)


@FEW
@given(moments, st.booleans())
def test_dates_of_mails(at: datetime, named: bool) -> None:
    text = format_datetime(at)
    written = text if named else text.partition(", ")[2]
    assert parse_date(written) == parsedate_to_datetime(written)


@FEW
@given(addresses, addresses)
def test_plain_addresses(address: str, base: str) -> None:
    tracked = f"{address}?utm_source=rss"
    assert canonical_link(address) == canonical_link(tracked)
    assert absolute(address, base) == absolute(f" {address}", base) == absolute(tracked, base)


@FEW
@given(lines)
def test_titles_without_signs(line: str) -> None:
    line = one_line(line)
    found = mathfind.title(escape(line, quote=False), "auto")
    assert fields.title(line, is_html=False, math="auto") == found


pieces = st.sampled_from(
    "a B 2 &amp; &lt; &gt; &nbsp; &amp;lt; &am &; & &quot; &lsquo; &#36; &dollar; &grave; <"
    " > b> $ \\ \\alpha - -- ` `` '' ~ { } ^ _ \n \u00a0 \ue000".split(" ")
)


@FEW
@given(st.lists(pieces, max_size=8).map("".join), st.sampled_from(["auto", "off", "on"]))
def test_titles_without_maths(text: str, mode: MathMode) -> None:
    assert mark_title(text, mode) == mathfind.title(text, mode)


@FEW
@given(st.text(st.sampled_from("ab 1_^$\\\\(){}<>&\n\"'"), max_size=30))
def test_text_without_markup(text: str) -> None:
    """Nothing but the order of attributes differs."""
    assert clean(clean_text(text, "auto"), None) == clean(clean(from_text(text), None), None)


@pytest.mark.parametrize(
    "place",
    "<rss>{}</rss> <rss><![CDATA[{}]]></rss> <rss><!--{}--></rss> <rss><?a{}?></rss> <rss{}/>"
    " <rss>&{};</rss> <r{}s/> <rss/>{}".split(),
)
def test_a_parser_finds_what_xml_forbids(place: str) -> None:
    for sign in "\x00\x08\x0b\x0c\x0e\x1f\ufffe\uffff":
        assert tree(place.format(sign).encode()) == "broken"


@pytest.mark.parametrize("name", [*names(".xml")])
def test_what_xml_forbids_changes_nothing(name: str) -> None:
    body = (FEEDS / name).read_bytes()
    where: dict[str, Any] = {"url": URL, "content_type": "application/xml"}
    for old, new in ((b"<", b"\x08<"), (b"e", b"e\x1f"), (b"</title>", b"\x00</title>")):
        assert read_news(body.replace(old, new), **where) == read_news(body, **where)


@FEW
@given(lines)
def test_lines_that_fit(line: str) -> None:
    longer = one_line(f"{line}\u200b", len(line) + 1)  # what goes is looked for
    assert one_line(line) == longer


def test_no_other_prefix_means_anything_to_feedparser() -> None:
    known = {name.lower() for name in _FeedParserMixin.namespaces.values()} - {""}
    assert known <= UNDERSTOOD
    handled = [name.split("_")[2:] for name in dir(_FeedParserMixin) if name.startswith("_start_")]
    assert {name[0].lower() for name in handled if len(name) > 1} <= UNDERSTOOD
