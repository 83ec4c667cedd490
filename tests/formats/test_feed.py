from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.core.parsed import ParsedEntry, ParsedFeed, Unreadable
from digestd.formats.document import read_document
from digestd.formats.xmltext import bound_entries
from tests.formats.fixtures import FEEDS, URL, expected, names, plain


def read(document: str | bytes, content_type: str = "", url: str = URL) -> ParsedFeed:
    body = document.encode() if isinstance(document, str) else document
    found = read_document(body, url=url, content_type=content_type)
    assert isinstance(found, ParsedFeed), found
    return found


def reason(document: str | bytes) -> str:
    body = document.encode() if isinstance(document, str) else document
    found = read_document(body, url=URL, content_type="")
    assert isinstance(found, Unreadable)
    return found.reason


def rss(items: str, head: str = "") -> str:
    return f'<rss version="2.0"><channel><title>F</title>{head}{items}</channel></rss>'


def atom(entry: str) -> str:
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title><entry>{entry}</entry></feed>'
    )


def only_entry(document: str | bytes) -> ParsedEntry:
    (entry,) = read(document).entries
    return entry


@pytest.mark.parametrize("name", names(".xml"))
def test_a_document_says_what_stands_beside_it(name: str) -> None:
    assert plain(read((FEEDS / name).read_bytes())) == expected(name)


# --- titles ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param("AT&amp;T", "AT&T", id="escaped-once"),
        pytest.param("AT&amp;amp;T", "AT&T", id="escaped-twice"),
        pytest.param("a &lt; b", "a < b", id="less-than"),
        pytest.param("a &amp;lt; b", "a < b", id="less-than-escaped-twice"),
        pytest.param("&lt;b&gt;x&lt;/b&gt;", "x", id="markup"),
        pytest.param("<![CDATA[<b>x</b> &amp; y]]>", "x & y", id="cdata-markup"),
        pytest.param("if a&lt;b and c&gt;d", "if a<b and c>d", id="comparison"),
        pytest.param("When to use &lt;canvas&gt;", "When to use <canvas>", id="named-element"),
        pytest.param(" two\n  lines ", "two lines", id="lines"),
        pytest.param("safe \u202eevil\u200b\u2066", "safe evil", id="bidi"),
        pytest.param("&#8220;quoted&#8221;", "“quoted”", id="references"),
    ],
)
def test_titles_are_one_plain_line(raw: str, shown: str) -> None:
    assert only_entry(rss(f"<item><title>{raw}</title><guid>1</guid></item>")).title == shown


def test_an_atom_title_of_type_text_is_literal() -> None:
    assert only_entry(atom("<id>1</id><title>The &amp;amp; sign</title>")).title == "The &amp; sign"


def test_an_atom_title_of_type_html_loses_its_markup() -> None:
    entry = only_entry(atom('<id>1</id><title type="html">&lt;i&gt;a&lt;/i&gt; &amp;lt; b</title>'))
    assert entry.title == "a < b"


@pytest.mark.parametrize(
    "raw",
    [
        "x<script>y</script> z",
        "x<embed src=y> z",
        "x <blink>z</blink>",
        "x<style>*{}</style> z<!--",
    ],
)
def test_a_title_of_type_html_loses_what_no_title_has(raw: str) -> None:
    title = f'<title type="html">{escape(raw)}</title>'
    assert only_entry(atom(f"<id>1</id>{title}")).title == "x z"


def test_a_long_title_is_cut() -> None:
    title = only_entry(rss(f"<item><title>{'语' * 5000}</title></item>")).title
    assert len(title) == 200
    assert title.endswith("…")


# --- guids and links -------------------------------------------------------------------


def test_a_guid_stays_as_the_publisher_wrote_it_wherever_the_feed_lives() -> None:
    document = rss("<item><title>x</title><guid>42</guid></item>").encode()
    for url in ("http://a.example/feed", "https://b.example/x/feed"):
        (entry,) = read(document, url=url).entries
        assert (entry.guid, entry.link) == ("42", None)


def test_a_permalink_guid_is_the_link_where_there_is_no_other() -> None:
    item = "<item><title>x</title><guid>https://a.example/1</guid></item>"
    assert only_entry(rss(item)).link == "https://a.example/1"


def test_a_scheme_may_be_in_capitals() -> None:
    item = "<item><title>x</title><guid>HTTP://a.example/1</guid></item>"
    assert only_entry(rss(item)).link == "http://a.example/1"


def test_an_empty_guid_is_no_guid() -> None:
    assert only_entry(rss("<item><title>x</title><guid> </guid></item>")).guid is None


def test_overlong_guids_stay_different() -> None:
    items = "".join(f"<item><guid>{'x' * 30_000}{n}</guid></item>" for n in range(2))
    first, second = (e.guid or "" for e in read(rss(items)).entries)
    assert first != second
    assert max(len(first), len(second)) <= 2_000


def test_relative_links_of_rss_are_the_sites() -> None:
    item = "<title>x</title><link>/1</link><description>&lt;img src='/i.png'></description>"
    entry = only_entry(rss(f"<item>{item}</item>", "<link>https://site.example/</link>"))
    assert entry.link == "https://site.example/1"
    assert entry.image_url == "https://site.example/i.png"


@pytest.mark.parametrize("link", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x"])
def test_only_http_links_pass(link: str) -> None:
    document = rss(f"<item><title>x</title><link>{link}</link></item>", f"<link>{link}</link>")
    assert only_entry(document).link is None
    assert read(document).home_url is None


def test_atom_prefers_the_page_among_alternates() -> None:
    links = (
        '<link rel="alternate" type="application/json" href="https://a.example/1.json"/>'
        '<link rel="self" href="https://a.example/1.atom"/><link href="https://a.example/1"/>'
    )
    assert only_entry(atom(f"<id>1</id>{links}")).link == "https://a.example/1"


# --- bodies ----------------------------------------------------------------------------


def test_the_longest_text_is_the_content() -> None:
    item = (
        "<item><guid>1</guid><description>The whole long post, all of it.</description>"
        '<content:encoded xmlns:content="http://purl.org/rss/1.0/modules/content/">The</content:encoded></item>'
    )
    entry = only_entry(rss(item))
    assert entry.content_html == "The whole long post, all of it."
    assert entry.summary_html == "The"


def test_atom_text_is_not_taken_for_markup() -> None:
    entry = only_entry(atom("<id>1</id><content>a &lt;b c\n\nd</content>"))
    assert entry.content_html == "<p>a &lt;b c</p><p>d</p>"


def test_binary_atom_content_is_left_out() -> None:
    entry = only_entry(
        atom('<id>1</id><title>t</title><content type="image/png">aGVsbG8=</content>')
    )
    assert entry.content_html == ""


def test_a_body_is_bounded() -> None:
    entry = only_entry(
        rss(f"<item><guid>1</guid><description>{'&lt;&amp;lt; ' * 400_000}</description></item>")
    )
    assert 0 < len(entry.summary_html) <= 1_000_000


# --- dates and the feed's own fields ---------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "date"),
    [
        ("Fri, 03 May 2024 10:00:00 +0800", "2024-05-03T02:00:00+00:00"),
        ("Fri, 03 Mai 2024 10:00:00 GMT", "2024-05-03T10:00:00+00:00"),
        ("пт, 03 мая 2024 10:00:00 +0300", "2024-05-03T07:00:00+00:00"),
        ("2024年5月3日 下午3:05", "2024-05-03T15:05:00+00:00"),
        ("Fri, 03 May 2024 10:00:00 CEST", "2024-05-03T08:00:00+00:00"),
        ("2024-05-03 10:00:00", "2024-05-03T10:00:00+00:00"),
        ("May 3, 2024 3:04 PM", "2024-05-03T15:04:00+00:00"),
        ("Fri, 3 May 2024 10:00:00 ET", "2024-05-03T15:00:00+00:00"),
        ("20240503T100000Z", "2024-05-03T10:00:00+00:00"),
        ("03.05.2024 10:00", "2024-05-03T10:00:00+00:00"),
        ("23/05/2024", "2024-05-23T00:00:00+00:00"),
        ("05/23/2024", "2024-05-23T00:00:00+00:00"),
        ("03/05/2024", None),  # May or March
        ("1714730400", "2024-05-03T10:00:00+00:00"),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates_are_read_in_many_forms(raw: str, date: str | None) -> None:
    entry = only_entry(rss(f"<item><guid>1</guid><pubDate>{raw}</pubDate></item>"))
    assert entry.published_at == (datetime.fromisoformat(date) if date else None)
    if entry.published_at:
        assert entry.published_at.tzinfo is UTC


def test_the_longest_wish_for_rest_is_the_ttl() -> None:
    sy = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
    period = f"<sy:updatePeriod {sy}>daily</sy:updatePeriod>"
    frequency = f"<sy:updateFrequency {sy}>2</sy:updateFrequency>"
    assert read(rss("", f"<ttl>30</ttl>{period}{frequency}")).ttl == timedelta(hours=12)


def test_who_skips_every_hour_means_nothing_by_it() -> None:
    hours = "".join(f"<hour>{h}</hour>" for h in range(24))
    assert read(rss("", f"<skipHours>{hours}</skipHours>")).skip_hours == frozenset()


# --- encodings -------------------------------------------------------------------------

_CHINESE = "我们来看一个关于注意力机制的新结果，旋转位置编码在长文本中的表现，今天天气很好。"
_TAIWAN = "我們來看一個關於注意力機制的新結果，今天天氣很好，這是一個說明。"
_JAPANESE = "今日はとても良い天気です。新しいニュースをお届けします。"
_RUSSIAN = "Сегодня очень хорошая погода. Новости дня и другие события."
_FRENCH = "Les élèves français étaient très âgés, où ça coûtait 5 € à l’époque."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (_CHINESE, "gb18030"),
        (_CHINESE, "utf-16-le"),
        (_CHINESE, "utf-16-be"),
        (_CHINESE, "utf-8-sig"),
        (_TAIWAN, "big5"),
        (_JAPANESE, "shift_jis"),
        (_JAPANESE, "euc_jp"),
        (_JAPANESE, "iso2022_jp"),
        (_RUSSIAN, "cp1251"),
        (_RUSSIAN, "koi8-r"),
        (_FRENCH, "cp1252"),
        (_FRENCH, "utf-8"),
    ],
)
@pytest.mark.parametrize("declared", ["", "utf-8", "iso-8859-1", "itself"])
def test_encodings_are_found_out(text: str, encoding: str, declared: str) -> None:
    declared = encoding.removesuffix("-sig") if declared == "itself" else declared
    prolog = f'<?xml version="1.0" encoding="{declared}"?>' if declared else '<?xml version="1.0"?>'
    body = (prolog + rss(f"<item><title>{text}</title><guid>1</guid></item>")).encode(encoding)
    for content_type in ("", "text/xml; charset=iso-8859-1"):
        assert read(body, content_type).entries[0].title == text


@pytest.mark.parametrize("encoding", ["mac-roman", "x-mac-roman", "cp863", "x-sjis"])
def test_old_encodings_are_read_if_declared(encoding: str) -> None:
    codec = {"x-mac-roman": "mac-roman", "x-sjis": "shift_jis"}.get(encoding, encoding)
    text = "日本" if encoding == "x-sjis" else "Ça et là"
    body = f'<?xml version="1.0" encoding="{encoding}"?>' + rss(
        f"<item><title>{text}</title></item>"
    )
    assert only_entry(body.encode(codec)).title == text


@pytest.mark.parametrize(
    ("declared", "title"),
    [
        ("viscii", b"Vi\xaet Nam: \xd0\xdf\xfec"),
        ("VISCII1.1-1", b"Vi\xaet Nam: \xd0\xdf\xfec"),
        ("tcvn", b"Vi\xd6t Nam: \xa7\xad\xeec"),
        ("TCVN5712-1", b"Vi\xd6t Nam: \xa7\xad\xeec"),
    ],
)
def test_vietnamese_is_read_in_its_old_encodings(declared: str, title: bytes) -> None:
    head, tail = rss("<item><title>|</title><guid>1</guid></item>").encode().split(b"|")
    prolog = f'<?xml version="1.0" encoding="{declared}"?>'.encode()
    entry = only_entry(prolog + head + title + tail)
    assert entry.title == "Việt Nam: Được"


def test_stray_bytes_in_utf_8_are_mended() -> None:
    body = rss("<item><title>caf\udce9 — 咖啡</title></item>").encode("utf-8", "surrogateescape")
    feed = read(body)
    assert feed.entries[0].title == "café — 咖啡"
    assert "utf-8" in feed.complaint


# --- what is no feed -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ("", "empty"),
        (" \n\ufeff", "empty"),
        ("<!doctype html><title>My blog</title><p>x", "an HTML page, not a feed (“My blog”)"),
        ("<html><head><title>Just a moment...</title></head></html>", "challenge"),
        ("<html><script src='/cdn-cgi/challenge-platform/x'></script></html>", "Cloudflare"),
        ("<html><title>Log in</title><input type=password></html>", "login"),
        ("<html><title>Scheduled maintenance</title></html>", "maintenance"),
        ("<html><body>This domain is for sale</body></html>", "parked"),
        ("<?xml version='1.0'?><urlset><url/></urlset>", "sitemap"),
        ("<opml><body/></opml>", "OPML"),
        ('{"error": "not allowed"}', "not allowed"),
        ("[1, 2]", "JSON"),
        ("{broken", "JSON"),
        ("Too many requests", "Too many requests"),
        (b"\x1f\x8b\x08\x00abc", "gzip"),
        (b"%PDF-1.7", "PDF"),
        ("<rss><channel>" + "<a>" * 5_000 + "</a>" * 5_000 + "</channel></rss>", "deeply"),
        (
            "<rss><channel><item "
            + "".join(f"a{n}='1' " for n in range(2000))
            + "/></channel></rss>",
            "attributes",
        ),
    ],
)
def test_what_is_no_feed_is_named(document: str | bytes, word: str) -> None:
    assert word in reason(document)
    assert "\n" not in reason(document)


def test_a_feed_without_entries_is_a_feed() -> None:
    assert read(rss("")).entries == ()


# --- bounds and hostility --------------------------------------------------------------


def test_the_newest_entries_are_kept_in_their_order() -> None:
    def item(n: int) -> str:
        date = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=n)
        return f"<item><guid>{n}</guid><pubDate>{date:%a, %d %b %Y %H:%M:%S} GMT</pubDate></item>"

    kept = [e.guid for e in read(rss("".join(map(item, range(2_500))))).entries]
    assert kept == [str(n) for n in range(500, 2_500)]


def test_a_document_with_far_too_many_entries_is_read_in_a_second() -> None:
    started = datetime.now(UTC)
    items = "".join(f"<item><guid>{n}</guid><title>t</title></item>" for n in range(60_000))
    assert len(read(rss(items)).entries) == 2_000
    assert datetime.now(UTC) - started < timedelta(seconds=5)


def test_external_and_nested_entities_are_not_expanded() -> None:
    dtd = (
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY a "aaaaaaaa">'
        '<!ENTITY b "&a;&a;&a;&a;"><!ENTITY ok "fine">]>'
    )
    feed = read(dtd + rss("<item><guid>1</guid><title>&ok; &f; &b;</title></item>"))
    assert "root:" not in repr(feed)
    assert "aaaaaaaa" not in repr(feed)
    assert feed.entries[0].title.startswith("fine")


def test_a_torn_last_entry_waits_for_its_whole() -> None:
    document = rss("".join(f"<item><guid>guid-{n}</guid></item>" for n in range(100, 110)))
    assert [e.guid for e in read(document[: document.index("-109") + 2]).entries][-1] == "guid-108"


def test_a_document_with_its_tags_crossed_is_read() -> None:
    document = rss("<item><title>one</titel><link>https://a.example/1</link></item>")
    assert only_entry(document).title == "one"


def test_an_entry_that_is_left_with_nothing_is_an_entry_yet() -> None:
    assert len(read(rss("<item><description>&lt;script/&gt;</description></item>")).entries) == 1
    assert read(rss("<item/>")).entries == ()


def test_a_recording_without_a_title_is_called_by_its_file() -> None:
    enclosure = '<enclosure url="https://a.example/s1/Episode%207.mp3?x=1" type="audio/mpeg"/>'
    assert only_entry(rss(f"<item>{enclosure}</item>")).title == "Episode 7"


def test_the_same_bytes_give_the_same_value() -> None:
    body = (FEEDS / "chinese_latex.xml").read_bytes()
    assert read(body) == read(body)


_ATOM = b"<feed xmlns='http://www.w3.org/2005/Atom'>"


def test_of_too_many_labels_the_first_are_kept() -> None:
    """feedparser compares each with all before it: 50,000 take minutes."""
    label = "<category>{}</category>".format
    many = "".join(map(label, range(1_000)))
    few = "".join(map(label, range(20)))
    text = "<rss><channel>" + "".join(f"<item>{x}</item>" for x in (few, many, few))
    bounded = bound_entries(text)
    counts = [item.count("<category>") for item in bounded.split("<item>")[1:]]
    assert counts == [20, 300, 20]
    assert label(299) in bounded


def test_a_long_list_of_keywords_is_cut() -> None:
    text = f"<rss><item><itunes:keywords>{'a,' * 50_000}</itunes:keywords></item></rss>"
    assert len(bound_entries(text)) < 2_100


_PIECES = st.sampled_from(
    [
        *(b"<rss version='2.0'>", b"<channel>", b"<item>", b"</item>", b"<title>", b"</title>"),
        *(b"<link>", b"<guid>", b"&#0;", b"&nbsp;", b"&", b"<![CDATA[", b"]]>", _ATOM, b"<entry>"),
        *(
            b"<content type='xhtml'>",
            b"<svg><title>",
            b"<media:group>",
            b"xml:base='//['",
            b"<?xml",
        ),
        *(
            b"?>",
            b"<!DOCTYPE [",
            b"<link href='http://[::1'/>",
            b"<pubDate>0000-99-99",
            b"\xff\xfe",
        ),
        *(b"\x00", b"\xe4\xb8", b"<itunes:duration>::", b"<enclosure url='x' length='-1'/>"),
        *(b"<rdf:RDF>", b"<!--", b"{", b'"items":[', b"<georss:point>1", b"<itunes:image/>"),
        *(b"<media:license/></media:license>", b"<source/>", b"<skipHours>"),
    ]
)


@given(st.lists(_PIECES | st.binary(max_size=12), max_size=40).map(b"".join))
@settings(max_examples=300, deadline=None)
def test_nothing_is_raised_on_any_bytes(body: bytes) -> None:
    for prefix in (
        b"",
        b"<rss version='2.0'><channel><item>",
        b"<feed xmlns='http://www.w3.org/2005/Atom'><entry>",
    ):
        found = read_document(prefix + body, url=URL, content_type="text/xml")
        assert isinstance(found, ParsedFeed | Unreadable)


@given(st.integers(0, 200), st.binary(max_size=4), st.sampled_from(names(".xml")))
@settings(max_examples=100, deadline=None)
def test_nothing_is_raised_on_damaged_documents(where: int, damage: bytes, name: str) -> None:
    body = (FEEDS / name).read_bytes()
    cut = where * len(body) // 200
    for broken in (body[:cut] + damage, body[:cut] + damage + body[cut + 3 :]):
        assert isinstance(read_document(broken, url=URL, content_type=""), ParsedFeed | Unreadable)
