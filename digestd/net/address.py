"""An address as it is asked for: its parts as they go over the wire.

httpx takes addresses apart as browsers do. It takes its time to, and to be loaded; most
addresses are written so that there is nothing to normalise, and are read at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from digestd.core.addresses import USUAL
from digestd.frozen import dataclass

if TYPE_CHECKING:
    import httpx

_DEFAULT_PORTS = {"http": 80, "https": 443}
_FOUR_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!$)|$)){4}")


class BadAddressError(ValueError):
    """What should be an address is none."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request goes: without a password, which is a header, and without a fragment."""

    text: str
    scheme: str
    host: bytes
    port: int | None  # None: that of the scheme
    authority: bytes  # host and port, as in the header
    target: bytes  # path and query

    def __str__(self) -> str:
        """Return it whole."""
        return self.text


def parse(url: str) -> tuple[Address, bytes]:
    """Return an address, and the user and password in it. Raises BadAddressError."""
    usual = USUAL.fullmatch(url)
    if usual is None or "/." in url:
        return _parsed(url)
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    host, _, port = authority.partition(":")
    if port.startswith("0") or (_FOUR_NUMBERS.fullmatch(host) and not _IPV4.fullmatch(host)):
        return _parsed(url)
    number = int(port) if port else None
    if number == _DEFAULT_PORTS[scheme]:
        return _parsed(url)
    name = host.encode("ascii")
    return (
        Address(url, scheme, name, number, authority.encode("ascii"), f"/{path}".encode("ascii")),
        b"",
    )


def joined(base: Address, reference: str) -> Address:
    """Return where `reference` leads from `base`. Raises BadAddressError."""
    import httpx  # noqa: PLC0415 (see the module)

    try:
        return _without_secret(httpx.URL(base.text).join(reference))
    except (httpx.InvalidURL, ValueError) as exc:
        raise BadAddressError from exc


def with_user(address: Address, userinfo: bytes) -> str:
    """Return `address` with the user and password that `parse` gave."""
    if not userinfo:
        return address.text
    import httpx  # noqa: PLC0415 (see the module)

    return str(httpx.URL(address.text).copy_with(userinfo=userinfo))


def _parsed(url: str) -> tuple[Address, bytes]:
    import httpx  # noqa: PLC0415 (see the module)

    try:
        parsed = httpx.URL(url)
        return _without_secret(parsed), parsed.userinfo
    except (httpx.InvalidURL, ValueError) as exc:
        raise BadAddressError from exc


def _without_secret(url: httpx.URL) -> Address:
    # To copy is to parse anew, which most addresses have no need of.
    if url.userinfo or url.fragment or str(url).endswith("#"):
        url = url.copy_with(userinfo=b"", fragment=None)
    return Address(str(url), url.scheme, url.raw_host, url.port, url.netloc, url.raw_path)
