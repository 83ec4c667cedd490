"""Sending through Apprise, and finding out what really happened.

Apprise says true or false. What the service said passes through
`requests.Session.send`, so that is watched in the thread of the call: status,
Retry-After, body, or the exception with its type. For services that do not
speak HTTP what Apprise logs is read instead.
"""

from __future__ import annotations

import json
import logging
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import requests
import requests.adapters

from digestd.clock import Clock, system_clock
from digestd.core.models import Piece
from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.delivery import apprise_urls
from digestd.delivery.classify import (
    BODY_DECIDES,
    HttpAnswer,
    classify_http,
    classify_service,
)
from digestd.delivery.redact import cleaned
from digestd.delivery.target import Service, Target

# At DEBUG it writes whole addresses, tokens and all.
logging.getLogger("urllib3").setLevel(logging.WARNING)

Loose: TypeAlias = Any  # what requests passes on, in types of its own
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 15.0
_MAX_BODY = 4096

# Where a tap on a notification leads, and what it is grouped under: attributes of plugins.
_TAP = {
    "ntfy": "click",
    "ntfys": "click",
    "bark": "click",
    "barks": "click",
    "pover": "supplemental_url",
}
_GROUP = {"bark": "group", "barks": "group"}


@dataclass
class _Call:
    """One call into Apprise: how its requests are to go, and what came back."""

    context: ssl.SSLContext
    proxies: dict[str, str]
    seen: list[HttpAnswer | requests.RequestException] = field(default_factory=list)


_calls = threading.local()


class _SharedTls(requests.adapters.HTTPAdapter):
    """An adapter over the one TLS context; requests would read the CA bundle for every call."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Loose, **kwargs: Loose) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Loose) -> Loose:
        return super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Loose, url: str, verify: Loose, cert: Loose) -> None:
        """Leave the verifying to the context, which holds the authorities to trust."""


def _watched(
    send: Callable[..., requests.Response],
) -> Callable[..., requests.Response]:
    """Return `Session.send` so that a call of ours is carried out our way and remembered."""

    def watching(
        session: requests.Session, request: requests.PreparedRequest, **kwargs: Loose
    ) -> requests.Response:
        call: _Call | None = getattr(_calls, "current", None)
        if call is None:
            return send(session, request, **kwargs)
        if kwargs.get("verify"):  # True, or a file that the environment names
            session.mount("https://", _SharedTls(call.context))
        # Nothing from the environment: the owner's configuration is all that counts.
        kwargs["proxies"] = call.proxies
        try:
            response = send(session, request, **kwargs)
        except requests.RequestException as exc:
            call.seen.append(exc)
            raise
        call.seen.append(
            HttpAnswer(
                response.status_code,
                response.reason or "",
                {name.lower(): value for name, value in response.headers.items()},
                response.content[:_MAX_BODY].decode("utf-8", "replace"),
            )
        )
        return response

    return watching


requests.Session.send = _watched(requests.Session.send)  # type: ignore[method-assign]  # the only hook


@contextmanager
def _watch(call: _Call) -> Iterator[None]:
    _calls.current = call
    try:
        yield
    finally:
        _calls.current = None


class AppriseSender:
    """Sends pieces through one Apprise URL, one at a time."""

    def __init__(
        self,
        target: Target,
        *,
        tls: Callable[[], ssl.SSLContext],
        clock: Clock = system_clock,
        adjust: Callable[[Any], None] | None = None,
    ) -> None:
        if not isinstance(target.via, Service):
            raise TypeError("a service needs an Apprise URL")
        self._target = target
        self._url = target.via.url
        self._tls = tls
        self._clock = clock
        self._adjust = adjust  # for services whose address is fixed: where their stand-in is
        self._plugins: dict[str, Any] = {}

    def send(self, piece: Piece) -> SendOutcome:
        """Send `piece`; if its markup is refused, once more without."""
        return cleaned(self._send(piece), self._target.secrets)

    def close(self) -> None:
        """Let the plugins go."""
        self._plugins.clear()

    def _send(self, piece: Piece) -> SendOutcome:
        try:
            facts = json.loads(piece.payload)
            title, body, form = facts["title"], facts["body"], facts["format"]
        except (ValueError, KeyError, TypeError) as exc:
            return Refused(f"stored piece cannot be read: {exc!r}")
        plugin = self._plugin(piece.recipient)
        if plugin is None:
            return Broken(f"{piece.recipient or 'the address'} is no longer one of this channel's")
        self._set_taps(plugin, facts)
        outcome = self._attempt(plugin, title, body, form)
        plain = facts.get("plain")
        if isinstance(outcome, Refused) and plain:
            again = self._attempt(plugin, title, plain, "text")
            if isinstance(again, Sent):
                return Sent(f"as plain text, for: {outcome.reason}")
            return outcome if isinstance(again, Refused) else again
        return outcome

    def _plugin(self, recipient: str) -> apprise_urls.Plugin | None:
        plugin = self._plugins.get(recipient)
        if plugin is None:
            plugin = apprise_urls.instantiate(self._url)
            if plugin is None or not apprise_urls.choose_recipient(plugin, recipient):
                return None
            if "cto=" not in self._url:
                plugin.socket_connect_timeout = _CONNECT_SECONDS
            if "rto=" not in self._url:
                plugin.socket_read_timeout = _READ_SECONDS
            if hasattr(plugin, "footer"):
                plugin.footer = plugin.include_footer = False
            if self._adjust is not None:
                self._adjust(plugin)
            plugin.digestd_own = {
                name: getattr(plugin, name, None) for name in ("click", "group", "supplemental_url")
            }
            self._plugins[recipient] = plugin
        return plugin

    def _set_taps(self, plugin: apprise_urls.Plugin, facts: dict[str, Any]) -> None:
        for table, fact in ((_TAP, "link"), (_GROUP, "group")):
            name = table.get(self._target.scheme)
            if name is not None:
                setattr(plugin, name, plugin.digestd_own[name] or facts.get(fact) or None)

    def _attempt(
        self, plugin: apprise_urls.Plugin, title: str, body: str, form: str
    ) -> SendOutcome:
        proxy = self._target.proxy
        call = _Call(self._tls(), {"http": proxy, "https": proxy} if proxy else {})
        with apprise_urls.listening() as said, _watch(call):
            try:
                accepted = bool(plugin.notify(body=body, title=title, body_format=form))
            except Exception as exc:  # noqa: BLE001  (a plugin's crash is its channel's trouble)
                accepted = False
                said.append(f"{type(exc).__name__}: {exc}")
        return judge(self._target.scheme, accepted, call.seen, said, self._clock)


def judge(
    scheme: str,
    accepted: bool,
    seen: list[HttpAnswer | requests.RequestException],
    said: list[str],
    clock: Clock,
) -> SendOutcome:
    """Return what happened, from Apprise's word, what passed over HTTP, and what was logged."""
    last = seen[-1] if seen else None
    if accepted:
        if isinstance(last, HttpAnswer) and scheme in BODY_DECIDES:
            return classify_service(scheme, last, clock())
        return Sent(last.line if isinstance(last, HttpAnswer) else "accepted")
    if isinstance(last, requests.RequestException):
        return _judge_exception(last)
    if isinstance(last, HttpAnswer):
        outcome = classify_service(scheme, last, clock())
        # A 2xx that the plugin itself did not like: it knows better than the status.
        return outcome if not isinstance(outcome, Sent) else TryAgain(_loudest(said) or last.line)
    return judge_log(said, clock)


def _judge_exception(exc: requests.RequestException) -> SendOutcome:
    """Return what a broken exchange means: before the request was sent, nothing arrived."""
    told = f"{type(exc).__name__}: {exc}"
    if isinstance(
        exc,
        requests.ConnectTimeout | requests.exceptions.ProxyError | requests.exceptions.SSLError,
    ):
        return TryAgain(told)
    if isinstance(exc, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return Broken(told)
    if isinstance(exc, requests.ConnectionError) and re.search(
        r"NewConnectionError|NameResolutionError|ConnectTimeout|refused", told
    ):
        return TryAgain(told)
    return Unknown(told)


_HTTP_CODE = re.compile(r"\berror=(\d{3})\b")
_SMTP_CODE = re.compile(r"\((\d{3}), b?['\"]")
_LOGIN = re.compile(
    r"not authori[sz]ed|bad user ?name|bad credentials|invalid credentials|authentication fail"
    r"|failed authentication|login (?:failed|incorrect)|access denied",
    re.IGNORECASE,
)
_NO_ANSWER = re.compile(r"timed? ?out|connection reset|broken pipe", re.IGNORECASE)


def judge_log(said: list[str], clock: Clock) -> SendOutcome:
    """Return what failed, by Apprise's log alone: for MQTT, XMPP, IRC and their like."""
    text = "\n".join(said)
    told = _loudest(said) or "not accepted; no reason given"
    if _LOGIN.search(text):
        return Broken(told)
    if code := _HTTP_CODE.search(text):
        return classify_http(HttpAnswer(int(code[1]), told, {}, ""), clock())
    if code := _SMTP_CODE.search(text):
        if code[1].startswith("5"):
            return Broken(told) if code[1] in ("530", "535") else Refused(told)
        return TryAgain(told)
    return Unknown(told) if _NO_ANSWER.search(text) else TryAgain(told)


_QUIET = (
    "POST URL",
    "GET URL",
    "Payload",
    "send() completed",
    "Response Details",
    "Loaded",
    "URL:",
)


def _loudest(said: list[str]) -> str:
    """Return the last line that tells of trouble, not of what was about to be sent."""
    for line in reversed(said):
        if line and not any(part in line for part in _QUIET):
            return line
    return ""
