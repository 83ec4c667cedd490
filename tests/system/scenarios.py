"""What a feed may do to a reader, one row each: how it is served, and what must come of it."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from tests.support.webserver import (
    Action,
    Request,
    answer,
    encoded,
    endless,
    hang,
    raw,
    redirect,
    reset,
    status,
)

MEGABYTE = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"


@dataclass(frozen=True)
class Scenario:
    """`says` is in the feed's error, empty where it must be well; `titles` must be stored."""

    name: str
    does: Action
    says: str = ""
    titles: tuple[str, ...] | None = None
    start: str = ""  # where the feed is configured to be, if not at its server


def rss(items: str, head: str = "") -> str:
    return f'<rss version="2.0"><channel><title>Evil</title>{head}{items}</channel></rss>'


def item(body: str = "x", title: str = "one", more: str = "") -> str:
    text = f"<title>{escape(title)}</title>" if title else ""
    return f"<item><guid>1</guid>{text}<description>{escape(body)}</description>{more}</item>"


async def burst(request: Request, out: asyncio.StreamWriter, piece: bytes, times: int) -> None:
    for _ in range(times):
        out.write(piece)
        await out.drain()


def gigabytes(count: int, *, wrapper: int = 31) -> Action:
    """A compressed body that inflates to so much, made of one block again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    start = struct.pack("<BBBBIBB", 0x1F, 0x8B, 8, 0, 0, 0, 255) if wrapper == 31 else b"\x78\x9c"
    kind = b"gzip" if wrapper == 31 else b"deflate"

    async def act(request: Request, out: asyncio.StreamWriter) -> None:
        out.write(OK + b"Content-Encoding: " + kind + b"\r\n\r\n" + start)
        await burst(request, out, block, 1024 * count)

    return act


def repeated(start: bytes, piece: bytes, times: int, end: bytes) -> Action:
    """A long answer that is not kept in the server's memory."""

    async def act(request: Request, out: asyncio.StreamWriter) -> None:
        out.write(OK + b"\r\n" + start)
        await burst(request, out, piece, times)
        out.write(end)
        await out.drain()

    return act


def scenarios(canary: str) -> Iterator[Scenario]:
    """Yield all; nobody may ever be led to `canary`, "HOST:PORT"."""
    yield from _answers()
    yield from _bodies()
    yield from _redirects(canary)
    yield from _documents(canary)
    yield from _pages()
    yield from _markup(canary)


def _answers() -> Iterator[Scenario]:
    for code in (400, 401, 403, 404, 418, 500, 502, 599):
        yield Scenario(f"status {code}", status(code), f"HTTP {code}")
    yield Scenario("gone", status(410), "gone")
    yield Scenario("no content", status(204), "HTTP 204")
    yield Scenario("partial content", answer(rss(item()), 206), "HTTP 206")
    yield Scenario("not modified, unasked", status(304), "304")
    yield Scenario("wait 10 years", status(429, Retry_After="315360000"), "HTTP 429")
    yield Scenario(
        "wait until 1999", status(503, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT"), "503"
    )
    yield Scenario("wait nonsense", status(503, Retry_After="soon\x00" * 50), "HTTP 503")
    yield Scenario("silence", hang, "no answer within")
    yield Scenario("slow headers", endless(OK, b"X: y\r\n", 0.2), "no answer within")
    yield Scenario("slow body", endless(OK + b"\r\n<rss>", b" ", 0.2), "longer than")
    yield Scenario("endless body", endless(OK + b"\r\n<rss>", b"x" * 65536), "larger than")
    yield Scenario("endless headers", endless(OK, b"X: " + b"y" * 5000 + b"\r\n"), "headers")
    yield Scenario("one huge header", raw(OK + b"X: " + b"y" * 300_000 + b"\r\n\r\n"), "headers")
    yield Scenario("reset", reset, "broken off")
    yield Scenario("nothing at all", raw(b""), "without an answer")
    yield Scenario("rubbish", raw(bytes(range(256)) * 20), "not proper HTTP")
    yield Scenario("another protocol", raw(b"220 mail.example ESMTP\r\n"), "not proper HTTP")
    yield Scenario("no status line", raw(rss(item()).encode()), "not proper HTTP")
    short = raw(OK + b"Content-Length: 5000\r\n\r\n" + rss(item()).encode())
    yield Scenario("cut off", short, "cut off")
    chunk = raw(OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n<rss>")
    yield Scenario("a chunk that lies", chunk, "cut off")
    chunk = raw(OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n<rss>\r\n0\r\n\r\n")
    yield Scenario("a chunk of less than nothing", chunk, "not proper HTTP")
    yield Scenario(
        "a length below zero", raw(OK + b"Content-Length: -1\r\n\r\nx"), "not proper HTTP"
    )
    two = raw(OK + b"Content-Length: 5\r\nContent-Length: 9\r\n\r\n<rss>")
    yield Scenario("two lengths", two, "not proper HTTP")
    yield Scenario("a length of 1 TB", raw(OK + b"Content-Length: 1099511627776\r\n\r\n"), "larger")


def _bodies() -> Iterator[Scenario]:
    yield Scenario("10 GB in gzip", gigabytes(10), "larger than")
    yield Scenario("10 GB in deflate", gigabytes(10, wrapper=15), "larger than")
    yield Scenario("gzip twice", encoded(rss(item()).encode(), "gzip", "gzip"), "several layers")
    yield Scenario("gzip in deflate", encoded(b"<rss/>", "gzip", "deflate"), "several layers")
    yield Scenario("brotli, unasked", answer(b"x", content_encoding="br"), "not asked for (br)")
    yield Scenario("gzip that is none", answer(b"<rss/>", content_encoding="gzip"), "damaged")
    torn = zlib.compress(rss(item() * 50).encode())[:-20]
    yield Scenario("gzip cut off", answer(torn, content_encoding="deflate"), "cut off")
    undeclared = b"\x1f\x8b\x08" + bytes(50)
    yield Scenario("compressed in secret", answer(undeclared), "compressed")
    yield Scenario("a picture", answer(b"\x89PNG\r\n" + bytes(99)), "an image")
    yield Scenario("a PDF", answer(b"%PDF-1.7 ..."), "PDF")
    yield Scenario("nothing", answer(b""), "empty document")
    yield Scenario("a byte order mark alone", answer(b"\xef\xbb\xbf"), "empty document")
    yield Scenario("a million NULs", answer(bytes(MEGABYTE)), "empty document")


def _redirects(canary: str) -> Iterator[Scenario]:
    host, _, port = canary.partition(":")
    number = int.from_bytes(bytes(map(int, host.split("."))), "big")
    places = [
        (canary, "refused"),
        (f"{number}:{port}", "refused"),
        (f"0x{number:x}:{port}", "refused"),
        (f"[::ffff:{host}]:{port}", "refused"),
        (f"[::1]:{port}", "refused"),
        (f"0.0.0.0:{port}", "refused"),
        (f"localhost:{port}", "refused"),
        (f"127.1:{port}", "refused"),
        ("169.254.169.254", "refused"),
        ("10.0.0.1", "refused"),
        ("[fd00::1]", "refused"),
        ("[64:ff9b::7f00:1]", "refused"),
        ("100.64.0.1", "refused"),
        (f"127.1.0.1@{canary}", "refused"),
    ]
    for place, says in places:
        yield Scenario(f"redirect to {place}", redirect(f"http://{place}/x", 301), says)
    schemes = ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "javascript:1"]
    for address in [*schemes, "data:text/xml,<rss/>", "//", "http://", "http://[", "http://a b/"]:
        yield Scenario(f"redirect to {address}", redirect(address), "redirected")
    yield Scenario("redirect to nowhere", answer(b"", 302), "without saying where to")

    async def itself(request: Request, out: asyncio.StreamWriter) -> None:
        await redirect(request.path)(request, out)

    yield Scenario("redirect to itself", itself, "itself")
    yield Scenario("redirect to a mail server", redirect("http://127.1.0.1:25/"), "port")
    yield Scenario("configured to be forbidden", hang, "refused", start=f"http://{canary}/feed")

    async def chain(request: Request, out: asyncio.StreamWriter) -> None:
        path, _, step = request.path.partition("?")
        await redirect(f"{path}?{int(step or 0) + 1}")(request, out)

    yield Scenario("redirects without end", chain, "more than 5 redirects")


def _documents(canary: str) -> Iterator[Scenario]:
    laughs = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    doctype = f'<!DOCTYPE rss [<!ENTITY a0 "ha">{laughs}]>'
    yield Scenario(
        "a billion laughs", answer(doctype + rss(item(more="<x>&a9;</x>"))), titles=("one",)
    )
    quadratic = f'<!DOCTYPE rss [<!ENTITY a "{"a" * 50_000}">]>' + rss(
        f"<item><guid>1</guid><title>one</title><x>{'&a;' * 50_000}</x></item>"
    )
    yield Scenario("quadratic entities", answer(quadratic), titles=("one",))
    for name, where in (("file", "file:///etc/passwd"), ("network", f"http://{canary}/dtd")):
        doctype = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{where}">]>'
        xxe = doctype + rss("<item><guid>1</guid><title>one &x;</title></item>")
        yield Scenario(f"an entity from a {name}", answer(xxe))
        doctype = f'<!DOCTYPE rss SYSTEM "{where}" [<!ENTITY % p SYSTEM "{where}"> %p;]>'
        yield Scenario(f"a DTD from a {name}", answer(doctype + rss(item())), titles=("one",))
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="http://{canary}/i"/>'
    yield Scenario("an inclusion", answer(rss(item() + include)), titles=("one",))
    sheet = f'<?xml-stylesheet href="http://{canary}/s"?>' + rss(item())
    yield Scenario("a style sheet", answer(sheet), titles=("one",))
    deep = "<a>" * 200_000
    yield Scenario("deep XML", answer(rss(f"<item>{deep}</item>")), "nested too deeply")
    deep = "<div>" * 100_000 + "deep"
    yield Scenario("deep HTML", answer(rss(item(deep))), titles=("one",))
    attributes = " ".join(f'a{n}="1"' for n in range(100_000))
    yield Scenario("many attributes", answer(rss(f"<item {attributes}/>")), "attributes")
    start = rss("").encode()[:-20] + b"<item><guid>1</guid><title>one</title>"
    end = b"</item></channel></rss>"
    tags = repeated(start, b"<a/>" * 16384, 200, end)
    yield Scenario("3 million tags", tags, "too many")
    tags = repeated(start, b'<a b="c" d="e"/>' * 4096, 200, end)
    yield Scenario("800,000 tags with attributes", tags, "too many")
    entry = b"<item><guid>%d</guid><title>t</title></item>"
    many = b"".join(entry % n for n in range(100_000))
    yield Scenario("100,000 entries", answer(rss(many.decode())))
    one = repeated(start + b"<description>", b"x" * 65536, 220, b"</description>" + end)
    yield Scenario("one entry of 14 MB", one, titles=("one",))
    yield Scenario("a title of 1 MB", answer(rss(item(title="a" * MEGABYTE))))
    more = "".join(f"<category>c{n}</category>" for n in range(50_000))
    yield Scenario("50,000 categories", answer(rss(item(more=more))), titles=("one",))
    more = "<enclosure url='http://example.org/a.mp3'/>" * 20_000
    yield Scenario("20,000 files", answer(rss(item(more=more))), titles=("one",))
    guid = f"<item><guid>{'g' * MEGABYTE}</guid><title>one</title></item>"
    yield Scenario("a guid of 1 MB", answer(rss(guid)), titles=("one",))
    yield Scenario("NULs between", answer(rss(item()).replace("one", "o\0ne")), titles=("one",))
    yield Scenario(
        "cut off within", answer(rss(item() + "<item><guid>2</gu")[:-16]), titles=("one",)
    )
    wrong = '<?xml version="1.0" encoding="utf-16"?>' + rss(item(title="naïve"))
    yield Scenario("not UTF-16 at all", answer(wrong), titles=("naïve",))
    hidden = '<?xml version="1.0" encoding="utf-7"?>' + rss(item("+ADw-script+AD4-"))
    yield Scenario("UTF-7", answer(hidden), titles=("one",))
    wrong = rss(item()).replace("one", "&#0;&#xD800;&#x110000;one&#1;")
    yield Scenario("references to nothing", answer(wrong), titles=("one",))
    yield Scenario("no well-formed XML", answer(rss(item()) + "<b>&nbsp;"), titles=("one",))
    yield Scenario("deep JSON", answer("[" * 200_000), "nested too deeply")
    yield Scenario("broken JSON", answer('{"version": "https://jsonfeed.org/version/1", '), "JSON")
    odd = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": [1],
        "items": [None, 7, {"id": {}}],
    }
    yield Scenario("JSON of the wrong types", answer(json.dumps(odd)))
    number = '{"version":"https://jsonfeed.org/version/1.1","items":[{"id":1' + "0" * 400_000
    yield Scenario(
        "a number of 400,000 digits", answer(number + ',"title":"one"}]}'), titles=("one",)
    )


def _pages() -> Iterator[Scenario]:
    pages = [
        ("Buy this domain", "<p>", "parked"),
        ("Just a moment...", "<script src=/cdn-cgi/challenge-platform/h>", "Cloudflare"),
        ("Sign in", "<input type=password>", "login page"),
        ("Under maintenance", "", "maintenance page"),
        ("Welcome", "<p>Hello", "HTML page"),
    ]
    for title, body, says in pages:
        page = f"<!doctype html><title>{title}</title>{body}"
        yield Scenario(f"the page “{title}”", answer(page, content_type="text/html"), says)


def _markup(canary: str) -> Iterator[Scenario]:
    bodies = [
        "<script>alert(1)</script>",
        "<ScRiPt src=//evil.example/x.js></sCrIpT >",
        "<img src=x onerror=alert(1)>",
        "<img src='x' onerror='alert(1)' / onload = alert(1)>",
        "<svg onload=alert(1)><a xlink:href=javascript:alert(1)>x</a></svg>",
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
        "<math><mtext><table><mglyph><style><img src onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a><a href=' java&#10;script:alert(1)'>x</a>",
        "<a href='&#x6A;avascript&colon;alert(1)'>x</a><a href='vbscript:x'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<iframe src='javascript:alert(1)' srcdoc='<script>alert(1)</script>'></iframe>",
        "<form action=//evil.example><input name=p autofocus onfocus=alert(1)><button>x</form>",
        "<object data=//evil.example/x.swf><embed src=javascript:alert(1)></object>",
        "<meta http-equiv=refresh content='0;url=javascript:alert(1)'><base href=//evil.example>",
        "<link rel=stylesheet href=//evil.example/x.css><style>@import '//evil.example'</style>",
        "<p style='background:url(javascript:alert(1));position:fixed' class=x id=y>x</p>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<template><script>alert(1)</script></template><xmp><img src=x onerror=alert(1)></xmp>",
        "<!--><img src=x onerror=alert(1)>--><![CDATA[<script>alert(1)</script>]]>",
        "<details open ontoggle=alert(1)><summary>x</summary></details><video onplay=alert(1)>",
        "<a href=x onmouseover&#61;alert(1) onclick\n=alert(1)>x</a><body onload=alert(1)>",
        f"<img src='http://{canary}/pixel.gif' width=1 height=1><img src='http://{canary}/a.png'>",
        "<p>{{ 7*7 }}{% include '/etc/passwd' %}${7*7}#{7*7} %s %n {0.__class__}</p>",
        "$\\href{javascript:alert(1)}{x}$ \\(\\html{<script>alert(1)</script>}\\)",
    ]
    for number, body in enumerate(bodies):
        does = answer(rss(item(body, title=f"markup {number}")))
        yield Scenario(f"markup {number}", does, titles=(f"markup {number}",))
    titles = [
        "<script>alert(1)</script> in a title",
        "Subject\r\nBcc: victim@example.org\r\n\r\nbody",
        "{{ 7*7 }} {% raw %} %(x)s {title}",
        "\x1b[2J\x1b]0;owned\x07 escape",
        "\u202egnp.exe \u2066 bidi",
    ]
    for number, title in enumerate(titles):
        yield Scenario(f"title {number}", answer(rss(item(title=title))))
    link = "<link>javascript:alert(1)</link><enclosure url='javascript:alert(1)'/>"
    yield Scenario("a link that runs", answer(rss(item(more=link))), titles=("one",))
    base = rss(item("<a href=x>x</a>")).replace("<rss", '<rss xml:base="javascript:alert(1)//"')
    yield Scenario("a base that runs", answer(base), titles=("one",))
    hub = (
        f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="hub" href="http://{canary}/h"/>'
    )
    yield Scenario("a hub within", answer(rss(item(), head=hub)), titles=("one",))
    image = f"<image><url>http://{canary}/i.png</url></image><link>http://{canary}/</link>"
    yield Scenario("an icon within", answer(rss(item(), head=image)), titles=("one",))
