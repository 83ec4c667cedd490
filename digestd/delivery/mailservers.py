"""Guessing how to reach a mail server from its name and port."""

from __future__ import annotations

import ipaddress
from typing import Literal

from digestd.frozen import dataclass

# "auto": STARTTLS where the server offers it; a password goes over TLS or stays home.
Security = Literal["tls", "starttls", "none", "auto"]


@dataclass(frozen=True, slots=True)
class Route:
    """A port and how the connection is protected on it."""

    port: int
    security: Security


_TLS = Route(465, "tls")
_STARTTLS = Route(587, "starttls")

# Providers whose own instructions name port 465; for the others 587 comes first. Those that
# Apprise has presets for agree with it (a test compares).
_TLS_FIRST = frozenset(
    {
        "smtp.126.com",
        "smtp.163.com",
        "smtp.aliyun.com",
        "smtp.comcast.net",
        "smtp.exmail.qq.com",
        "smtp.fastmail.com",
        "smtp.feishu.cn",
        "smtp.larksuite.com",
        "smtp.mail.ru",
        "smtp.mail.yahoo.com",
        "smtp.qiye.aliyun.com",
        "smtp.sendgrid.net",
        "smtp.sina.com",
        "smtp.yandex.com",
        "smtp.yandex.ru",
        "smtp.yeah.net",
    }
)
_BY_PORT: dict[int, Security] = {465: "tls", 994: "tls", 587: "starttls"}


def guess_routes(
    server: str, port: int | None = None, security: Security | None = None
) -> tuple[Route, ...]:
    """Return the ways to reach `server`, the likeliest first.

    What the owner says is not guessed. Without a port a server elsewhere is
    tried on both submission ports (RFC 8314: 465 with TLS, 587 with STARTTLS),
    never without protection; one on this machine on 25.
    """
    if port is not None:
        return (Route(port, security or _BY_PORT.get(port, "auto")),)
    match security:
        case "tls":
            return (_TLS,)
        case "starttls":
            return (_STARTTLS,)
        case "none" | "auto":
            return (Route(25, security),)
        case None:
            pass
    if is_loopback(server):
        return (Route(25, "auto"),)
    name = server.lower().rstrip(".")
    return (_TLS, _STARTTLS) if name in _TLS_FIRST else (_STARTTLS, _TLS)


def is_loopback(server: str) -> bool:
    """Say whether `server` is this machine, by its name alone."""
    name = server.lower().strip("[]").rstrip(".")
    if name in ("localhost", "localhost.localdomain") or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
