"""How a feed is asked: headers, cookies, credentials, proxy, timeout, of a feed or a tag."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import timedelta

from digestd.config.tables import Table
from digestd.config.values import parse_contact, parse_proxy
from digestd.core.models import RequestOptions
from digestd.frozen import dataclass

KEYS = ("headers", "cookies", "user", "password", "token", "user_agent", "proxy", "timeout")

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# What a request is made of is the client's to say; two voices would contradict each other.
_OURS = frozenset(
    "accept-encoding connection content-length expect host if-modified-since if-none-match"
    " if-range keep-alive range te trailer transfer-encoding upgrade".split()
)
_COOKIE = re.compile(r"[^\s;,=\"\\]{1,200}")
_LONGEST = timedelta(minutes=10)

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Asked:
    """What one table says; None: nothing."""

    headers: Pairs | None = None
    cookies: str | None = None
    authorization: str | None = None
    user_agent: str | None = None
    proxy: str | None = None
    timeout: timedelta | None = None


NOTHING = Asked()


def read(table: Table) -> Asked:
    """Return what a feed or a tag says of its requests."""
    return Asked(
        headers=_headers(table),
        cookies=_cookies(table),
        authorization=_authorization(table),
        user_agent=table.parsed("user_agent", parse_contact, None),
        proxy=table.parsed("proxy", parse_proxy, None),
        timeout=table.duration("timeout", None, high=_LONGEST),
    )


def combine(asked: Sequence[Asked]) -> RequestOptions:
    """Return the options of a feed: each its own, else that of the first tag that has one.

    A header that is written out goes before the key that would make it.
    """

    def first(name: str) -> object:
        values = (getattr(one, name) for one in asked)
        return next((value for value in values if value is not None), None)

    made = {
        "Cookie": first("cookies"),
        "Authorization": first("authorization"),
        "User-Agent": first("user_agent"),
    }
    written = next((one.headers for one in asked if one.headers is not None), ())
    taken = {name.lower() for name, _ in written}
    headers = [(n, v) for n, v in made.items() if isinstance(v, str) and n.lower() not in taken]
    proxy, timeout = first("proxy"), first("timeout")
    return RequestOptions(
        headers=(*headers, *written),
        proxy=proxy if isinstance(proxy, str) else None,
        timeout=timeout if isinstance(timeout, timedelta) else None,
    )


def _headers(table: Table) -> Pairs | None:
    pairs = table.pairs("headers")
    for name, _ in pairs or ():
        if not _HEADER.fullmatch(name):
            table.complain("headers", "holds a name that no header can have")
        elif name.lower() in _OURS:
            table.complain("headers", f"cannot hold {name}: that is for the program to say")
    return pairs


def _cookies(table: Table) -> str | None:
    if isinstance(table.raw.get("cookies"), str):
        return table.text("cookies", None)
    pairs = table.pairs("cookies")
    if pairs is None:
        return None
    if not all(_COOKIE.fullmatch(name) and ";" not in value for name, value in pairs):
        table.complain("cookies", "holds a name or a value that no cookie can have")
    return "; ".join(f"{name}={value}" for name, value in pairs)


def _authorization(table: Table) -> str | None:
    user, token = table.text("user", None), table.text("token", None)
    password = table.text("password", None)
    if token is not None:
        return f"Bearer {token}"
    if user is None:
        if password is not None:
            table.complain("user", "is missing, though there is a password")
        return None
    if ":" in user:
        table.complain("user", "cannot hold a colon")
    secret = b64encode(f"{user}:{password or ''}".encode()).decode("ascii")
    return f"Basic {secret}"
