"""The attacks of the security facts' fetch table, one by one, over real sockets.

Each stays within its bounds of size, time and reach, and is one clear line.
"""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
import zlib

import pytest

from digestd.core.outcomes import Failed, Fetched, FetchOutcome
from tests.net.conftest import Fetch, Names
from tests.support.webserver import (
    WebServer,
    answer,
    encoded,
    endless,
    hang,
    head,
    raw,
    redirect,
    status,
)

MEGABYTE = 1 << 20


def failed(outcome: FetchOutcome) -> str:
    assert isinstance(outcome, Failed)
    assert len(outcome.reason.splitlines()) == 1
    return outcome.reason


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(MEGABYTE)
    return b"".join(packer.compress(zeros) for _ in range(megabytes)) + packer.flush()


async def test_gzip_bomb(fetch: Fetch, web: WebServer) -> None:
    web.route("/", answer(bomb(500), content_encoding="gzip"))
    tracemalloc.start()
    try:
        outcome = await fetch(web.url(), max_bytes=4 * MEGABYTE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert failed(outcome) == "larger than 4 MB"
    assert peak < 24 * MEGABYTE  # the server's copy of the bomb included


@pytest.mark.parametrize("layers", [("gzip",) * 2, ("gzip",) * 3, ("deflate", "gzip")])
async def test_stacked_encodings(fetch: Fetch, web: WebServer, layers: tuple[str, ...]) -> None:
    web.route("/", encoded(b"<rss/>", *layers))
    assert failed(await fetch(web.url())) == "the answer is compressed in several layers"


@pytest.mark.parametrize("name", ["br", "zstd", "compress", "aes128gcm"])
async def test_encodings_not_asked_for(fetch: Fetch, web: WebServer, name: str) -> None:
    web.route("/", answer(b"\x00\x01", content_encoding=name))
    assert failed(await fetch(web.url())) == (
        f"the answer is compressed in a way not asked for ({name})"
    )


async def test_endless_body(fetch: Fetch, web: WebServer) -> None:
    web.route("/", endless(b"HTTP/1.1 200 OK\r\n\r\n<rss>", b" " * 65536))
    assert failed(await fetch(web.url(), max_bytes=MEGABYTE)) == "larger than 1 MB"


async def test_endless_compressed_body(fetch: Fetch, web: WebServer) -> None:
    """Bytes on the wire count too: empty gzip members inflate to nothing for ever."""
    start = head(200, {"Content-Encoding": "gzip"})
    web.route("/", endless(start, gzip.compress(b"") * 3000))
    assert failed(await fetch(web.url(), max_bytes=MEGABYTE)) == (
        "the compressed answer is in too many parts"
    )
    web.route("/stored", endless(start, gzip.compress(b"x" * 1000, compresslevel=0)))
    assert failed(await fetch(web.url("/stored"), max_bytes=500_000)) == "larger than 500 KB"


async def test_one_byte_at_a_time(fetch: Fetch, web: WebServer) -> None:
    web.route("/body", endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x", every=0.02))
    web.route("/head", endless(b"HTTP/1.1 200 OK\r\nX: ", b"x", every=0.02))
    begun = time.monotonic()
    body, header = await asyncio.gather(
        fetch(web.url("/body"), timeout=0.5), fetch(web.url("/head"), timeout=0.5)
    )
    assert time.monotonic() - begun < 3
    assert failed(body) == "the answer took longer than 0.5 s"
    assert failed(header) == "no answer within 0.5 s"


async def test_the_deadline_covers_redirects(fetch: Fetch, web: WebServer) -> None:
    web.route("/", redirect("/slow"))
    web.route("/slow", hang)
    assert failed(await fetch(web.url(), timeout=0.5)) == "no answer within 0.5 s"


async def test_the_deadline_covers_the_name(fetch: Fetch, web: WebServer) -> None:
    async def never(host: str, port: int) -> list[object]:
        await asyncio.Event().wait()
        return []

    outcome = await fetch(web.url("/", host="slow.example"), timeout=0.3, resolve=never)
    assert failed(outcome) == "no answer within 0.3 s"


@pytest.mark.parametrize("piece", [b"x" * 8192, b"X-H: y\r\n" * 1000], ids=["one", "many"])
async def test_endless_headers(fetch: Fetch, web: WebServer, piece: bytes) -> None:
    web.route("/", endless(b"HTTP/1.1 200 OK\r\nX: ", piece))
    assert failed(await fetch(web.url())) == "the headers of the answer are larger than 100 KB"


async def test_endless_early_hints(fetch: Fetch, web: WebServer) -> None:
    web.route("/", endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10, every=0.01))
    assert failed(await fetch(web.url(), timeout=0.5)) == "no answer within 0.5 s"


@pytest.mark.parametrize("where", ["file:///etc/passwd", "FILE:/etc/passwd", "file://localhost/x"])
async def test_redirect_to_file(fetch: Fetch, web: WebServer, where: str) -> None:
    web.route("/", redirect(where))
    assert failed(await fetch(web.url())) == (
        "redirected astray: only http and https addresses can be fetched, not file"
    )


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "inner.example", "[::ffff:7f00:1]"])
async def test_redirect_to_the_internal_address(
    fetch: Fetch, web: WebServer, names: Names, host: str, code: int
) -> None:
    names.lead("inner.example", "127.0.0.1")
    names.lead("2130706433", "127.0.0.1")
    with WebServer() as inner:
        inner.route("/secret", answer(b"<rss><channel><title>secret</title></channel></rss>"))
        web.route("/", redirect(inner.url("/secret", host=host), code))
        outcome = await fetch(
            web.url("/", host="feed.example"), allow=(f"feed.example:{web.port}",)
        )
        assert inner.connections == 0
    reason = failed(outcome)
    assert reason.startswith("redirected to ")
    assert "refused: " in reason
    assert "allow_private = [" in reason


async def test_rebinding(fetch: Fetch, names: Names) -> None:
    """A public answer for the check, a private one for the connection: there is but one look-up."""
    with WebServer() as inner:
        names.lead("rebind.example", "192.0.0.170", "127.0.0.1")
        first = await fetch(inner.url("/", host="rebind.example"), allow=())
        second = await fetch(inner.url("/", host="rebind.example"), allow=())
        assert inner.connections == 0
    assert "192.0.0.170, a reserved address" in failed(first)
    assert "127.0.0.1, this machine itself" in failed(second)
    assert names.asked == ["rebind.example"] * 2


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
            "the answer was cut off",
            id="short-body",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nshort",
            "the answer was cut off",
            id="short-chunk",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFF\r\nx",
            "the answer was cut off",
            id="huge-chunk",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nxx\r\n0\r\n\r\n",
            "the answer is not proper HTTP",
            id="chunk-size-of-letters",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
            "the answer is not proper HTTP",
            id="two-lengths",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "the answer is not proper HTTP",
            id="negative-length",
        ),
        pytest.param(b"220 mail.example ESMTP\r\n", "the answer is not proper HTTP", id="smtp"),
        pytest.param(b"<rss/>", "the answer is not proper HTTP", id="http-0.9"),
    ],
)
async def test_lies_about_length(fetch: Fetch, web: WebServer, answered: bytes, words: str) -> None:
    web.route("/", raw(answered))
    outcome = failed(await fetch(web.url()))
    # A server that goes away with our bytes unread may end in a RST rather than an end.
    assert outcome in (words, "the server closed the connection without an answer")


async def test_a_declared_size_is_refused_unread(fetch: Fetch, web: WebServer) -> None:
    web.route("/", endless(head(200, {"Content-Length": str(10**15)}), b"", every=0.05))
    assert failed(await fetch(web.url(), max_bytes=16 * MEGABYTE)) == "larger than 16 MB"


async def test_many_large_bodies_share_the_memory(fetch: Fetch, web: WebServer) -> None:
    """More large bodies than there are places: the rest wait, and all arrive."""
    web.route("/", answer(b"x" * (MEGABYTE + 70_000)))
    outcomes = await asyncio.gather(
        *(fetch(web.url(f"/?{n}"), max_bytes=2 * MEGABYTE, timeout=30) for n in range(20))
    )
    assert all(isinstance(outcome, Fetched) for outcome in outcomes)


async def test_one_hostile_server_does_not_hold_up_another(fetch: Fetch, web: WebServer) -> None:
    web.route("/hang", hang)
    web.route("/feed", answer(b"<rss/>"))
    hanging = [asyncio.ensure_future(fetch(web.url("/hang"), timeout=20)) for _ in range(20)]
    assert isinstance(await fetch(web.url("/feed"), timeout=5), Fetched)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    assert isinstance(await fetch(web.url("/feed"), timeout=5), Fetched)


async def test_a_terminal_escape_in_a_status_line_reaches_nobody(
    fetch: Fetch, web: WebServer
) -> None:
    web.route("/", raw(b"HTTP/1.1 500 \x1b[2J\xff gone\r\nContent-Length: 0\r\n\r\n"))
    assert failed(await fetch(web.url())) in (
        "HTTP 500 Internal Server Error",
        "the answer is not proper HTTP",
    )


async def test_an_empty_error_page_is_one_failure(fetch: Fetch, web: WebServer) -> None:
    web.route("/", status(500))
    assert failed(await fetch(web.url())) == "HTTP 500 Internal Server Error"
