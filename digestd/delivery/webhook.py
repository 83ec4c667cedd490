"""json:// — the message as facts, to an address of the owner's."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from digestd.clock import Clock, system_clock
from digestd.core.messages import Piece
from digestd.core.outcomes import Broken, SendOutcome, TryAgain, Unknown
from digestd.delivery import cutting
from digestd.delivery.classify import HttpAnswer, classify_http
from digestd.delivery.hookline import MAX_ANSWER_BYTES, HookLine
from digestd.delivery.redact import cleaned
from digestd.delivery.target import Hook, Target
from digestd.delivery.tls import trusting_context

# At INFO it writes whole addresses, tokens and all.
logging.getLogger("httpx").setLevel(logging.WARNING)

_TIMEOUT = httpx.Timeout(15.0, connect=10.0)
_ANSWER_SECONDS = 5.0  # for the text of an answer whose status is known


class HookSender:
    """Posts finished bodies over one connection."""

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
        self._timeout = timeout
        self._tls = tls if self._hook.verify else trusting_context
        self._road: HookLine | _Proxied | None = None  # made at the first message

    def send(self, piece: Piece) -> SendOutcome:
        """Send `piece`; its `uid` is the Idempotency-Key of every try."""
        return cleaned(self._outcome(piece), self._target.secrets)

    def close(self) -> None:
        """Close the connection."""
        if self._road is not None:
            self._road.close()

    def _outcome(self, piece: Piece) -> SendOutcome:
        try:
            if self._road is None:
                self._road = self._opened()
            answer = self._road.exchange(
                piece.uid, piece.payload, longest=self._longest, patience=_ANSWER_SECONDS
            )
        except httpx.HTTPError as exc:
            return _describe(exc)
        except (httpx.InvalidURL, ValueError) as exc:
            return Broken(f"address cannot be used: {exc}")
        return classify_http(answer, self._clock())

    def _opened(self) -> HookLine | _Proxied:
        if self._target.proxy:
            return _Proxied(self._hook, self._tls, self._timeout, self._target.proxy)
        return HookLine(_common(self._hook), tls=self._tls, timeout=self._timeout)


def _params(hook: Hook) -> list[tuple[str, str | int | float | bool | None]] | None:
    return list(hook.params) or None


def _headers(hook: Hook) -> dict[str, str]:
    return {"Content-Type": "application/json", "User-Agent": "digestd", **dict(hook.headers)}


def _common(hook: Hook) -> httpx.Request:
    """Return what the requests of all messages have in common."""
    headers = {"Accept": "*/*", **_headers(hook)}
    asked = httpx.Request(hook.method, hook.url, params=_params(hook), headers=headers)
    if hook.user:
        return next(httpx.BasicAuth(hook.user, hook.password).auth_flow(asked))
    return asked


class _Proxied:
    """The way through the channel's proxy: httpx, which speaks to HTTP and SOCKS proxies."""

    def __init__(
        self,
        hook: Hook,
        tls: Callable[[], ssl.SSLContext],
        timeout: httpx.Timeout,
        proxy: str,
    ) -> None:
        self._hook = hook
        self._headers = _headers(hook)
        self._sockets = cutting.Sockets()
        self._client = httpx.Client(
            verify=tls(),
            timeout=timeout,
            trust_env=False,
            proxy=proxy,
            follow_redirects=False,
            auth=(hook.user, hook.password) if hook.user else None,
            limits=httpx.Limits(max_connections=2, keepalive_expiry=30.0),
        )

    def exchange(self, key: str, body: bytes, *, longest: float, patience: float) -> HttpAnswer:
        """Do as `HookLine.exchange` does."""
        headers = {**self._headers, "Idempotency-Key": key}
        with self._sockets.limited(longest):
            return self._exchange(body, headers, patience)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _see(self, _event: str, facts: dict[str, Any]) -> None:
        """Note the socket of a connection that was made."""
        import httpcore  # noqa: PLC0415 (there by now; who has no proxy does without)

        made = facts.get("return_value")
        if isinstance(made, httpcore.NetworkStream):
            self._sockets.add(made.get_extra_info("socket"))

    def _exchange(self, payload: bytes, headers: Mapping[str, str], patience: float) -> HttpAnswer:
        with self._client.stream(
            self._hook.method,
            self._hook.url,
            params=_params(self._hook),
            headers=headers,
            content=payload,
            extensions={"trace": self._see},
        ) as response:
            body = bytearray()
            until = time.monotonic() + patience
            try:
                # Raw: an answer that inflates is not worth a look.
                for chunk in response.iter_raw():  # as it comes: it may drip
                    body += chunk
                    if len(body) >= MAX_ANSWER_BYTES or time.monotonic() > until:
                        break
            except httpx.HTTPError:
                pass  # the status has arrived, and with it the verdict
            plain = "content-encoding" not in response.headers
            return HttpAnswer(
                response.status_code,
                response.reason_phrase,
                {name.lower(): value for name, value in response.headers.items()},
                bytes(body[:MAX_ANSWER_BYTES]).decode("utf-8", "replace") if plain else "",
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
