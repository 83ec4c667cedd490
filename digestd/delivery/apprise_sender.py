"""Sending through Apprise, and finding out what really happened.

Apprise says true or false. What the service said passes over our `wire`: status,
Retry-After, body, or the exception with its type. For services that do not
speak HTTP what Apprise logs is read instead.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from typing import Any

from digestd.clock import Clock, system_clock
from digestd.core.messages import Piece
from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent
from digestd.delivery import cutting, mqtt, pushes
from digestd.delivery.amend import amendment
from digestd.delivery.apprise_door import Plugin, instantiate, listening, speaks_http
from digestd.delivery.apprise_judge import judge
from digestd.delivery.apprise_recipients import choose_recipient
from digestd.delivery.mqtt import MQTT_SCHEMES
from digestd.delivery.redact import cleaned
from digestd.delivery.target import Service, Target
from digestd.delivery.wire import Call, Wire, watching

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 15.0
_GOODBYE_SECONDS = 3.0


class AppriseSender:
    """Sends pieces through one Apprise URL, one at a time."""

    def __init__(
        self,
        target: Target,
        *,
        tls: Callable[[], ssl.SSLContext],
        clock: Clock = system_clock,
        longest: float = cutting.SECONDS,
        adjust: Callable[[Any], None] | None = None,
    ) -> None:
        if not isinstance(target.via, Service):
            raise TypeError("a service needs an Apprise URL")
        self._target = target
        self._url = target.via.url
        self._tls = tls
        self._wire = Wire(tls, target.proxy)
        self._clock = clock
        self._longest = longest
        self._adjust = adjust  # for services whose address is fixed: where their stand-in is
        self._plugins: dict[str, Any] = {}

    def send(self, piece: Piece) -> SendOutcome:
        """Send `piece`; if its markup is refused, once more without."""
        return cleaned(self._send(piece), self._target.secrets)

    def close(self) -> None:
        """Let the plugins and their connections go."""
        # Matrix's says goodbye when it goes: by the same way, and not for long.
        with watching(Call(self._wire)), self._wire.sockets.limited(_GOODBYE_SECONDS):
            self._plugins.clear()
        self._wire.close()

    def _send(self, piece: Piece) -> SendOutcome:
        try:
            facts = json.loads(piece.payload)
            title, body, form = facts["title"], facts["body"], facts["format"]
        except (ValueError, KeyError, TypeError) as exc:
            return Refused(f"stored piece cannot be read: {exc!r}")
        plugin = self._plugin(piece.recipient)
        if plugin is None:
            return Refused(f"{piece.recipient or 'the address'} is no longer one of this channel's")
        pushes.identify(plugin, piece.uid)
        pushes.behave(plugin, self._target.scheme, facts)
        outcome = self._attempt(plugin, facts, title, body, form)
        if self._target.scheme in MQTT_SCHEMES and not isinstance(outcome, Sent):
            # Its thread would go on knocking, and might yet deliver what is tried again.
            del self._plugins[piece.recipient]
        plain = facts.get("plain")
        if isinstance(outcome, Refused) and plain:
            again = self._attempt(plugin, {}, title, plain, "text")
            if isinstance(again, Sent):
                return Sent(f"as plain text, for: {outcome.reason}")
            return outcome if isinstance(again, Refused) else again
        return outcome

    def _plugin(self, recipient: str) -> Plugin | None:
        plugin = self._plugins.get(recipient)
        if plugin is None:
            plugin = instantiate(self._url)
            if plugin is None or not choose_recipient(plugin, recipient):
                return None
            if "cto=" not in self._url:
                plugin.socket_connect_timeout = _CONNECT_SECONDS
            if "rto=" not in self._url:
                plugin.socket_read_timeout = _READ_SECONDS
            if hasattr(plugin, "footer"):
                plugin.footer = plugin.include_footer = False
            if self._adjust is not None:
                self._adjust(plugin)
            pushes.remember_own(plugin)
            if self._target.scheme in MQTT_SCHEMES:
                mqtt.prepare(plugin, self._url, self._tls, self._target.proxy)
            self._plugins[recipient] = plugin
        return plugin

    def _attempt(
        self, plugin: Plugin, facts: dict[str, Any], title: str, body: str, form: str
    ) -> SendOutcome:
        amend = amendment(self._target.scheme, self._url, facts, self._clock())
        call = Call(self._wire, amend=amend)
        with listening() as said, watching(call), self._wire.sockets.limited(self._longest):
            try:
                accepted = bool(plugin.notify(body=body, title=title, body_format=form))
            except Exception as exc:  # noqa: BLE001  (a plugin's crash is its channel's trouble)
                accepted = False
                said.append(f"{type(exc).__name__}: {exc}")
        if accepted and not call.seen and speaks_http(plugin):
            # Opsgenie's and Jira's have rules of their own for what is worth a request.
            return Broken("Apprise reports success, yet nothing was sent")
        outcome = judge(self._target.scheme, accepted, call.seen, said, self._clock)
        return mqtt.told(plugin, outcome) if self._target.scheme in MQTT_SCHEMES else outcome
