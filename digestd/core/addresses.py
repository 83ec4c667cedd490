"""Which addresses may be asked: schemes, ports, and networks that feeds have no business in.

A feed may live anywhere on the public internet and nowhere else, unless its
owner names the place. `ipaddress.is_global` is too kind for that: on Python
3.11 it holds for multicast, for 6to4 (`2002:7f00:1::` embeds loopback), for
NAT64, 192.88.99.0/24 and 3fff::/20. So IPv4 is refused by a list of our own,
and of IPv6 only what IANA has given out as global unicast passes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

from digestd.frozen import dataclass, replace

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL_LENGTH = 8192

# The blocked ports of the WHATWG Fetch standard, "port blocking": services that could mistake
# a request line for commands of their own (mail, chat, remote shells).
# fmt: off
_BLOCKED_PORTS = frozenset({
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95,
    101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179,
    389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601,
    636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566,
    6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
})
# fmt: on


def _bits(network: Network, kind: str) -> tuple[int, int, str]:
    """Return a row of the tables below, to be compared with an address as a number."""
    return int(network.netmask), int(network.network_address), kind


# IANA's special-purpose registries (RFC 6890 and successors), and what they leave out.
# The first network that holds an address gives it its name.
_REFUSED_V4 = [
    _bits(IPv4Network(network), kind)
    for network, kind in [
        ("127.0.0.0/8", "this machine itself"),
        ("0.0.0.0/8", "this machine itself"),
        ("10.0.0.0/8", "a private network"),
        ("172.16.0.0/12", "a private network"),
        ("192.168.0.0/16", "a private network"),
        ("100.64.0.0/10", "a provider's or VPN's inner network"),
        ("169.254.0.0/16", "a link-local address"),
        ("168.63.129.16/32", "a cloud's inner service"),  # Azure; public by number only
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "an address for documentation"),
        ("192.88.99.0/24", "a relay for 6to4"),
        ("198.18.0.0/15", "an address for tests"),
        ("198.51.100.0/24", "an address for documentation"),
        ("203.0.113.0/24", "an address for documentation"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),  # the broadcast address too
    ]
]
_REFUSED_V6 = [
    _bits(IPv6Network(network), kind)
    for network, kind in [
        ("::/127", "this machine itself"),  # :: and ::1
        ("fe80::/10", "a link-local address"),
        ("fc00::/7", "a private network"),
        ("fec0::/10", "a private network"),  # site-local, deprecated, still routed in places
        ("ff00::/8", "a multicast address"),
        ("64:ff9b:1::/48", "a translator's inner network"),  # NAT64 of local use, RFC 8215
        ("2001::/32", "a Teredo tunnel"),
        ("2001:db8::/32", "an address for documentation"),
        ("2001::/23", "a reserved address"),  # protocol assignments: tests, ORCHID, …
        ("2002::/16", "a 6to4 tunnel"),
        ("3ffe::/16", "a reserved address"),  # the 6bone, given back
        ("3fff::/20", "an address for documentation"),
    ]
]
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
# The interface identifiers of ISATAP (RFC 5214): an IPv4 address follows, whatever the prefix.
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
# Proxies that answer every name out of this range ("fake-ip") need all of it opened.
_FAKE_IP = IPv4Network("198.18.0.0/15")


def refused_kind(address: Address) -> str | None:
    """Return what `address` is if no feed lives there ("a private network"), else None.

    An IPv4 address inside an IPv6 one is judged as itself where the network
    unwraps it: mapped, translated (NAT64 is how a host without IPv4 reaches the
    rest of the world), ISATAP. Teredo, 6to4 and the compatible form, which
    nobody serves feeds from any more, are refused whole.
    """
    if isinstance(address, IPv4Address):
        return _named(address, _REFUSED_V4)
    known = _named(address, _REFUSED_V6)
    if known:
        return known
    inner = address.ipv4_mapped
    if inner is None and address in _NAT64:
        inner = IPv4Address(address.packed[12:])
    if inner is not None:
        return refused_kind(inner)
    if address not in _GLOBAL_UNICAST:
        return "a reserved address"
    if address.packed[8:12] in _ISATAP:
        return refused_kind(IPv4Address(address.packed[12:]))
    return None


def _named(address: Address, table: Iterable[tuple[int, int, str]]) -> str | None:
    number = int(address)
    return next((kind for mask, network, kind in table if number & mask == network), None)


# --- what the owner opens --------------------------------------------------------------

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")


@dataclass(frozen=True, slots=True)
class AllowList:
    """The owner's `allow_private`: opens what it names and nothing beside it.

    A network opens its addresses, whatever name led there; a host, or a host
    and port, opens that name and whatever it resolves to. `127.0.0.1:8080` is a
    host and port: another name that resolves to 127.0.0.1 stays refused.
    """

    entries: tuple[str, ...] = ()  # as written, to be repeated in the line to paste
    networks: tuple[Network, ...] = ()
    hosts: frozenset[tuple[str, int | None]] = frozenset()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> AllowList:
        """Read `["192.168.1.0/24", "rsshub:1200", "nas.local", "[::1]:8080"]`.

        Raises ValueError with one line that names the entry which means nothing.
        """
        written = tuple(entries)
        networks: list[Network] = []
        hosts: set[tuple[str, int | None]] = set()
        for entry in written:
            try:
                networks.append(ip_network(entry.strip(), strict=False))
            except ValueError:
                hosts.add(_host_and_port(entry.strip()))
        return cls(written, tuple(networks), frozenset(hosts))

    def admits(self, host: str, port: int, address: Address) -> bool:
        """Return whether the owner opened this place, by name or by network."""
        if self.names(host, port):
            return True
        # A mapped address is the same socket as the IPv4 address inside it.
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return any(
            address in network or (mapped is not None and mapped in network)
            for network in self.networks
        )

    def with_host_of(self, url: str) -> AllowList:
        """Return a list that opens the host and port of `url` too."""
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
        return replace(self, hosts=self.hosts | {(normal_host(parts.hostname or ""), port)})

    def is_own(self, url: str) -> bool:
        """Return whether `url` is at a service of the owner's, opened by name and port.

        A network, or an address without a name, may hold anybody's servers.
        """
        if not self.hosts:
            return False
        try:
            parts = urlsplit(url)
            host = normal_host(parts.hostname or "")
            port = parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            return False
        return (host, port) in self.hosts and _HOST.fullmatch(host) is not None and not _is_ip(host)

    def names(self, host: str, port: int) -> bool:
        """Return whether the owner opened this host by its name."""
        name = normal_host(host)
        return (name, port) in self.hosts or (name, None) in self.hosts


@lru_cache(maxsize=2_000)  # each poll asks several times, of the same few hosts
def normal_host(host: str) -> str:
    """Return `host` in the one spelling used for comparison: lower case, ASCII, no last dot."""
    name = host.strip("[]").rstrip(".").lower()
    if name[-1:].isdigit() or ":" in name:  # nothing else can be an address
        with suppress(ValueError):
            return str(ip_address(name))
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _host_and_port(entry: str) -> tuple[str, int | None]:
    problem = f"{entry!r} is neither a network (192.168.1.0/24) nor a host (nas.local, nas:8080)"
    if entry.startswith("["):
        bracketed, closed, rest = entry[1:].partition("]")
        host, colon, port = bracketed, rest[:1], rest[1:]
        if not closed or colon != ":" or ":" not in host:
            raise ValueError(problem)
    else:
        host, colon, port = entry.partition(":")
    name = normal_host(host)
    if not _HOST.fullmatch(name) and ":" not in name:
        raise ValueError(problem)
    if not colon:
        return name, None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise ValueError(f"{entry!r}: the port is a number from 1 to 65535")
    return name, int(port)


# --- decisions -------------------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PORTS = {"http": 80, "https": 443}
# Addresses as most are, of which there is one reading.
USUAL = re.compile(
    r"https?://[a-z0-9.-]+(?::([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?"
    r"/[A-Za-z0-9%_.~,=+@!/-]*(?:\?[A-Za-z0-9%_.~,=+&/-]+)?"
)


@lru_cache(maxsize=2_000)  # asked when a feed is configured, and whenever it is asked
def check_url(url: str) -> str | None:
    """Return why `url` cannot be fetched at all, in words, or None if it may be tried.

    Where its host leads is checked later, at each connect (`refusal`). The
    reason never repeats the URL: it may hold a password.
    """
    if len(url) > MAX_URL_LENGTH:
        return f"the address is longer than {MAX_URL_LENGTH} characters"
    usual = USUAL.fullmatch(url)
    if usual and int(usual[1] or 80) not in _BLOCKED_PORTS:
        return None
    if _CONTROL.search(url):
        return "the address holds control characters"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "the address is not a valid URL"
    return _scheme_problem(parts.scheme) or _authority_problem(parts.netloc, host, port)


def _scheme_problem(scheme: str) -> str | None:
    if scheme not in ("http", "https"):
        known = re.sub(r"[^a-z0-9+.-]", "", scheme)[:20]
        return f"only http and https addresses can be fetched, not {known or 'this one'}"
    return None


def _authority_problem(netloc: str, host: str | None, port: int | None) -> str | None:
    # Parsers disagree on where the host ends at a backslash, so such a URL can name two hosts.
    if not host or re.search(r"[\s\\]", netloc):
        return "the address has no valid host"
    if port is not None and port in _BLOCKED_PORTS:
        return f"port {port} is not one for web servers"
    return None


@lru_cache(maxsize=2_000)
def origin_of(url: str) -> str:
    """Return scheme, host and port of `url` as one string; empty for what is no URL."""
    if USUAL.fullmatch(url):
        scheme, _, rest = url.partition("://")
        host, _, written = rest.partition("/")[0].partition(":")
        return f"{scheme}://{normal_host(host)}:{int(written or 0) or _PORTS[scheme]}"
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
        return f"{parts.scheme}://{normal_host(parts.hostname or '')}:{port}"
    except ValueError:
        return ""


def refusal(host: str, port: int, address: Address, allow: AllowList) -> str | None:
    """Return why `host` at `address` must not be connected to, or None if it may be.

    One line for the owner, with the setting that would open it: the whole
    line, earlier entries included, ready to be pasted.
    """
    kind = refused_kind(address)
    if kind is None or allow.admits(host, port, address):
        return None
    name = normal_host(host)
    literal = name == str(address)
    where = f"{name} is {kind}" if literal else f"{name} is {address}, {kind}"
    opening = ""
    if not literal and isinstance(address, IPv4Address) and address in _FAKE_IP:
        where += " (a proxy's fake-ip DNS gives such answers)"
        opening = str(_FAKE_IP)
    return f"refused: {where}; {line_to_paste(name, port, allow, opening)}"


def line_to_paste(host: str, port: int, allow: AllowList, opening: str = "") -> str:
    """Return the advice that opens `host`, or what `opening` says, to feeds."""
    name = normal_host(host)
    opening = opening or (f"[{name}]:{port}" if ":" in name else f"{name}:{port}")
    line = json.dumps([*allow.entries, opening], ensure_ascii=False)
    return f"if it is yours, allow it in [poll]: allow_private = {line}"
