"""One conditional GET, start to finish: what a server does is an outcome, never an exception."""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Self, cast

import httpx

from digestd import __version__
from digestd.core.addresses import AllowList, check_url
from digestd.core.models import Validators
from digestd.core.outcomes import (
    Failed,
    Fetched,
    FetchOutcome,
    Gone,
    NotModified,
)
from digestd.core.text import one_line
from digestd.frozen import dataclass
from digestd.net.decoding import BodyReader, UnreadableBodyError
from digestd.net.guard import Resolve
from digestd.net.politeness import HostGate
from digestd.net.reasons import in_words, status_in_words
from digestd.net.room import SMALL, Place, Room
from digestd.net.transport import GuardedTransport
from digestd.net.trip import Trip, header, kept_headers, raw_header

MAX_REDIRECTS = 5

# Feeds first, yet whatever there is: many servers label feeds as text/html or text/plain.
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml,"
    " application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, text/html;q=0.7, */*;q=0.5"
)

# Statuses whose page may say what is the matter, and how much of it is looked at, how long.
_TELLING = frozenset([401, 403, 404, 429, 500, 502, 503])
_GLIMPSE = 64 << 10
_GLANCE = 3.0  # seconds
_HINT = 200  # of a refusal's body, for the log

_MOVES = frozenset([301, 302, 303, 307, 308])
_NO_BODY = httpx.ByteStream(b"")  # given one, httpx looks for no headers that are missing


@dataclass(frozen=True, slots=True)
class Answered:
    """What a form was answered with. `hint` is the beginning of the body, one line."""

    status: int
    words: str
    location: str
    retry_after: str | None
    hint: str


@dataclass(frozen=True, slots=True)
class _Allowed:
    """How large a body may be, where it has its room, and which one is not wanted again."""

    max_bytes: int
    place: Place
    known: bytes | None


class Client:
    """Fetches over one pool, for the life of the process; an async context manager.

    `context` is `net.tls.make_context()`, or what makes it when it is needed.
    `allow` is the owner's `allow_private`. With a `gate`, no host is asked before
    its Retry-After is over, redirects included. `proxy` (http, https, socks5) is trusted as its
    owner's; ValueError if it cannot be one.
    """

    def __init__(
        self,
        context: ssl.SSLContext | Callable[[], ssl.SSLContext],
        *,
        allow: AllowList | None = None,
        gate: HostGate | None = None,
        contact: str = "",
        proxy: str = "",
        connections: int = 32,
        resolve: Resolve | None = None,
    ) -> None:
        self._gate = gate
        self.room = Room()
        # The bare transport, not httpx.AsyncClient: that keeps cookies, reads proxies and passwords
        # from the environment, and parses each Location for itself; we want none of it.
        self._make_transport = functools.partial(
            GuardedTransport, allow or AllowList(), context, resolve=resolve
        )
        self._proxy = proxy
        self._connections = connections
        self._transports = {proxy: self._make_transport(connections=connections, proxy=proxy)}
        self._headers = [
            (b"User-Agent", user_agent(contact).encode("ascii")),
            (b"Accept", ACCEPT.encode("ascii")),
            (b"Accept-Encoding", b"gzip, deflate"),
        ]

    async def __aenter__(self) -> Self:
        for transport in self._transports.values():
            await transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for transport in self._transports.values():
            await transport.__aexit__(kind, error, trace)

    async def fetch(
        self,
        url: str,
        validators: Validators,
        *,
        max_bytes: int,
        timeout: timedelta,  # noqa: ASYNC109 - a deadline over several awaits
        headers: Mapping[str, str] | None = None,
        at: str = "",
        proxy: str | None = None,
        place: Place | None = None,
        known: bytes | None = None,
    ) -> FetchOutcome:
        """GET `url`, conditionally on `validators` (RFC 9110, section 13.1).

        `max_bytes` counts decoded bytes. `timeout` is for everything: name,
        connection, redirects, body. `headers` (a feed's own, perhaps secret)
        and a password in `url` stay with the origin they are meant for. `at`
        is where `url` has moved to, if it has: the first to be asked. `proxy`
        goes before that of all; empty, there is none. A large body takes its
        room in `place`, until whoever gave it leaves; without one, until it is here.
        The body whose `Fetched.wire_hash` is `known` is left out.
        """
        reason = check_url(url) or (check_url(at) if at else "")
        if reason:
            return Failed(reason)
        try:
            trip = Trip(url, validators, headers or {}, at)
        except (httpx.InvalidURL, ValueError):
            return Failed("the address is not a valid URL")
        try:
            transport = await self._by_way_of(self._proxy if proxy is None else proxy)
        except ValueError as exc:
            return Failed(str(exc))
        if place is not None:
            return await self._in_time(trip, transport, _Allowed(max_bytes, place, known), timeout)
        async with self.room.place() as own:
            return await self._in_time(trip, transport, _Allowed(max_bytes, own, known), timeout)

    async def post(
        self,
        url: str,
        form: bytes,
        *,
        timeout: timedelta,  # noqa: ASYNC109 - a deadline over several awaits
    ) -> Answered | Failed:
        """POST a form to `url` and return the answer, redirects not followed."""
        reason = check_url(url)
        if reason:
            return Failed(reason)
        until = self._gate.forbidden_until(url) if self._gate else None
        if until is not None:
            return Failed(*_told_to_wait(until))
        kind = (b"Content-Type", b"application/x-www-form-urlencoded")
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                request = httpx.Request("POST", url, headers=[*self._headers, kind], content=form)
                transport = await self._by_way_of(self._proxy)
                response = await transport.handle_async_request(request)
                try:
                    return await _answered(response)
                finally:
                    await _raw(response).aclose()
        except TimeoutError:
            return Failed(f"no answer within {timeout.total_seconds():g} s")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as exc:
            return Failed(in_words(exc))

    async def _by_way_of(self, proxy: str) -> GuardedTransport:
        if proxy not in self._transports:
            transport = self._make_transport(connections=self._connections, proxy=proxy)
            self._transports[proxy] = transport
            await transport.__aenter__()
        return self._transports[proxy]

    async def _in_time(
        self, trip: Trip, transport: GuardedTransport, allowed: _Allowed, span: timedelta
    ) -> FetchOutcome:
        try:
            async with asyncio.timeout(span.total_seconds()) as deadline:
                return await self._follow(trip, transport, allowed, deadline)
        except TimeoutError:
            seconds = f"{span.total_seconds():g} s"
            if trip.answered:
                return trip.failed(f"the answer took longer than {seconds}")
            return trip.failed(f"no answer within {seconds}")
        except UnreadableBodyError as exc:
            return trip.failed(str(exc))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as exc:
            return trip.failed(in_words(exc))

    async def _follow(
        self, trip: Trip, transport: GuardedTransport, allowed: _Allowed, deadline: asyncio.Timeout
    ) -> FetchOutcome:
        for _ in range(MAX_REDIRECTS + 1):
            until = self._gate.forbidden_until(trip.address) if self._gate else None
            if until is not None:
                return trip.failed(*_told_to_wait(until))
            request = httpx.Request(
                "GET", trip.at, headers=trip.headers(self._headers), stream=_NO_BODY
            )
            response = await transport.handle_async_request(request)
            try:
                trip.answered = True
                if response.status_code not in _MOVES:
                    return await self._read(trip, response, allowed, deadline)
                problem = trip.move(raw_header(response, "location"), response.status_code)
            finally:
                await _raw(response).aclose()
            if problem:
                return trip.failed(problem, response.status_code)
        return trip.failed(f"more than {MAX_REDIRECTS} redirects")

    async def _read(
        self, trip: Trip, response: httpx.Response, allowed: _Allowed, deadline: asyncio.Timeout
    ) -> FetchOutcome:
        status = response.status_code
        kept = kept_headers(response)
        if status == 304:
            if not trip.asks_conditionally:
                return trip.failed("HTTP 304 Not Modified, to a question without conditions", 304)
            return NotModified(trip.validators(response), kept, trip.moved_to)
        if status == 410 and trip.permanent:
            return Gone()
        if status not in (200, 203):
            # The header is Cloudflare's own mark of a page made for people only.
            challenge = raw_header(response, "cf-mitigated") == b"challenge"
            what = "a Cloudflare challenge" if challenge else await self._kind_of_page(response)
            words = status_in_words(status) + (f" ({what})" if what else "")
            return trip.failed(words, status, kept.get("retry-after"))
        reader = BodyReader(
            header(response, "content-encoding"), max_bytes=allowed.max_bytes, known=allowed.known
        )
        body = await _body(response, reader, allowed, deadline)
        return Fetched(
            body,
            trip.validators(response),
            trip.address,
            kept,
            trip.moved_to,
            reader.wire_hash,
            reader.is_known,
        )

    async def _kind_of_page(self, response: httpx.Response) -> str:
        """Name the page that comes with an error, if it is one that owners should know of."""
        if response.status_code not in _TELLING:
            return ""
        try:
            reader = BodyReader(header(response, "content-encoding"), max_bytes=_GLIMPSE)
        except UnreadableBodyError:
            return ""
        try:
            async with asyncio.timeout(_GLANCE):
                async for piece in _raw(response):
                    reader.feed(piece)
        except (TimeoutError, UnreadableBodyError, httpx.HTTPError):
            pass  # what has come will do
        from digestd.formats.pages import ERROR_PAGE, is_page, what_it_is  # noqa: PLC0415 (rare)

        page = reader.so_far().decode("utf-8", "replace")
        what = what_it_is(page) if is_page(page) else ""
        return "" if what == ERROR_PAGE else what


def _raw(response: httpx.Response) -> httpx.AsyncByteStream:
    """Return the body as it comes off the wire: nobody reads it twice, or decoded by httpx."""
    return cast(httpx.AsyncByteStream, response.stream)


async def _body(
    response: httpx.Response, reader: BodyReader, allowed: _Allowed, deadline: asyncio.Timeout
) -> bytes:
    length, most = header(response, "content-length"), allowed.max_bytes
    if length.isascii() and length.isdigit():
        reader.expect(int(length))
        if not header(response, "content-encoding"):
            most = min(most, int(length))
    large = False
    async for piece in _raw(response):
        reader.feed(piece)
        if len(reader) > SMALL and not large:
            large = True
            await _take(allowed.place, most, deadline)
    body = reader.finish()
    if len(body) > SMALL and not large:
        await _take(allowed.place, most, deadline)
    return body


async def _take(place: Place, size: int, deadline: asyncio.Timeout) -> None:
    loop = asyncio.get_running_loop()
    when, since = deadline.when(), loop.time()
    deadline.reschedule(None)  # the wait is ours, not the server's
    await place.take(size)
    if when is not None:
        deadline.reschedule(when + loop.time() - since)


async def _answered(response: httpx.Response) -> Answered:
    begun = bytearray()
    if not header(response, "content-encoding"):
        async for piece in _raw(response):
            begun += piece
            if len(begun) >= _HINT:
                break
    hint = one_line(begun[:_HINT].decode("utf-8", "replace"), _HINT)
    where = raw_header(response, "location").decode("latin-1")
    wait = header(response, "retry-after") or None
    return Answered(response.status_code, status_in_words(response.status_code), where, wait, hint)


def user_agent(contact: str = "") -> str:
    """Return how we present ourselves; `contact` is the owner's, an address or a URL."""
    known = re.sub(r"[^\x21-\x7e]|[()\\]", "", contact)[:200]
    return f"digestd/{__version__} (feed reader{f'; +{known}' if known else ''})"


def _told_to_wait(until: datetime) -> tuple[str, None, str]:
    words = f"the host asked not to be asked again before {until:%Y-%m-%d %H:%M} UTC"
    whole_second = until + timedelta(seconds=1)  # an HTTP date has no fractions
    return words, None, format_datetime(whole_second, usegmt=True)
