"""The gate for connections: resolve, check every address, connect to what was checked."""

from __future__ import annotations

import asyncio
import inspect
import socket
import ssl
import threading
from datetime import timedelta
from typing import Any

import httpcore
import httpx
import pytest

from digestd.core.addresses import AllowList
from digestd.core.models import Validators
from digestd.core.outcomes import Failed, Fetched
from digestd.net.client import Client
from digestd.net.guard import (
    ConnectRefusedError,
    Door,
    NameNotFoundError,
    Resolver,
)
from digestd.net.proxied import GuardedBackend
from digestd.net.transport import GuardedTransport
from tests.net.conftest import Fetch, Names
from tests.support.webserver import WebServer, answer

CLOSED = AllowList()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "localhost",
    ],
)
async def test_loopback_is_refused_in_every_spelling(
    context: ssl.SSLContext, web: WebServer, host: str
) -> None:
    web.route("/", answer(b"secret"))
    async with Client(context) as client:  # with the system's own resolver
        outcome = await client.fetch(
            web.url("/", host=host), Validators(), max_bytes=100, timeout=timedelta(seconds=5)
        )
    assert isinstance(outcome, Failed)
    # 0177.0.0.1 is no IPv4 address to httpx, and not sent to a resolver at all.
    assert outcome.reason.startswith(("refused: ", "the address is not a valid URL"))
    assert web.connections == 0


async def test_the_owner_opens_one_port_and_the_next_stays_shut(
    fetch: Fetch, web: WebServer
) -> None:
    web.route("/", answer(b"<rss/>"))
    allow = (f"127.0.0.1:{web.port}",)
    assert isinstance(await fetch(web.url(), allow=allow), Fetched)
    with WebServer() as neighbour:
        outcome = await fetch(neighbour.url(), allow=allow)
        assert neighbour.connections == 0
    assert outcome == Failed(
        "refused: 127.0.0.1 is this machine itself; if it is yours, allow it in [poll]:"
        f' allow_private = ["127.0.0.1:{web.port}", "127.0.0.1:{neighbour.port}"]'
    )


async def test_one_private_address_refuses_the_whole_name(
    fetch: Fetch, web: WebServer, names: Names
) -> None:
    names.lead("feed.example", ["1.1.1.1", "10.0.0.1"])
    outcome = await fetch(web.url("/", host="feed.example"), allow=())
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("refused: feed.example is 10.0.0.1, a private network")


async def test_the_next_address_is_tried_where_one_fails(
    fetch: Fetch, web: WebServer, names: Names
) -> None:
    web.route("/", answer(b"<rss/>"))
    names.lead("feed.example", ["127.0.0.2", "127.0.0.1"])  # nobody listens on the first
    assert isinstance(await fetch(web.url("/", host="feed.example")), Fetched)


async def test_a_name_with_no_address_is_a_failure(
    fetch: Fetch, web: WebServer, names: Names
) -> None:
    names.lead("feed.example", [])
    assert await fetch(web.url("/", host="feed.example")) == Failed(
        "the server's name could not be found (feed.example)"
    )


async def test_unix_sockets_are_refused(names: Names) -> None:
    with pytest.raises(ConnectRefusedError):
        await GuardedBackend(Door(CLOSED, resolve=names)).connect_unix_socket("/run/any.sock")


async def test_a_refusal_surfaces_as_an_ordinary_httpx_error(
    context: ssl.SSLContext, names: Names
) -> None:
    transport = GuardedTransport(CLOSED, context, connections=4, resolve=names)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        with pytest.raises(httpx.ConnectError, match=r"refused: feed\.example") as caught:
            await client.get("http://feed.example/")
    assert isinstance(caught.value.__cause__, ConnectRefusedError)


def test_httpcore_still_offers_what_the_guard_stands_on() -> None:
    pool = inspect.signature(httpcore.AsyncConnectionPool).parameters
    assert {"network_backend", "ssl_context", "proxy", "max_keepalive_connections"} <= pool.keys()
    theirs = inspect.signature(httpcore.AsyncNetworkBackend.connect_tcp).parameters
    assert list(inspect.signature(GuardedBackend.connect_tcp).parameters) == list(theirs)
    opened = {n for n in vars(httpcore.AsyncNetworkBackend) if n.startswith("connect_")}
    assert opened == {"connect_tcp", "connect_unix_socket"}, "a way out that the guard must close"


async def test_every_connection_of_the_pool_passes_the_guard(
    context: ssl.SSLContext, names: Names
) -> None:
    transport = GuardedTransport(CLOSED, context, connections=4, resolve=names)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        for scheme in ("http", "https"):
            with pytest.raises(httpx.ConnectError, match="refused"):
                await client.get(f"{scheme}://feed.example/")
    assert names.asked == ["feed.example", "feed.example"]


async def test_the_system_resolver_knows_this_machine() -> None:
    assert "127.0.0.1" in map(str, await Resolver()("localhost", 80))


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "no-such-name.invalid", "x\x00y"])
async def test_the_system_resolver_fails_in_words(host: str) -> None:
    with pytest.raises(NameNotFoundError, match="the server's name could not be"):
        await asyncio.wait_for(Resolver()(host, 80), 20)


async def test_lookups_one_after_the_other_share_a_thread() -> None:
    others, resolver = set(threading.enumerate()), Resolver()
    for _ in range(20):
        await resolver("localhost", 80)
    started = [one.name for one in threading.enumerate() if one not in others]
    assert started == ["resolve"]


async def test_a_lookup_that_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    over, look_up = threading.Event(), socket.getaddrinfo

    def hangs(host: str, *args: Any, **settings: Any) -> Any:
        assert host != "hangs.example" or over.wait(20)
        return look_up("localhost", *args, **settings)

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    resolver = Resolver()
    lookups = [asyncio.ensure_future(resolver("hangs.example", 80)) for _ in range(3)]
    for _ in range(3):
        assert await resolver("quick.example", 80)
    assert not any(lookup.done() for lookup in lookups)
    over.set()
    assert all(await asyncio.gather(*lookups))


async def test_an_abandoned_lookup_harms_nobody() -> None:
    resolver = Resolver()
    lookup = asyncio.ensure_future(resolver("localhost", 80))
    await asyncio.sleep(0)
    lookup.cancel()
    with pytest.raises(asyncio.CancelledError):
        await lookup
    assert await resolver("localhost", 80)
