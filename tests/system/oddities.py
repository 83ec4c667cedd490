"""More of what feeds do: transfers, encodings, documents and markup, odd rather than large."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterator
from html import escape

from tests.support.webserver import Action, Request, answer, raw, redirect
from tests.system.scenarios import MEGABYTE, OK, Scenario, item, repeated, rss

FEED = rss(item()).encode()
JSON_FEED = '"version":"https://jsonfeed.org/version/1.1"'


def oddities(canary: str) -> Iterator[Scenario]:
    """Yield all; nobody may ever be led to `canary`, "HOST:PORT"."""
    yield from _transfers()
    yield from _encodings()
    yield from _json()
    yield from _xml(canary)
    yield from _markup(canary)
    yield from _titles()
    yield from _links(canary)


def _ok(headers: str, body: bytes = FEED) -> Action:
    return raw(OK + headers.encode("latin-1") + b"\r\n" + body)


def _chunks(*pieces: bytes, sizes: str = "{:x}", end: bytes = b"0\r\n\r\n") -> Action:
    body = b"".join(sizes.format(len(p)).encode() + b"\r\n" + p + b"\r\n" for p in pieces)
    return _ok("Transfer-Encoding: chunked\r\n", body + end)


def _transfers() -> Iterator[Scenario]:
    one = ("one",)
    singles = [FEED[at : at + 1] for at in range(len(FEED))]
    yield Scenario("a byte a chunk", _chunks(*singles), titles=one)
    yield Scenario("extensions of chunks", _chunks(FEED, sizes="{:x};a=b;c"), titles=one)
    long = "{:x};" + "x" * 100_000
    yield Scenario("a chunk extension of 100 KB", _chunks(FEED, sizes=long), titles=one)
    trailer = b"0\r\nX-A: b\r\nSet-Cookie: a=b\r\n\r\n"
    yield Scenario("trailers", _chunks(FEED, end=trailer), titles=one)
    trailer = b"0\r\n" + b"X-A: b\r\n" * 100_000 + b"\r\n"
    yield Scenario("100,000 trailers", _chunks(FEED, end=trailer))
    smuggled = _ok(f"Content-Length: {len(FEED)}\r\nTransfer-Encoding: chunked\r\n")
    yield Scenario("a length and chunks", smuggled, "HTTP")
    informed = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
    yield Scenario("early hints", raw(informed * 3 + OK + b"\r\n" + FEED), titles=one)
    yield Scenario("10,000 early hints", raw(informed * 10_000 + OK + b"\r\n" + FEED))
    yield Scenario(
        "101 switches",
        raw(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" + FEED),
        "not proper HTTP",
    )
    many = "".join(f"X-{n}: y\r\n" for n in range(5_000))
    yield Scenario("5,000 headers", _ok(many), titles=one)
    yield Scenario("a folded header", _ok("X-A: b\r\n  c\r\n"))
    yield Scenario("a header without a name", _ok(": b\r\n"), "HTTP")
    yield Scenario("NUL in a header", _ok("ETag: a\x00b\r\n"), titles=one)
    yield Scenario("an ETag of 60 KB", _ok(f'ETag: "{"e" * 60_000}"\r\n'))
    yield Scenario("an ETag that splits", _ok('ETag: "a\\r\\nX-Evil: 1"\r\n'), titles=one)
    yield Scenario("status 200 without words", raw(b"HTTP/1.1 200\r\n\r\n" + FEED), titles=one)
    yield Scenario("status 99", raw(b"HTTP/1.1 99 x\r\n\r\n" + FEED), "HTTP")
    yield Scenario("HTTP/0.9", raw(FEED), "HTTP")
    yield Scenario("HTTP/3.0", raw(b"HTTP/3.0 200 OK\r\n\r\n" + FEED), "HTTP")
    dates = "Last-Modified: Thu, 99 Foo 99999 99:99:99 GMT\r\nExpires: -1\r\nAge: 9e99\r\n"
    yield Scenario("dates and ages of nonsense", _ok(dates), titles=one)
    cache = "Cache-Control: max-age=99999999999999999999, max-age=-1, =, s-maxage=\r\n"
    yield Scenario("cache control of nonsense", _ok(cache), titles=one)

    async def ring(request: Request, out: asyncio.StreamWriter) -> None:
        path, _, step = request.path.partition("?")
        where = f"{path}?{(int(step or 0) + 1) % 4}"
        await answer(b"", 302, Location=where, set_cookie="seen=1")(request, out)

    yield Scenario("redirects in a ring, with cookies", ring, "redirect")
    yield Scenario("redirect of 1 MB", redirect("http://example.org/" + "x" * 60_000), "redirect")


def _encodings() -> Iterator[Scenario]:
    one = ("one",)
    members = b"".join(gzip.compress(FEED[at : at + 1]) for at in range(len(FEED)))
    yield Scenario("gzip of many members", answer(members, content_encoding="gzip"), titles=one)
    junk = gzip.compress(FEED) + b"junk after it"
    yield Scenario("gzip with junk behind", answer(junk, content_encoding="gzip"))
    wrong = gzip.compress(FEED)[:-8] + b"\0" * 8
    yield Scenario("gzip with a wrong sum", answer(wrong, content_encoding="gzip"), "damaged")
    named = b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * MEGABYTE + b"\0" + gzip.compress(FEED)[10:]
    yield Scenario("gzip named by 1 MB", answer(named, content_encoding="gzip"))
    empty = gzip.compress(b"") * 100_000
    yield Scenario("100,000 empty members", answer(empty, content_encoding="gzip"), "parts")
    stored = zlib.compress(FEED, 0)
    yield Scenario("deflate that stores", answer(stored, content_encoding="deflate"), titles=one)
    yield Scenario("x-gzip", answer(gzip.compress(FEED), content_encoding="x-gzip"), titles=one)
    yield Scenario("identity", answer(FEED, content_encoding="identity"), titles=one)
    yield Scenario(
        "an encoding of 10 KB", answer(FEED, content_encoding="x" * 10_000), "not asked for"
    )
    for name in ("utf-32", "utf-32-be", "utf-16-le", "utf-16-be"):
        text = f'<?xml version="1.0" encoding="{name[:6]}"?>' + rss(item("ünï"))
        yield Scenario(f"XML in {name}", answer(text.encode(name)))
    ebcdic = '<?xml version="1.0" encoding="cp037"?>' + rss(item())
    yield Scenario("XML in EBCDIC", answer(ebcdic.encode("cp037")), "not a feed")
    for name in ("punycode", "idna", "rot13", "zip", "unicode_escape", "../../etc", "x" * 5_000):
        text = f'<?xml version="1.0" encoding="{name}"?>' + rss(item())
        does = answer(text, content_type=f"text/xml; charset={name[:3_000]}")
        yield Scenario(f"an encoding called {name[:20]}", does, titles=one)


def _json() -> Iterator[Scenario]:
    one = ("one",)
    good = '{"id":"1","title":"one","content_text":"x"}'
    feed = f'{{{JSON_FEED},"items":[{good}]}}'
    yield Scenario(
        "keys twice", answer(feed.replace('"title"', '"title":"no","title"')), titles=one
    )
    for value in ("NaN", "-Infinity", "1e999", "1e-999", "-0", "9" * 5_000):
        odd = feed.replace('"id":"1"', f'"id":{value}')
        yield Scenario(f"an id of {value[:10]}", answer(odd))
        yield Scenario(f"a number {value[:10]}", answer(feed[:-1] + f',"x":{value}}}'))
    lone = feed.replace("one", r"o\ud800ne\u0000\u202e")
    yield Scenario("lone surrogates", answer(lone), titles=one)
    deep = feed[:-1] + ',"x":' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "}"
    yield Scenario("deep objects", answer(deep), "nested")
    wide = f'{{{JSON_FEED},"items":[{",".join(f"""{{"id":"{n}"}}""" for n in range(4_000))}]}}'
    yield Scenario("4,000 items", answer(wide))
    keys = ",".join(f'"k{n}":1' for n in range(20_000))
    yield Scenario("20,000 keys", answer(feed[:-1] + f",{keys}}}"), titles=one)
    urls = [f"http://{n}.example/" for n in range(5_000)]
    files = json.dumps([{"url": url, "mime_type": "audio/mpeg"} for url in urls])
    tags = json.dumps([f"t{n}" for n in range(5_000)])
    more = good[:-1] + f',"attachments":{files},"tags":{tags},"authors":{tags}}}'
    yield Scenario("5,000 attachments", answer(feed.replace(good, more)), titles=one)
    yield Scenario("JSON in UTF-16", answer(feed.encode("utf-16")))
    yield Scenario("JSON with a comment", answer("/* x */" + feed), "not a feed")


def _xml(canary: str) -> Iterator[Scenario]:
    one = ("one",)
    start = rss("").encode()[: -len("</channel></rss>")]
    end = b"<item><guid>1</guid><title>one</title></item></channel></rss>"
    huge = repeated(start + b'<x a="', b"y" * 65536, 4, b'"/>' + end)
    yield Scenario("an attribute of 260 KB", huge)
    yield Scenario("a comment of 260 KB", repeated(start + b"<!--", b"- " * 32768, 4, b"-->" + end))
    sections = repeated(start + b"<x>", b"<![CDATA[]]>" * 5_000, 2, b"</x>" + end)
    yield Scenario("10,000 CDATA sections", sections, titles=one)
    yield Scenario("CDATA within CDATA", answer(rss(item("<![CDATA[" * 50_000))), titles=one)
    open_ = rss("<item><guid>1</guid><title>one</title><description><![CDATA[" + "x<b>" * 50_000)
    yield Scenario("CDATA that never ends", answer(open_))
    yield Scenario("10,000 PIs", repeated(start, b"<?a b?>" * 5_000, 2, end), titles=one)
    spaces = " ".join(f'xmlns:n{n}="urn:{n}"' for n in range(5_000))
    yield Scenario("5,000 namespaces", answer(rss(item()).replace("<rss", f"<rss {spaces}")))
    name = "n" * 100_000
    yield Scenario("a name of 100 KB", answer(rss(item() + f"<{name}/>")))
    bases = "".join(f'<a xml:base="{"x/" * 500}">' for _ in range(30))
    yield Scenario("30 bases within each other", answer(rss(item(more=bases))))
    parameter = "".join(f'<!ENTITY % p{n} "{f"%p{n - 1};" * 10 if n else "x"}">' for n in range(9))
    does = answer(f"<!DOCTYPE rss [{parameter}%p8;]>" + rss(item()))
    yield Scenario("parameter entities that double", does)
    attlist = '<!DOCTYPE rss [<!ATTLIST item a CDATA "' + "x" * 50_000 + '">]>'
    yield Scenario("defaults for attributes", answer(attlist + rss(item() * 200)))
    hubs = "".join(f'<a:link rel="hub" href="https://h{n}.example/"/>' for n in range(2_000))
    atom = ' xmlns:a="http://www.w3.org/2005/Atom"'
    does = answer(rss(item(), head=hubs).replace("<rss", f"<rss{atom}"))
    yield Scenario("2,000 hubs", does, titles=one)
    places = [f"http://[::ffff:{canary.partition(':')[0]}]:{canary.partition(':')[2]}/x"]
    places += [f"http://{canary}/x", "http://[::1]/x", "http://0/x", "http://2130706433/x"]
    for number, place in enumerate(places):
        head = f'<a:link rel="hub" href="{place}"/><a:link rel="self" href="{place}"/>'
        head += f"<image><url>{place}</url></image>"
        more = (
            f'<enclosure url="{place}" type="audio/mpeg" length="1"/><comments>{place}</comments>'
        )
        does = answer(
            rss(item(f'<img src="{place}">', more=more), head=head).replace("<rss", f"<rss{atom}")
        )
        yield Scenario(f"forbidden places within {number}", does, titles=one)
    archive = f'<a:link rel="prev-archive" href="http://{canary}/x"/><a:link rel="next" href="http://{canary}/y"/>'
    does = answer(rss(item(), head=archive).replace("<rss", f"<rss{atom}"))
    yield Scenario("an archive within", does, titles=one)
    ttl = "<ttl>99999999999999999999</ttl><skipHours>" + "<hour>5</hour>" * 10_000 + "</skipHours>"
    yield Scenario("a ttl without end", answer(rss(item(), head=ttl)), titles=one)
    hours = "".join(f"<hour>{n}</hour>" for n in range(24))
    days = "".join(f"<day>{d}day</day>" for d in "Mon Tues Wednes Thurs Fri Satur Sun".split())
    never = f"<skipHours>{hours}</skipHours><skipDays>{days}</skipDays>"
    yield Scenario("never to be asked", answer(rss(item(), head=never)), titles=one)
    when = "<pubDate>" + "Mon, " * 20_000 + "</pubDate>"
    yield Scenario("a date of 100 KB", answer(rss(item(more=when))), titles=one)
    when = "<pubDate>Sat, 31 Dec 999999 23:59:60 +9999</pubDate>"
    yield Scenario("a date that no calendar has", answer(rss(item(more=when))), titles=one)


def _markup(canary: str) -> Iterator[Scenario]:
    one = ("one",)
    bodies = {
        "5,000 <br>": "<br>" * 5_000,
        "30,000 ampersands": "&" * 30_000,
        "10,000 <": "<" * 10_000,
        "nested tables": "<table><tr><td>" * 1_000,
        "misnested formatting": "<b><i><u><p>" * 500,
        "lists within lists": "<ul><li>" * 1_000,
        "7,000 entities": "&NotEqualTilde;" * 7_000,
        "controls as references": "<iframe></iframe>&#1;<a title='&#2;' href='x&#3;'>&#x202e;x</a>",
        "forms within tables": "<table><form><table><form>" * 500,
        "a select": "<select><option>" * 5_000,
        "2,000 pictures": f"<img src='http://{canary}/p.png'>" * 2_000,
        "a srcset of 200 KB": f"<img srcset='{'http://a.example/x 1w,' * 9_000}'>",
        "an inlined picture": f"<img src='data:image/png;base64,{'A' * 100_000}'>",
        "a link of 100 KB": f"<a href='http://a.example/{'x' * 100_000}'>x</a>",
        "500 formulas": "$x^2$ " * 500,
        "a long formula": "$$" + "{x_1}^2 " * 900 + "$$",
        "deep braces": "$$" + "{" * 3_900 + "x" + "}" * 3_900 + "$$",
        "fractions within fractions": "$$" + r"\frac{" * 200 + "x" + "}{y}" * 200 + "$$",
        "macros that double": r"$\def\a{xx}" + "".join(
            rf"\def\{chr(98 + n)}{{{f'{chr(92)}{chr(97 + n)}' * 10}}}" for n in range(8)
        ) + r"\i$ $\i$",
        "a macro of itself": r"$\def\a{\a\a}$ $\a$",
        "combining marks": "a" + "\u0301" * 50_000,
        "no blank at all": "x" * 100_000,
        "zero-width signs": "\u200b\u200d" * 20_000,
        "emoji joined without end": "\U0001f468\u200d" * 10_000,
        "bidi": "\u202e\u2066" * 10_000 + "x",
    }  # fmt: skip
    for name, body in bodies.items():
        yield Scenario(name, answer(rss(item(body))), titles=one)


def _titles() -> Iterator[Scenario]:
    for number, title in enumerate(
        [
            "Z" + "\u0300\u0301\u0302\u0303" * 2_000 + "algo",
            "\u202e\u2067evil\u2069" * 100,
            "a\u2028b\u2029c\x85d\x0be",
            "@everyone <@123> <!here> *_`[x](http://a.example)",
            "=cmd|' /C calc'!A0",
            "$" * 3_000 + "x" + "$" * 3_000,
            "\U000e0041\U000e0042 tags",
            "%s %n %x {0.__class__} $(id) `id` ; rm -rf /",
            "<b>" * 3_000 + "x",
            "&amp;" * 3_000,
            "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") * 300,
            "\t\n " * 5_000,
        ]
    ):
        yield Scenario(f"an odd title {number}", answer(rss(item(title=title))))
    guid = "".join(
        f"<item><guid>{escape(chr(c))}</guid><title>t</title></item>" for c in range(1, 256)
    )
    yield Scenario("guids of one sign", answer(rss(guid)))


def _links(canary: str) -> Iterator[Scenario]:
    one = ("one",)
    hub = f"<http://{canary}/hub>; rel=hub, <http://{canary}/self>; rel=self"
    yield Scenario("a hub in a header", answer(FEED, Link=hub), titles=one)
    long = ", ".join(f"<https://h{n}.example/>; rel=hub" for n in range(1_500))
    yield Scenario("1,500 hubs in a header", _ok(f"Link: {long}\r\n"), titles=one)
    yield Scenario("a Link of 1 MB", _ok(f"Link: {'<x>; rel=hub, ' * 70_000}\r\n"), "headers")
    quotes = '<x>; title="' + '\\"' * 25_000
    yield Scenario("a Link that never ends", _ok(f"Link: {quotes}\r\n"), titles=one)
    yield Scenario(
        "a Content-Location of theirs", _ok(f"Content-Location: http://{canary}/\r\n"), titles=one
    )
    yield Scenario("a Refresh", _ok(f"Refresh: 0;url=http://{canary}/\r\n"), titles=one)
    kind = "text/xml; charset=" + "x" * 50_000
    yield Scenario("a type of 50 KB", _ok(f"Content-Type: {kind}\r\n"), titles=one)
    page = f'<html><link rel=alternate type="application/rss+xml" href="http://{canary}/f">'
    yield Scenario("a page that names a feed", answer(page, content_type="text/html"), "HTML")
