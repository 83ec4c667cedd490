"""What passes between Apprise and a service, watched and carried out our way.

Apprise opens a session for each request, which would read the CA bundle anew
(20 ms) and connect anew. All its requests pass through
`requests.Session.send`, so there, in the thread of a call of ours, they go over
connections that are kept, under the one TLS context of the process, by the
channel's own proxy; no redirect is followed, no service that asked for patience
is asked again, and no answer is read without end.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import requests
import requests.adapters
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from digestd.delivery.classify import HttpAnswer
from digestd.delivery.cutting import Sockets
from digestd.delivery.proxies import for_requests
from digestd.delivery.tls import trusting_context
from digestd.frozen import dataclass, field

# At DEBUG it writes whole addresses, tokens and all.
logging.getLogger("urllib3").setLevel(logging.WARNING)

Loose: TypeAlias = Any  # what requests passes on, in types of its own
Seen: TypeAlias = "HttpAnswer | requests.RequestException"

_MAX_ANSWER = 1_000_000  # bytes; some plugins have to read what they asked for
_ANSWER_SECONDS = 10.0  # for the text of an answer whose status is known
_KEPT_CHARACTERS = 4096  # of an answer, to judge by
# Servers hang up on an idle client after 5 s at the earliest (Node, uvicorn). A request
# written into that very moment would be lost without our knowing.
_IDLE_SECONDS = 4.0


class Wire:
    """The connections of one channel, kept between calls. Used by one thread at a time."""

    def __init__(self, tls: Callable[[], ssl.SSLContext], proxy: str = "") -> None:
        self.proxies = for_requests(proxy)
        self._tls = tls
        self.sockets = Sockets()
        self._adapters: dict[bool, _KeptAdapter] = {}
        self._used_at = 0.0

    def adapter(self, *, verify: bool) -> requests.adapters.HTTPAdapter:
        """Return what carries requests, with or without a look at certificates."""
        now = time.monotonic()
        if now - self._used_at > _IDLE_SECONDS:
            self.close()
        self._used_at = now
        if verify not in self._adapters:
            self._adapters[verify] = _KeptAdapter(
                self._tls() if verify else trusting_context(), self.sockets
            )
        return self._adapters[verify]

    def close(self) -> None:
        """Let go of every connection."""
        for adapter in self._adapters.values():
            adapter.hang_up()


class _KeptAdapter(requests.adapters.HTTPAdapter):
    """An adapter over a context that is made already; it outlives the sessions that use it."""

    def __init__(self, context: ssl.SSLContext, sockets: Sockets) -> None:
        self._context = context
        self._pools = _pools(sockets)
        super().__init__(pool_connections=4, pool_maxsize=2)

    def init_poolmanager(self, *args: Loose, **kwargs: Loose) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Loose) -> Loose:
        made: Loose = super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)
        if not proxy.lower().startswith("socks"):  # those have pools of their own
            made.pool_classes_by_scheme = self._pools
        return made

    def cert_verify(self, conn: Loose, url: str, verify: Loose, cert: Loose) -> None:
        """Leave the verifying to the context, which holds the authorities to trust."""

    def close(self) -> None:
        """Do nothing: a session that ends takes no connection with it."""

    def hang_up(self) -> None:
        """Close the connections; the adapter can be used again."""
        super().close()


def _pools(sockets: Sockets) -> dict[str, type[HTTPConnectionPool]]:
    """Return urllib3's kinds of pool, whose connections are noted in `sockets`."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self.sock)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


@dataclass()
class Call:
    """One call into Apprise: how its requests are to go, and what came back."""

    wire: Wire
    amend: Callable[[bytes], bytes] | None = None  # what to change in a JSON body
    seen: list[Seen] = field(default_factory=list)
    asked_to_wait: bool = False


_calls = threading.local()


@contextmanager
def watching(call: Call) -> Iterator[None]:
    """Carry out the requests of this thread as `call` says, and note there what came back."""
    _calls.current = call
    try:
        yield
    finally:
        _calls.current = None


def _watched(send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    """Return `Session.send` so that a request within a call of ours is carried out our way."""

    def send_watched(
        session: requests.Session, request: requests.PreparedRequest, **kwargs: Loose
    ) -> requests.Response:
        call: Call | None = getattr(_calls, "current", None)
        if call is None:
            return send(session, request, **kwargs)
        if call.asked_to_wait:
            # Discord's and Matrix's plugins would try at once, or sleep in our lane.
            raise requests.exceptions.RetryError("the service has asked for patience")
        verify = bool(kwargs.get("verify", True))
        adapter = call.wire.adapter(verify=verify)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        if call.amend is not None and request.body and request.method == "POST":
            body: Loose = request.body
            request.prepare_body(call.amend(body.encode() if isinstance(body, str) else body), None)
        kwargs |= {"verify": verify, "proxies": call.wire.proxies, "stream": True}
        if request.method not in ("GET", "HEAD"):
            # A redirected POST becomes a GET, is welcomed, and the message is gone.
            kwargs["allow_redirects"] = False
        try:
            response = send(session, request, **kwargs)
        except requests.RequestException as exc:
            call.seen.append(exc)
            raise
        cut = _read_bounded(response)
        call.asked_to_wait = response.status_code == 429
        call.seen.append(
            HttpAnswer(
                response.status_code,
                response.reason or "",
                {name.lower(): value for name, value in response.headers.items()},
                response.content[:_KEPT_CHARACTERS].decode("utf-8", "replace"),
                cut,
            )
        )
        return response

    return send_watched


def _of_ours(init: Callable[..., None]) -> Callable[..., None]:
    """Return `Session.__init__` so that a session within a call of ours is told nothing by others.

    Proxies, certificates and passwords come from the owner's configuration, not
    from the environment or from ~/.netrc; looking there takes time besides.
    """

    def init_ours(session: requests.Session) -> None:
        init(session)
        if getattr(_calls, "current", None) is not None:
            session.trust_env = False

    return init_ours


# The only hooks: plugins call `requests.post` and its like.
requests.Session.send = _watched(requests.Session.send)  # type: ignore[method-assign]
requests.Session.__init__ = _of_ours(requests.Session.__init__)  # type: ignore[method-assign]


def _read_bounded(response: requests.Response) -> bool:
    """Read the body of `response`, within bounds; say whether some of it is missing.

    Whatever happens here, the status has arrived, and with it most of the verdict.
    """
    body = bytearray()
    until = time.monotonic() + _ANSWER_SECONDS
    whole = False
    try:
        while len(body) < _MAX_ANSWER and time.monotonic() < until:
            part = response.raw.read1(16384, decode_content=True)
            if not part:
                whole = True
                break
            body += part
    except Exception:  # noqa: BLE001  (time-outs, resets, bad encodings, in urllib3's many types)
        whole = False
    # Where requests itself keeps what it has read.
    loose: Loose = response
    loose._content, loose._content_consumed = bytes(body), True
    if whole:
        response.raw.release_conn()
    else:
        response.close()
    return not whole
