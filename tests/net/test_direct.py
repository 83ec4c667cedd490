"""Connections of our own: what is kept, what is dropped, what is never written."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from digestd.net import direct
from digestd.net.direct import DirectTransport
from digestd.net.wire import Connection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers each request on each connection by the next of `answers`, and closes at None."""

    def __init__(self, *answers: bytes | None) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.left = asyncio.Event()  # set when a client has closed a connection
        self._answers = list(answers)

    async def serve(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(request)
                answer = self._answers.pop(0)
                if answer is None:
                    break
                out.write(answer)
                await out.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            out.close()


Get = Callable[..., Awaitable[tuple[int, bytes]]]


@asynccontextmanager
async def asking(server: Server, context: ssl.SSLContext, **settings: int) -> AsyncIterator[Get]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]

    async def connect(
        _host: str, _port: int, open_at: Callable[[str], Awaitable[Connection]]
    ) -> Connection:
        return await open_at("127.0.0.1")

    transport = DirectTransport(connect, context, connections=settings.get("connections", 4))

    async def get(
        path: str = "/",
        method: str = "GET",
        headers: dict[str, str] | None = None,
        host: str = "127.0.0.1",
    ) -> tuple[int, bytes]:
        request = httpx.Request(method, f"http://{host}:{port}{path}", headers=headers)
        response = await transport.handle_async_request(request)
        try:
            return response.status_code, b"".join([p async for p in response.aiter_raw()])
        finally:
            await response.aclose()

    async with listening:
        yield get
        await transport.aclose()


async def test_a_connection_serves_the_next_request_of_its_host(context: ssl.SSLContext) -> None:
    server = Server(OK, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", OK)
    async with asking(server, context) as get:
        assert [await get(), await get(), await get()] == [(200, b"ok"), (304, b""), (200, b"ok")]
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), id="said-so"),
        pytest.param(OK.replace(b"1.1", b"1.0"), id="http-1.0"),
        pytest.param(OK + b"more", id="more-than-announced"),
        pytest.param(OK + OK, id="an-answer-to-nothing"),
    ],
)
async def test_a_connection_that_ends_or_lies_is_not_used_again(
    context: ssl.SSLContext, answer: bytes
) -> None:
    server = Server(answer, OK)
    async with asking(server, context) as get:
        assert [await get(), await get()] == [(200, b"ok")] * 2
    assert server.connections == 2


async def test_a_kept_connection_that_was_closed_meanwhile_costs_no_poll(
    context: ssl.SSLContext,
) -> None:
    server = Server(OK, None, OK)
    async with asking(server, context) as get:
        assert [await get(), await get()] == [(200, b"ok")] * 2
    assert server.connections == 2


async def test_a_first_answer_that_never_comes_is_not_asked_for_twice(
    context: ssl.SSLContext,
) -> None:
    server = Server(None, OK)
    async with asking(server, context) as get:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await get()
    assert len(server.requests) == 1


async def test_an_idle_connection_is_closed(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "KEPT", 0.01)
    server = Server(OK)
    async with asking(server, context) as get:
        await get()
        await asyncio.wait_for(server.left.wait(), 5)


async def test_of_too_many_idle_connections_the_one_is_closed_that_has_waited_longest(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(direct.MOST_KEPT, "http", (1, 2))
    server = Server(*[OK] * 6)
    async with asking(server, context) as get:
        for host in ("a.example", "b.example", "c.example"):
            await get(host=host)
        await asyncio.wait_for(server.left.wait(), 5)
        assert server.connections == 3
        await get(host="c.example")
        await get(host="b.example")
        assert server.connections == 3
        await get(host="a.example")
        assert server.connections == 4


async def test_no_more_connections_than_allowed(context: ssl.SSLContext) -> None:
    server = Server(*[OK] * 20)
    async with asking(server, context, connections=2) as get:
        answers = await asyncio.gather(*(get(f"/{n}") for n in range(20)))
    assert answers == [(200, b"ok")] * 20
    assert server.connections == 2


async def test_hints_before_the_answer_are_passed_over(context: ssl.SSLContext) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3
    async with asking(Server(hints + OK), context) as get:
        assert await get() == (200, b"ok")


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        pytest.param(OK.replace(b"\r\n", b"\n"), b"ok", id="bare-line-ends"),
        pytest.param(b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok", id="no-phrase"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n"
            b"2  \r\nok\r\n0\r\nTrailer: x\r\n\r\n",
            b"ok",
            id="chunks-and-a-length",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok", b"ok", id="folded"
        ),
    ],
)
async def test_what_servers_get_wrong_harmlessly_is_read(
    context: ssl.SSLContext, answer: bytes, body: bytes
) -> None:
    async with asking(Server(answer), context) as get:
        assert await get() == (200, body)


async def test_a_large_body_arrives_whole_through_small_buffers(context: ssl.SSLContext) -> None:
    body = bytes(range(256)) * 20_000
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with asking(Server(answer), context) as get:
        assert await get() == (200, body)


async def test_an_answer_to_head_has_no_body(context: ssl.SSLContext) -> None:
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", OK)
    async with asking(server, context) as get:
        assert await get(method="HEAD") == (200, b"")
        assert await get() == (200, b"ok")
    assert server.connections == 1


@pytest.mark.parametrize(
    "headers", [{"X": "a\r\nY: b"}, {"X": "a\nb"}, {"X": "a\0"}, {"X y": "a"}, {"": "a"}]
)
async def test_a_header_that_could_be_two_is_never_sent(
    context: ssl.SSLContext, headers: dict[str, str]
) -> None:
    server = Server(OK)
    async with asking(server, context) as get:
        with pytest.raises(httpx.LocalProtocolError):
            await get(headers=headers)
    assert server.requests == []
