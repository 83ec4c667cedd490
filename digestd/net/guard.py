"""The one gate for connections that feeds cause: it resolves, checks, connects to what it checked.

The check sits where the socket is opened, not where the URL is read. So it
holds for every redirect and every spelling of an address (decimal, hex,
mapped), and a name that answers differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Address, ip_address
from queue import Empty, SimpleQueue
from ssl import SSLError
from typing import Any, TypeVar

from digestd.core.addresses import Address, AllowList, line_to_paste, normal_host, refusal

# All addresses of a name are checked; so many are tried. An address that does not answer
# (IPv6 on a broken line, mostly) must not eat the whole deadline when there is another.
MAX_ADDRESSES = 4
NEXT_ADDRESS_AFTER = 5.0

MAX_LOOKUPS = 128
_IDLE = 10.0  # seconds that a thread for lookups waits for another

T = TypeVar("T")

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


class ConnectRefusedError(Exception):
    """The guard does not let this connection be made; the message is for the owner."""


class NameNotFoundError(Exception):
    """A host name leads nowhere; the message is for the owner."""


class Resolver:
    """Host names to addresses, by the system's rules, without blocking the loop or its end.

    Each lookup has a daemon thread to itself. A name whose servers hang takes the
    system half a minute; in an executor a handful of those would stop every
    other lookup, and hold up the end of the process.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MAX_LOOKUPS)
        self._threads = _Threads()

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        """Return the addresses of `host`, best first. Raises NameNotFoundError."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Address]] = loop.create_future()

        def settle(found: list[Address] | NameNotFoundError) -> None:
            self._free.release()  # only now: an abandoned lookup still holds its thread
            if answer.cancelled():
                return
            if isinstance(found, NameNotFoundError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def tell(found: list[Address] | NameNotFoundError) -> None:
            with suppress(RuntimeError):  # the loop has ended in the meantime
                loop.call_soon_threadsafe(settle, found)

        self._threads.call(partial(_look_up, host, port), tell)
        return await answer


def _look_up(host: str, port: int) -> list[Address] | NameNotFoundError:
    found: list[Address] = []
    try:
        for *_, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            address = ip_address(where[0])
            if address not in found:
                found.append(address)
    except (OSError, ValueError) as exc:  # a label too long is a UnicodeError
        return _not_found(host, exc)
    return found


class _Threads:
    """Daemon threads, one for each call under way; the next call takes one that is done.

    To start one takes twenty times as long as to look up a name that is known.
    """

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._calls: SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None]]] = SimpleQueue()
        self._idle = 0  # threads that no call is meant for

    def call(self, work: Callable[[], T], tell: Callable[[T], None]) -> None:
        """Have `tell(work())` called, by a thread that does nothing else meanwhile."""
        with self._changing:
            if self._idle:
                self._idle -= 1
                self._calls.put((work, tell))
                return
        thread = threading.Thread(target=self._run, args=(work, tell), name="resolve", daemon=True)
        thread.start()

    def _run(self, work: Callable[[], Any], tell: Callable[[Any], None]) -> None:
        while True:
            found = work()
            with self._changing:  # before it is told: whoever hears of it may call again
                self._idle += 1
            tell(found)
            del work, tell, found
            try:
                work, tell = self._calls.get(timeout=_IDLE)
            except Empty:
                with self._changing:
                    try:  # one may have come in this moment
                        work, tell = self._calls.get_nowait()
                    except Empty:
                        self._idle -= 1
                        return


def _not_found(host: str, exc: Exception) -> NameNotFoundError:
    if isinstance(exc, socket.gaierror) and exc.errno == socket.EAI_AGAIN:
        return NameNotFoundError(f"the server's name could not be looked up just now ({host})")
    return NameNotFoundError(f"the server's name could not be found ({host})")


class Door:
    """Leads to public addresses, to what `allow` names, and to `proxy`; to nothing else."""

    def __init__(
        self,
        allow: AllowList,
        *,
        proxy: tuple[str, int] | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._allow = allow
        self._proxy = proxy
        self._resolve = resolve or Resolver()

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """Return where `host` may be connected to, best first, a few at most.

        Raises ConnectRefusedError or NameNotFoundError. One refused address refuses the
        name: whoever mixes private addresses into an answer hopes for the other pick.
        """
        try:
            found: Sequence[Address] = [ip_address(host)]
        except ValueError:
            found = await self._resolve(host, port)
        if (host, port) != self._proxy:
            for address in found:
                reason = refusal(host, port, address, self._allow)
                if reason:
                    raise ConnectRefusedError(reason)
        if not found:
            raise NameNotFoundError(f"the server's name could not be found ({host})")
        return found[:MAX_ADDRESSES]

    async def connect(self, host: str, port: int, open_at: Callable[[str], Awaitable[T]]) -> T:
        """Return what `open_at` makes of the first address of `host`, a literal, that answers.

        Raises what `addresses` raises, what is wrong with TLS, and OSError where none answers.
        """
        failure: OSError | None = None
        *others, last = await self.addresses(host, port)
        for address in others:
            try:
                async with asyncio.timeout(NEXT_ADDRESS_AFTER):
                    return await open_at(str(address))
            except SSLError:  # it has answered
                raise
            except OSError as exc:  # TimeoutError is one
                failure = failure or exc
        try:
            return await open_at(str(last))
        except SSLError:
            raise
        except OSError as exc:
            raise failure or exc from None

    def check_proxied(self, host: str, port: int) -> None:
        """Refuse what can be known to be local before a proxy, which resolves by itself, is asked.

        Raises ConnectRefusedError. The proxy is its owner's; what it can reach is not the feed's.
        """
        address = _literal(host)
        if address is not None:
            reason = refusal(host, port, address, self._allow)
            if reason:
                raise ConnectRefusedError(reason)
        elif _is_local_name(host) and not self._allow.names(host, port):
            advice = line_to_paste(host, port, self._allow)
            raise ConnectRefusedError(f"refused: {host} is a name of a local network; {advice}")


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))  # 127.1, 0x7f000001, 2130706433
    except (OSError, ValueError):
        return None


def _is_local_name(host: str) -> bool:
    name = normal_host(host)
    return "." not in name or name.endswith((".localhost", ".local", ".internal", ".home.arpa"))
