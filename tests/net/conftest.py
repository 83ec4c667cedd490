"""What the network tests share: a server, a client that may reach it, names that lead to it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from digestd.core.addresses import Address, AllowList
from digestd.core.models import Validators
from digestd.core.outcomes import FetchOutcome
from digestd.net.client import Client
from digestd.net.guard import NameNotFoundError
from digestd.net.tls import make_context
from tests.support.webserver import Authority, WebServer


class Names:
    """The domain name system, as far as a test wants it: host to addresses, in turn."""

    def __init__(self) -> None:
        self.book: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []

    def lead(self, host: str, *answers: str | list[str]) -> None:
        """Answer `host` by each of `answers` in turn, the last one for ever."""
        self.book[host] = [[a] if isinstance(a, str) else a for a in answers]

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        answers = self.book.get(host)
        if not answers:
            raise NameNotFoundError(f"the server's name could not be found ({host})")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ip_address(text) for text in answer]


Fetch = Callable[..., Awaitable[FetchOutcome]]


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def context(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    pem: Path = tmp_path_factory.mktemp("tls") / "ca.pem"
    pem.write_bytes(authority.pem)
    return make_context(cert_file=str(pem))


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture
def secure_web(authority: Authority) -> Iterator[WebServer]:
    names = ("127.0.0.1", "localhost", "feed.example", "xn--bcher-kva.example")
    with WebServer(tls=authority.server_context(*names)) as server:
        yield server


@pytest.fixture
def names() -> Names:
    names = Names()
    for host in ("feed.example", "other.example", "localhost", "xn--bcher-kva.example"):
        names.lead(host, "127.0.0.1")
    return names


@pytest.fixture
async def fetch(context: ssl.SSLContext, names: Names) -> AsyncIterator[Fetch]:
    """Fetch with a client that may reach loopback; `allow=[…]` and other settings on demand."""
    async with AsyncExitStack() as stack:
        clients: dict[str, Client] = {}

        async def run(
            url: str,
            validators: Validators | None = None,
            *,
            allow: Sequence[str] = ("127.0.0.0/8",),
            max_bytes: int = 1 << 20,
            timeout: float = 10.0,  # noqa: ASYNC109 - as in the client
            headers: dict[str, str] | None = None,
            known: bytes | None = None,
            **settings: Any,
        ) -> FetchOutcome:
            key = repr((allow, settings))
            if key not in clients:
                settings.setdefault("resolve", names)
                client = Client(context, allow=AllowList.parse(allow), **settings)
                clients[key] = await stack.enter_async_context(client)
            return await clients[key].fetch(
                url,
                validators or Validators(),
                max_bytes=max_bytes,
                timeout=timedelta(seconds=timeout),
                headers=headers,
                known=known,
            )

        yield run
