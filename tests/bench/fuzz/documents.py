"""Documents to read: samples with damage done to them, and heaps of what parsers stumble over."""

from __future__ import annotations

from typing import Literal

from hypothesis import strategies as st

from tests.formats.fixtures import FEEDS, PLATFORMS

Kind = Literal["feeds", "opml", "pages", "small"]

_PATHS = sorted([*FEEDS.glob("*.*"), *PLATFORMS.glob("*.*")])
_SAMPLES = [path.read_bytes() for path in _PATHS if "expected" not in path.name]
_OPML = b"""<?xml version="1.0"?><opml version="2.0"><head><title>x</title></head><body>
<outline text="folder"><outline type="rss" text="one" xmlUrl="https://a.example/feed"/></outline>
</body></opml>"""
_PAGE = b"""<!doctype html><html><head><title>x</title>
<link rel=alternate type="application/rss+xml" href=/feed></head><body><main>
<article><h2><a href=/1>one</a></h2><time datetime=2026-01-01>x</time>
<p>text</article><article><h2><a href=/2>two</a></h2><p>text</article></main></body></html>"""

# One a line: what stands in documents, and what breaks them.
_TOKENS = r"""
<rss>
</rss>
<channel>
<item>
</item>
<feed xmlns='http://www.w3.org/2005/Atom'>
<entry>
</entry>
<rdf:RDF>
<title>
</title>
<guid>
<link>
<pubDate>
<description>
<content:encoded>
<![CDATA[
]]>
<!--
-->
<!DOCTYPE x [
]>
<!ENTITY a 'b'>
&a;
&#0;
&#xD800;
&#55357;&#56832;
&lt;
&amp;amp;
&nbsp;
xml:base='//x'
xmlns:x='y'
<x:y>
type='xhtml'
<?xml encoding='utf-16'?>
<?x ?>
{
}
[
]
"items"
"version"
"content_html"
https://jsonfeed.org/version/1.1
:
,
"
null
1e999
\ud800
<opml>
<outline xmlUrl=
<body>
</body>
<p>
</p>
<div>
<table>
<tr><td>
<a href='
javascript:
<img src=x
onload=
<script>
</script>
<svg>
<math>
<style>
</style>
<iframe src=
<template>
<noscript>
<select>
<plaintext>
<pre>
<li>
<b>
<i>
</b>
</i>
<span
class=math data-tex=
$
$$
\(
\)
\[
\begin{a}
\frac{
\\
^
_
2026-01-01T00:00:00Z
Thu, 01 Jan 1970
9999-12-31
-1
1714730400
上午 3:00
😀
https://a.example/?utm_source=x#
http://[
//
?
%
+
@
""".strip("\n").split("\n")
_TOKENS += ["\0", "\x1b", "\u202e", "\ufeff", "\r\n", "\t", " " * 50]


def _token() -> st.SearchStrategy[bytes]:
    words = st.sampled_from(_TOKENS).map(lambda text: text.encode("utf-8", "replace"))
    return (
        words
        | st.text(max_size=12).map(lambda text: text.encode("utf-8", "replace"))
        | st.binary(max_size=6)
    )


def _heaps() -> st.SearchStrategy[bytes]:
    return st.lists(_token(), max_size=60).map(b"".join) | st.tuples(
        _token(), st.integers(1, 3_000)
    ).map(lambda pair: pair[0] * pair[1])


@st.composite
def _damaged(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    body = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(1, 8))):
        where = draw(st.integers(0, len(body)))
        length = draw(st.integers(0, 40) | st.integers(0, 4_000))
        match draw(st.integers(0, 4)):
            case 0:
                body = body[:where] + draw(_token()) + body[where:]
            case 1:
                body = body[:where] + body[where + length :]
            case 2:
                body = body[:where] + body[where : where + length] * 2 + body[where + length :]
            case 3:
                body = body[:where] + draw(_token()) + body[where + length :]
            case _:
                other = draw(st.sampled_from(samples))
                start = draw(st.integers(0, len(other)))
                body = body[:where] + other[start : start + length] + body[where:]
    encoding = draw(st.sampled_from(["", "", "", "utf-16", "utf-8-sig", "gb18030", "cp037"]))
    return body.decode("utf-8", "replace").encode(encoding, "replace") if encoding else body


def documents(kind: Kind) -> st.SearchStrategy[bytes]:
    """Return documents of a kind, and what may be taken for one."""
    samples = {"feeds": _SAMPLES, "opml": [_OPML], "pages": [_PAGE], "small": [b"2026-01-01"]}
    return _damaged(samples[kind]) | _heaps()


def markup() -> st.SearchStrategy[bytes]:
    """Return HTML as nobody should write it."""
    return _heaps() | _damaged(
        [
            b"<p>a <b>b</b> $x<y$ <a href='https://a.example/'>c</a></p><ul><li>d</ul><table><tr><td>e"
        ]
    )


def selectors() -> st.SearchStrategy[bytes]:
    """Return some lines of CSS, an empty line and a page."""
    parts = ["article", "h2 a", "time", "*", "p", ":is(", ")", "[href]", "> a", "a:nth-child(2)"]
    parts += ["::text", ",", "\\", "#", ".", ":has(a)", ":not(p)", "~", "|", "\0", "div " * 20]
    line = st.lists(st.sampled_from(parts), max_size=4).map("".join)
    lines = st.lists(line, min_size=1, max_size=5).map(lambda found: "\n".join(found).encode())
    return st.tuples(lines, _damaged([_PAGE]) | _heaps()).map(
        lambda pair: pair[0] + b"\n\n" + pair[1]
    )
