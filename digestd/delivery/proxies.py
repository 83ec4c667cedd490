"""A channel's own proxy: whether it can serve, and how to reach a host through it."""

from __future__ import annotations

import importlib.util
import re
import socket
from base64 import b64encode
from typing import Any
from urllib.parse import unquote, urlsplit

from digestd.core.models import Channel
from digestd.delivery.redact import credentials
from digestd.errors import ConfigError

# What is not HTTP, and can be led through a proxy all the same.
RAW_SCHEMES = frozenset({"mailto", "mailtos", "mqtt", "mqtts", "xmpps"})
_LONGEST_ANSWER = 16384
_KINDS = ("http", "https", "socks5", "socks5h")


def check_proxy(channel: Channel, *, raw: bool) -> None:
    """Raise ConfigError for a proxy that could not be used, naming what is missing.

    `raw`: what goes through it is not HTTP but mail, MQTT or XMPP.
    """
    if not channel.proxy:
        return
    key = f"channels.{channel.name}.proxy"
    kind = channel.proxy.partition("://")[0].lower()
    if kind not in _KINDS:
        raise ConfigError(key, "must begin with http://, https://, socks5:// or socks5h://")
    if raw and kind == "https":
        raise ConfigError(key, "mail, MQTT and XMPP take an http:// or socks5:// proxy")
    needed: tuple[str, ...] = ("socks", "socksio") if kind.startswith("socks") else ()
    if channel.url.lower().startswith("mqtt"):
        needed = ("socks",)  # paho goes through any proxy with its help
    if any(importlib.util.find_spec(library) is None for library in needed):
        raise ConfigError(key, "such a proxy needs: pip install 'digestd[socks]'")


def proxy_secrets(proxy: str) -> tuple[str, ...]:
    """Return what of `proxy` must never be shown."""
    parts = urlsplit(proxy)
    return credentials(unquote(parts.username or ""), unquote(parts.password or ""))


def for_requests(proxy: str) -> dict[str, str]:
    """Return `proxy` as requests wants it.

    With socks5:// it would look names up here, where they may be lied about; the
    proxy is asked instead, as with every other kind.
    """
    if proxy.lower().startswith("socks5://"):
        proxy = "socks5h" + proxy[len("socks5") :]
    return {"http": proxy, "https": proxy} if proxy else {}


def socket_options(proxy: str) -> dict[str, Any]:
    """Return `proxy` in the words of PySocks, and of paho, which uses it."""
    import socks  # noqa: PLC0415  (an extra)

    parts = urlsplit(proxy)
    kind = socks.HTTP if parts.scheme.lower() == "http" else socks.SOCKS5
    return {
        "proxy_type": kind,
        "proxy_addr": parts.hostname,
        "proxy_port": parts.port or (8080 if kind == socks.HTTP else 1080),
        "proxy_rdns": True,
        "proxy_username": unquote(parts.username or "") or None,
        "proxy_password": unquote(parts.password or "") or None,
    }


def dial(proxy: str, host: str, port: int, timeout: float) -> socket.socket:
    """Return a connection to `host` through `proxy`; raises OSError."""
    parts = urlsplit(proxy)
    if parts.scheme.lower() == "http":
        place = (parts.hostname or "", parts.port or 8080)
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        return _connect(place, host, port, timeout, login if parts.username else "")
    import socks  # noqa: PLC0415

    made: socket.socket = socks.create_connection(
        (host, port), timeout=timeout, **socket_options(proxy)
    )
    return made


def _connect(
    proxy: tuple[str, int], host: str, port: int, timeout: float, login: str
) -> socket.socket:
    """Return a tunnel by CONNECT (RFC 9110, 9.3.6).

    Read sign by sign: a mail server greets at once, and not a byte of that may be
    swallowed with the proxy's answer, as PySocks does.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    asked = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n"
    if login:
        asked += f"Proxy-Authorization: Basic {b64encode(login.encode()).decode()}\r\n"
    made = socket.create_connection(proxy, timeout)
    try:
        made.sendall(asked.encode("ascii", "replace") + b"\r\n")
        _check(_answer(made))
    except BaseException:
        made.close()
        raise
    return made


def _answer(proxy: socket.socket) -> bytes:
    """Return what the proxy answers, without a byte of what follows; at most its beginning."""
    answer = b""
    while not answer.endswith(b"\r\n\r\n") and len(answer) < _LONGEST_ANSWER:
        sign = proxy.recv(1)
        if not sign:
            break
        answer += sign
    return answer


def _check(answer: bytes) -> None:
    if not re.match(rb"HTTP/1\.\d 2\d\d[^\r]*\r\n(?s:.*)\r\n\Z", answer):
        first = answer[:100].partition(b"\r\n")[0].decode("latin-1")
        raise OSError(f"the proxy answers: {first or 'nothing'}")
