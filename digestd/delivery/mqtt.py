"""Apprise's MQTT plugin, taught to say what the broker said.

Left alone it publishes at QoS 0, which no broker acknowledges, waits a quarter of
a minute for a login that was refused, and looks for authorities in places of its own.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, TypeAlias

from digestd.core.outcomes import Broken, SendOutcome, Sent
from digestd.delivery.proxies import socket_options
from digestd.delivery.tls import trusting_context

Plugin: TypeAlias = Any
MQTT_SCHEMES = frozenset({"mqtt", "mqtts"})
_LOOK_SECONDS = 0.02  # between looks whether the broker has acknowledged


def prepare(plugin: Plugin, url: str, tls: Callable[[], ssl.SSLContext], proxy: str = "") -> None:
    """Make `plugin` acknowledged, quick to give up, and trusting whom we trust."""
    if "qos=" not in url.lower():
        plugin.qos = 1
    plugin.mqtt_block_time_sec = _LOOK_SECONDS
    plugin.digestd_refusal = ""
    client = plugin.client
    if proxy:
        client.proxy_set(**socket_options(proxy))

    def shared(**_kwargs: object) -> None:
        client.tls_set_context(tls() if plugin.verify_certificate else trusting_context())

    def connected(_client: object, _data: object, _flags: object, reason: Any, *_: object) -> None:  # noqa: ANN401
        if reason.is_failure:
            plugin.digestd_refusal = str(reason)
            plugin.socket_read_timeout = 0  # nothing will be acknowledged any more

    plugin.ca_certs = "of the context"
    client.tls_set = shared
    client.on_connect = connected


def told(plugin: Plugin, outcome: SendOutcome) -> SendOutcome:
    """Return `outcome` in the broker's words, where it had any."""
    if isinstance(outcome, Sent):
        done = "acknowledged" if plugin.qos else "handed to the broker, which acknowledges nothing"
        return Sent(f"{done} (QoS {plugin.qos})")
    if plugin.digestd_refusal:
        return Broken(f"the broker refused the connection: {plugin.digestd_refusal}")
    return outcome
