"""One fetch, start to finish, against real servers on loopback."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digestd import __version__
from digestd.core.addresses import AllowList
from digestd.core.models import Validators
from digestd.core.outcomes import Failed, Fetched, Gone, NotModified
from digestd.frozen import replace
from digestd.net.client import Client, user_agent
from digestd.net.politeness import HostGate
from tests.net.conftest import Fetch, Names
from tests.support.webserver import (
    Authority,
    Request,
    WebServer,
    answer,
    hang,
    pack,
    raw,
    redirect,
    reset,
    status,
)

FEED = b"<rss version='2.0'/>"


# --- conditional GET -------------------------------------------------------------------


async def test_the_second_fetch_is_conditional(fetch: Fetch, web: WebServer) -> None:
    web.route("/feed", answer(FEED, etag='"v1"', last_modified="Mon, 02 Mar 2026 08:00:00 GMT"))
    first = await fetch(web.url("/feed"))
    assert isinstance(first, Fetched)
    assert first.body == FEED
    assert first.url == web.url("/feed")
    assert first.moved_to is None
    assert first.validators == Validators('"v1"', "Mon, 02 Mar 2026 08:00:00 GMT")
    assert await fetch(web.url("/feed"), first.validators) == NotModified(first.validators, {})
    sent = web.requests[-1].headers
    assert sent["if-none-match"] == '"v1"'
    assert sent["if-modified-since"] == "Mon, 02 Mar 2026 08:00:00 GMT"


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_a_body_that_is_known_is_left_out(
    fetch: Fetch, web: WebServer, encoding: str
) -> None:
    web.route("/feed", answer(pack(FEED, encoding), content_encoding=encoding))
    first = await fetch(web.url("/feed"))
    assert isinstance(first, Fetched)
    again = await fetch(web.url("/feed"), known=first.wire_hash)
    assert again == replace(first, body=b"", is_known=True)
    web.route("/feed", answer(pack(FEED + b"<!-- 2 -->", encoding), content_encoding=encoding))
    other = await fetch(web.url("/feed"), known=first.wire_hash)
    assert isinstance(other, Fetched)
    assert (other.body, other.is_known) == (FEED + b"<!-- 2 -->", False)


@pytest.mark.parametrize(
    "etag", ['W/"weak"', "unquoted", '"mit Umlaut ü"', '""', '"a","b"', '"tab\there"'[:4] + '"']
)
async def test_validators_go_back_byte_for_byte(fetch: Fetch, web: WebServer, etag: str) -> None:
    odd_date = "yesterday, about noon"
    web.route("/feed", answer(FEED, etag=etag, last_modified=odd_date))
    first = await fetch(web.url("/feed"))
    assert isinstance(first, Fetched)
    await fetch(web.url("/feed"), first.validators)
    assert web.requests[-1].headers["if-none-match"] == etag
    assert web.requests[-1].headers["if-modified-since"] == odd_date


async def test_a_304_refreshes_validators_and_headers(fetch: Fetch, web: WebServer) -> None:
    web.route("/feed", raw(b'HTTP/1.1 304 X\r\nETag: "v2"\r\nCache-Control: max-age=60\r\n\r\n'))
    known = Validators('"v1"', "Mon, 02 Mar 2026 08:00:00 GMT")
    assert await fetch(web.url("/feed"), known) == NotModified(
        Validators('"v2"', known.last_modified), {"cache-control": "max-age=60"}
    )


async def test_a_304_to_a_question_without_validators_is_a_failure(
    fetch: Fetch, web: WebServer
) -> None:
    web.route("/feed", status(304))
    outcome = await fetch(web.url("/feed"))
    assert isinstance(outcome, Failed)
    assert outcome.status == 304


@pytest.mark.parametrize("etag", ["", "a\r\nX: y", "\x00", "中文", "x" * 5000])
async def test_a_validator_that_cannot_be_sent_is_left_out(
    fetch: Fetch, web: WebServer, etag: str
) -> None:
    web.route("/feed", answer(FEED))
    assert isinstance(await fetch(web.url("/feed"), Validators(etag)), Fetched)
    assert "if-none-match" not in web.requests[-1].headers


# --- what is said ----------------------------------------------------------------------


async def test_the_request_says_who_asks(fetch: Fetch, web: WebServer) -> None:
    web.route("/feed", answer(FEED))
    await fetch(web.url("/feed?a=%2F&b=%7E"), contact="me@example.org")
    request = web.requests[-1]
    assert request.headers["user-agent"] == f"digestd/{__version__} (feed reader; +me@example.org)"
    assert request.headers["accept"].startswith("application/atom+xml")
    assert request.headers["accept-encoding"] == "gzip, deflate"
    assert request.path == "/feed?a=%2F&b=%7E"


def test_a_contact_cannot_break_the_user_agent() -> None:
    assert user_agent() == f"digestd/{__version__} (feed reader)"
    assert user_agent("a)\r\nX: (ü") == f"digestd/{__version__} (feed reader; +aX:)"


async def test_cookies_are_not_kept(fetch: Fetch, web: WebServer) -> None:
    web.route("/feed", answer(FEED, Set_Cookie="who=you; Path=/"))
    await fetch(web.url("/feed"))
    await fetch(web.url("/feed"))
    assert "cookie" not in web.requests[-1].headers


async def test_a_proxy_of_the_environment_is_ignored(
    fetch: Fetch, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    web.route("/feed", answer(FEED))
    assert isinstance(await fetch(web.url("/feed")), Fetched)


async def test_headers_that_decisions_need_are_kept(fetch: Fetch, web: WebServer) -> None:
    web.route(
        "/feed",
        raw(
            b"HTTP/1.1 200 OK\r\nLink: <a>; rel=hub\r\nLINK: <b>; rel=self\r\nAge: 5\r\n"
            b"Content-Type: text/xml\r\nX-Other: no\r\nContent-Length: 0\r\n\r\n"
        ),
    )
    outcome = await fetch(web.url("/feed"))
    assert isinstance(outcome, Fetched)
    assert outcome.headers == {
        "age": "5",
        "content-type": "text/xml",
        "link": "<a>; rel=hub, <b>; rel=self",
    }


# --- outcomes, in words ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (400, "HTTP 400 Bad Request"),
        (401, "HTTP 401 Unauthorized"),
        (403, "HTTP 403 Forbidden"),
        (404, "HTTP 404 Not Found"),
        (500, "HTTP 500 Internal Server Error"),
        (204, "HTTP 204 No Content"),
        (206, "HTTP 206 Partial Content"),
        (599, "HTTP 599"),
        (999, "HTTP 999"),
    ],
)
async def test_a_status_is_a_failure_in_words(
    fetch: Fetch, web: WebServer, code: int, reason: str
) -> None:
    web.route("/feed", status(code))
    assert await fetch(web.url("/feed")) == Failed(reason, code)


@pytest.mark.parametrize("code", [429, 503, 403])
async def test_retry_after_is_handed_on_as_it_came(fetch: Fetch, web: WebServer, code: int) -> None:
    web.route("/feed", status(code, Retry_After="Mon, 02 Mar 2026 08:00:00 GMT"))
    outcome = await fetch(web.url("/feed"))
    assert isinstance(outcome, Failed)
    assert outcome.status == code
    assert outcome.retry_after == "Mon, 02 Mar 2026 08:00:00 GMT"


async def test_410_is_gone(fetch: Fetch, web: WebServer) -> None:
    web.route("/feed", status(410))
    assert await fetch(web.url("/feed")) == Gone()


async def test_410_behind_a_temporary_redirect_is_not_the_feeds_end(
    fetch: Fetch, web: WebServer
) -> None:
    web.route("/gone", status(410))
    web.route("/moved", redirect("/gone", 301))
    web.route("/feed", redirect("/gone", 302))
    assert await fetch(web.url("/moved")) == Gone()
    assert await fetch(web.url("/feed")) == Failed("HTTP 410 Gone", 410)


async def test_a_cloudflare_challenge_is_named(fetch: Fetch, web: WebServer) -> None:
    web.route("/feed", status(403, cf_mitigated="challenge"))
    assert await fetch(web.url("/feed")) == Failed(
        "HTTP 403 Forbidden (a Cloudflare challenge)", 403
    )


async def test_a_name_that_leads_nowhere(fetch: Fetch) -> None:
    assert await fetch("http://nowhere.example/") == Failed(
        "the server's name could not be found (nowhere.example)"
    )


async def test_a_port_where_nobody_listens(fetch: Fetch) -> None:
    with WebServer() as web:
        url = web.url("/feed")
    assert await fetch(url) == Failed("the server refuses connections")


async def test_a_reset_connection(fetch: Fetch, web: WebServer) -> None:
    web.route("/feed", reset)
    assert await fetch(web.url("/feed")) == Failed("the connection was broken off")


async def test_no_answer_at_all(fetch: Fetch, web: WebServer) -> None:
    web.route("/feed", hang)
    assert await fetch(web.url("/feed"), timeout=0.3) == Failed("no answer within 0.3 s")


async def test_a_connection_closed_without_a_word(fetch: Fetch, web: WebServer) -> None:
    web.route("/feed", raw(b""))
    assert await fetch(web.url("/feed")) == Failed(
        "the server closed the connection without an answer"
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@",
        "http://user:s3cret@bad host/",
        "http://user:s3cret@[::/",
        "http://user:s3cret@1.2.3.4.5/",
        "http://user:s3cret@ex\x00ample/",
        "http://user:s3cret@xn--a-/",
        "http://user:s3cret@☃☃.example/",
        "http://user:s3cret@a..b/",
        "http://user:s3cret@" + "a" * 300 + ".example/",
        "file:///etc/passwd",
        "",
    ],
)
async def test_an_impossible_address_is_a_failure_without_secrets(fetch: Fetch, url: str) -> None:
    outcome = await fetch(url, timeout=5)
    assert isinstance(outcome, Failed)
    assert "s3cret" not in outcome.reason
    assert len(outcome.reason.splitlines()) == 1


# --- TLS -------------------------------------------------------------------------------


async def test_https_with_a_trusted_certificate(fetch: Fetch, secure_web: WebServer) -> None:
    secure_web.route("/feed", answer(FEED))
    outcome = await fetch(secure_web.url("/feed", host="feed.example"))
    assert isinstance(outcome, Fetched)
    assert secure_web.requests[-1].host == f"feed.example:{secure_web.port}"


async def test_a_certificate_for_another_name(fetch: Fetch, secure_web: WebServer) -> None:
    assert await fetch(secure_web.url("/feed", host="other.example")) == Failed(
        "TLS: Hostname mismatch, certificate is not valid for 'other.example'"
    )


async def test_an_expired_certificate(fetch: Fetch, authority: Authority) -> None:
    with WebServer(tls=authority.server_context(expired=True)) as web:
        assert await fetch(web.url("/feed")) == Failed("TLS: certificate has expired")


async def test_a_certificate_of_a_stranger(fetch: Fetch) -> None:
    with WebServer(tls=Authority().server_context()) as web:
        outcome = await fetch(web.url("/feed"))
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("TLS: ")


async def test_https_asked_of_a_plain_server(fetch: Fetch) -> None:
    async def serve(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        await reader.read(1)
        out.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        out.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        outcome = await fetch(f"https://127.0.0.1:{port}/")
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("TLS: ")


async def test_an_international_name(fetch: Fetch, secure_web: WebServer) -> None:
    secure_web.route("/feed", answer(FEED))
    outcome = await fetch(secure_web.url("/feed", host="Bücher.example"))
    assert isinstance(outcome, Fetched)
    assert secure_web.requests[-1].host.startswith("xn--bcher-kva.example")


# --- redirects -------------------------------------------------------------------------


@pytest.mark.parametrize("code", [301, 308])
async def test_a_permanent_move_is_told(fetch: Fetch, web: WebServer, code: int) -> None:
    web.route("/old", redirect("/new", code))
    web.route("/new", answer(FEED))
    outcome = await fetch(web.url("/old"))
    assert isinstance(outcome, Fetched)
    assert outcome.url == outcome.moved_to == web.url("/new")


@pytest.mark.parametrize("codes", [(302,), (303,), (307,), (301, 302), (307, 308)])
async def test_one_temporary_step_makes_the_whole_way_temporary(
    fetch: Fetch, web: WebServer, codes: tuple[int, ...]
) -> None:
    for step, code in enumerate(codes):
        web.route(f"/{step}", redirect(f"/{step + 1}", code))
    web.route(f"/{len(codes)}", answer(FEED))
    outcome = await fetch(web.url("/0"))
    assert isinstance(outcome, Fetched)
    assert outcome.url == web.url(f"/{len(codes)}")
    assert outcome.moved_to is None


async def test_five_redirects_are_followed_and_no_more(fetch: Fetch, web: WebServer) -> None:
    for step in range(9):
        web.route(f"/{step}", redirect(f"/{step + 1}"))
    web.route("/9", answer(FEED))
    assert isinstance(await fetch(web.url("/4")), Fetched)
    outcome = await fetch(web.url("/3"))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "more than 5 redirects"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("file:///etc/passwd", "redirected astray: only http and https"),
        ("gopher://127.0.0.1:70/", "redirected astray: only http and https"),
        ("http://127.0.0.1:25/", "redirected astray: port 25"),
        ("http://[::1/", "redirected to something that is not a valid URL"),
        ("/feed", "redirected to itself"),
        ("", "HTTP 302 Found, without saying where to"),
    ],
)
async def test_a_redirect_to_nowhere(
    fetch: Fetch, web: WebServer, location: str, words: str
) -> None:
    web.route("/feed", redirect(location))
    outcome = await fetch(web.url("/feed"))
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith(words)


async def test_a_redirect_to_an_emoji_name(fetch: Fetch, web: WebServer, names: Names) -> None:
    names.lead("xn--i-7iq.example", "127.0.0.1")
    web.route("/feed", redirect(web.url("/new", host="xn--i-7iq.example"), 301))
    web.route("/new", answer(FEED))
    outcome = await fetch(web.url("/feed"))
    assert isinstance(outcome, Fetched)
    assert outcome.moved_to == web.url("/new", host="xn--i-7iq.example")


async def test_a_feeds_own_headers_replace_ours(fetch: Fetch, web: WebServer) -> None:
    web.route("/feed", answer(FEED))
    await fetch(web.url("/feed"), headers={"user-agent": "a browser"})
    assert web.requests[-1].headers["user-agent"] == "a browser"


async def test_a_redirect_in_raw_utf8(fetch: Fetch, web: WebServer) -> None:
    web.route("/feed", raw("HTTP/1.1 302 X\r\nLocation: /büch er\r\n\r\n".encode()))
    web.route("/b%C3%BCch%20er", answer(FEED))
    assert isinstance(await fetch(web.url("/feed")), Fetched)


async def test_secrets_stay_with_their_origin(
    fetch: Fetch, web: WebServer, secure_web: WebServer
) -> None:
    secure_web.route("/feed", answer(FEED))
    web.route("/here", redirect("/feed"))
    web.route("/feed", redirect(secure_web.url("/feed")))
    await fetch(
        f"http://user:s3cret@127.0.0.1:{web.port}/here",
        Validators('"mine"'),
        headers={"X-Token": "t0ken", "Accept-Language": "zh"},
    )
    assert [r.path for r in web.requests] == ["/here", "/feed"]
    for request in web.requests:
        assert request.headers["authorization"] == "Basic dXNlcjpzM2NyZXQ="
        assert request.headers["x-token"] == "t0ken"
        assert request.headers["if-none-match"] == '"mine"'
    strange = secure_web.requests[-1].headers
    assert not {"authorization", "x-token", "if-none-match"} & strange.keys()
    assert strange["accept-language"] == "zh"


async def test_validators_of_a_redirects_target_go_there_alone(
    fetch: Fetch, web: WebServer, secure_web: WebServer
) -> None:
    web.route("/feed", redirect(secure_web.url("/feed")))
    secure_web.route("/feed", answer(FEED, etag='"theirs"'))
    first = await fetch(web.url("/feed"))
    assert isinstance(first, Fetched)
    again = await fetch(web.url("/feed"), first.validators)
    assert again == NotModified(first.validators, {})
    assert "if-none-match" not in web.requests[-1].headers


async def test_a_password_in_the_address_survives_a_move(fetch: Fetch, web: WebServer) -> None:
    web.route("/old", redirect("/new", 301))
    web.route("/new", answer(FEED))
    outcome = await fetch(f"http://user:s3cret@127.0.0.1:{web.port}/old")
    assert isinstance(outcome, Fetched)
    assert outcome.url == web.url("/new")
    assert outcome.moved_to == f"http://user:s3cret@127.0.0.1:{web.port}/new"


async def test_a_password_in_a_redirect_is_not_used(fetch: Fetch, web: WebServer) -> None:
    web.route("/old", redirect(f"http://spy:word@127.0.0.1:{web.port}/new", 301))
    web.route("/new", answer(FEED))
    outcome = await fetch(web.url("/old"))
    assert isinstance(outcome, Fetched)
    assert outcome.moved_to == web.url("/new")
    assert "authorization" not in web.requests[-1].headers


async def test_a_failure_elsewhere_says_where(fetch: Fetch, web: WebServer) -> None:
    web.route("/feed", redirect(web.url("/login", host="other.example")))
    web.route("/login", status(429, Retry_After="60"))
    assert await fetch(web.url("/feed")) == Failed(
        "redirected to other.example: HTTP 429 Too Many Requests",
        429,
        "60",
        web.url("/login", host="other.example"),
    )


# --- politeness ------------------------------------------------------------------------


async def test_a_host_that_said_later_is_not_asked_even_through_a_redirect(
    fetch: Fetch, web: WebServer
) -> None:
    now = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    gate = HostGate(lambda: now)
    target = web.url("/feed", host="other.example")
    web.route("/old", redirect(target))
    web.route("/feed", answer(FEED))
    gate.block(target, now + timedelta(minutes=5))
    for url in (target, web.url("/old")):
        outcome = await fetch(url, gate=gate)
        assert isinstance(outcome, Failed)
        assert "asked not to be asked again before 2026-03-02 08:05 UTC" in outcome.reason
        assert outcome.retry_after == "Mon, 02 Mar 2026 08:05:01 GMT"
    assert web.paths() == ["/old"]


# --- proxies ---------------------------------------------------------------------------


async def test_a_configured_proxy_is_used_and_exempt_from_the_guard(
    fetch: Fetch, web: WebServer, names: Names
) -> None:
    async def forward(request: Request, out: asyncio.StreamWriter) -> None:
        await answer(FEED)(request, out)

    web.route("http://far.example/feed", forward)
    proxy = f"http://me:word@127.0.0.1:{web.port}"
    outcome = await fetch("http://far.example/feed", allow=(), proxy=proxy)
    assert isinstance(outcome, Fetched)
    assert web.requests[-1].headers["proxy-authorization"] == "Basic bWU6d29yZA=="
    assert names.asked == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "localhost", "nas", "nas.local"]
)
async def test_a_proxy_is_no_way_into_the_local_network(
    fetch: Fetch, web: WebServer, host: str
) -> None:
    outcome = await fetch(f"http://{host}/feed", allow=(), proxy=web.url())
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("refused: ")
    assert "allow_private = [" in outcome.reason
    assert web.connections == 0


async def test_a_socks_proxy_is_used(fetch: Fetch) -> None:
    async def serve(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        greeting = await reader.readexactly(2)
        await reader.readexactly(greeting[1])
        out.write(b"\x05\x00")
        head = await reader.readexactly(5)
        target.append((await reader.readexactly(head[4])).decode())
        await reader.readexactly(2)
        out.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await reader.readuntil(b"\r\n\r\n")
        out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await out.drain()
        out.close()

    target: list[str] = []
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        outcome = await fetch("http://far.example/", allow=(), proxy=f"socks5://127.0.0.1:{port}")
    assert isinstance(outcome, Fetched)
    assert target == ["far.example"]


@pytest.mark.parametrize("proxy", ["ftp://user:s3cret@127.0.0.1:1", "127.0.0.1:1", "http://"])
async def test_a_proxy_that_cannot_be_one_is_refused(fetch: Fetch, proxy: str) -> None:
    with pytest.raises(ValueError, match="proxy") as caught:
        await fetch("http://feed.example/", proxy=proxy)
    assert "s3cret" not in str(caught.value)


# --- laws ------------------------------------------------------------------------------


@given(st.binary(max_size=300), st.booleans())
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
def test_whatever_bytes_a_server_sends_are_an_outcome(
    context: ssl.SSLContext, data: bytes, with_status: bool
) -> None:
    async def run() -> None:
        allow = AllowList.parse(["127.0.0.0/8"])
        async with Client(context, allow=allow) as client:
            outcome = await client.fetch(
                web.url("/"),
                Validators('"v"'),
                max_bytes=1000,
                timeout=timedelta(seconds=2),
            )
        assert isinstance(outcome, Fetched | NotModified | Gone | Failed)

    with WebServer() as web:
        web.route("/", raw((b"HTTP/1.1 200 OK\r\n" if with_status else b"") + data))
        asyncio.run(run())


@given(st.text(max_size=40))
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
def test_whatever_address_is_asked_is_an_outcome(context: ssl.SSLContext, text: str) -> None:
    async def run() -> None:
        async with Client(context, resolve=Names()) as client:
            for url in (text, f"http://{text}", f"https://feed.example/{text}"):
                outcome = await client.fetch(
                    url, Validators(), max_bytes=1000, timeout=timedelta(seconds=2)
                )
                assert isinstance(outcome, Failed)

    asyncio.run(run())
