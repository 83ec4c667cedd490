"""json:// — the message as facts, to an address of the owner's."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from typing import Any

import httpcore
import httpx

from digestd.clock import Clock, system_clock
from digestd.core.models import Piece
from digestd.core.outcomes import Broken, SendOutcome, TryAgain, Unknown
from digestd.delivery import cutting
from digestd.delivery.classify import HttpAnswer, classify_http
from digestd.delivery.redact import cleaned
from digestd.delivery.target import Hook, Target
from digestd.delivery.tls import trusting_context

# At INFO it writes whole addresses, tokens and all.
logging.getLogger("httpx").setLevel(logging.WARNING)

_TIMEOUT = httpx.Timeout(15.0, connect=10.0)
_MAX_ANSWER_BYTES = 4096
_ANSWER_SECONDS = 5.0  # for the text of an answer whose status is known


class HookSender:
    """Posts finished bodies over one connection pool."""

    def __init__(
        self,
        target: Target,
        *,
        tls: Callable[[], ssl.SSLContext],
        clock: Clock = system_clock,
        timeout: httpx.Timeout = _TIMEOUT,
        longest: float = cutting.SECONDS,
    ) -> None:
        if not isinstance(target.via, Hook):
            raise TypeError("a webhook needs an address")
        self._target = target
        self._hook = target.via
        self._clock = clock
        self._longest = longest
        self._sockets = cutting.Sockets()
        auth = (self._hook.user, self._hook.password) if self._hook.user else None
        self._client = httpx.Client(
            verify=tls() if self._hook.verify else trusting_context(),
            timeout=timeout,
            trust_env=False,
            proxy=target.proxy or None,
            follow_redirects=False,
            auth=auth,
            limits=httpx.Limits(max_connections=2, keepalive_expiry=30.0),
        )

    def send(self, piece: Piece) -> SendOutcome:
        """Send `piece`; its `uid` is the Idempotency-Key of every try."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "digestd",
            **dict(self._hook.headers),
            "Idempotency-Key": piece.uid,
        }
        with self._sockets.limited(self._longest):
            outcome = self._outcome(piece, headers)
        return cleaned(outcome, self._target.secrets)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _outcome(self, piece: Piece, headers: dict[str, str]) -> SendOutcome:
        try:
            answer = self._exchange(piece, headers)
        except httpx.HTTPError as exc:
            return _describe(exc)
        except (httpx.InvalidURL, ValueError) as exc:
            return Broken(f"address cannot be used: {exc}")
        return classify_http(answer, self._clock())

    def _see(self, _event: str, facts: dict[str, Any]) -> None:
        """Note the socket of a connection that was made."""
        made = facts.get("return_value")
        if isinstance(made, httpcore.NetworkStream):
            self._sockets.add(made.get_extra_info("socket"))

    def _exchange(self, piece: Piece, headers: dict[str, str]) -> HttpAnswer:
        with self._client.stream(
            self._hook.method,
            self._hook.url,
            params=list(self._hook.params) or None,
            headers=headers,
            content=piece.payload,
            extensions={"trace": self._see},
        ) as response:
            body = bytearray()
            until = time.monotonic() + _ANSWER_SECONDS
            try:
                # Raw: an answer that inflates is not worth a look.
                for chunk in response.iter_raw():  # as it comes: it may drip
                    body += chunk
                    if len(body) >= _MAX_ANSWER_BYTES or time.monotonic() > until:
                        break
            except httpx.HTTPError:
                pass  # the status has arrived, and with it the verdict
            plain = "content-encoding" not in response.headers
            return HttpAnswer(
                response.status_code,
                response.reason_phrase,
                {name.lower(): value for name, value in response.headers.items()},
                bytes(body[:_MAX_ANSWER_BYTES]).decode("utf-8", "replace") if plain else "",
            )


_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def _describe(exc: httpx.HTTPError) -> SendOutcome:
    """Return what a broken exchange means: before the request was sent, nothing arrived."""
    told = f"{_KINDS.get(type(exc), type(exc).__name__)}: {exc}".rstrip(": ")
    if isinstance(exc, _NOT_SENT):
        return TryAgain(told)
    if isinstance(exc, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return Broken(told)
    return Unknown(told)


_KINDS: dict[type[httpx.HTTPError], str] = {
    httpx.ConnectError: "no connection",
    httpx.ConnectTimeout: "no connection in time",
    httpx.ReadTimeout: "no answer in time",
    httpx.WriteTimeout: "could not be sent in time",
    httpx.ReadError: "connection broke before the answer",
    httpx.WriteError: "connection broke while sending",
    httpx.RemoteProtocolError: "answer broken",
}
