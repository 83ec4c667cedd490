"""Links without what publishers add to them to follow readers, and links as identities."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from digestd.patterns import pattern

# Parameters that name a campaign or a reader, never a page. Those ending in "_" are prefixes.
TRACKING_PREFIXES = ("utm_", "mtm_", "matomo_", "hsa_", "vero_", "oly_")
TRACKING_NAMES = frozenset(
    "fbclid gclid gclsrc dclid wbraid gbraid msclkid yclid twclid ttclid igshid igsh mc_cid mc_eid"
    " _hsenc _hsmi __hstc __hssc __s mkt_tok ml_subscriber ml_subscriber_hash rb_clickid"
    " s_cid wickedid _openstat spm_id_from".split()
)
# Fragments that name a place on every page. Others may be all that tells two entries of a
# changelog apart, and stay.
_IDLE_FRAGMENTS = frozenset("comments respond more top content main rss feed".split())
RSSHUB = "rsshub://"  # a route of the owner's RSSHub follows
# Addresses as most are, in which nothing needs a closer look: no port, no query, no blanks.
PLAIN = re.compile(r"https?://([a-z0-9.-]+(?:/[A-Za-z0-9%_.~,=+@!/-]*)?)")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def split(url: str) -> SplitResult | None:
    """Return the parts of `url`, or None if it is none (RFC 3986; brackets, ports)."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def strip_tracking(url: str) -> str:
    """Return `url` without tracking parameters; all else as it was, byte for byte."""
    if "?" not in url and "#" not in url:
        return url
    parts = split(url)
    if parts is None:
        return url
    query = "&".join(p for p in parts.query.split("&") if not _is_tracking(p))
    fragment = parts.fragment
    if fragment and all(_is_tracking(p) for p in fragment.split("&")):
        fragment = ""
    if query == parts.query and fragment == parts.fragment:
        return url
    return parts._replace(query=query, fragment=fragment).geturl()


def canonical_link(url: str) -> str:
    """Return what stays the same of `url` when a site moves to https or adds parameters.

    An identity, not an address: scheme http becomes https, the host is in lower case,
    default ports, tracking, a final slash and idle fragments ("#comments") are gone.
    """
    url = url.strip()
    if found := PLAIN.fullmatch(url):
        return "https://" + found[1].rstrip("/")
    parts = split(strip_tracking(url))
    if parts is None or not parts.netloc:
        return url
    scheme = parts.scheme.lower()
    host = parts.netloc.lower()
    name, colon, port = host.rpartition(":")
    if colon and port in ("", _DEFAULT_PORTS.get(scheme)):
        host = name
    fragment = "" if parts.fragment.lower() in _IDLE_FRAGMENTS else parts.fragment
    return SplitResult(
        scheme="https" if scheme == "http" else scheme,
        netloc=host,
        path=parts.path.rstrip("/"),
        query=parts.query,
        fragment=fragment,
    ).geturl()


def path_of(link: str) -> str:
    """Return what a canonical link names on its host, whatever the host; a home page: nothing."""
    parts = split(link)
    if parts is None:
        return ""
    return SplitResult("", "", parts.path, parts.query, parts.fragment).geturl()


def next_page(url: str) -> str | None:
    """Return the address of a WordPress feed's next older page (`?paged=2`, `?paged=3` …)."""
    parts = split(url)
    if parts is None:
        return None
    pairs = [p for p in parts.query.split("&") if p and not p.startswith("paged=")]
    paged = next((p[6:] for p in parts.query.split("&") if p.startswith("paged=")), "1")
    number = int(paged) + 1 if paged.isdecimal() and len(paged) < 6 else 2
    return parts._replace(query="&".join([*pairs, f"paged={number}"])).geturl()


def without_password(url: str) -> str:
    """Return `url` without user name and password."""
    parts = split(url)
    if parts is None or "@" not in parts.netloc:
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def without_secret_user(url: str) -> str:
    """Return `url` without a password; the user's name, which tells feeds apart, stays."""
    parts = split(url) if "@" in url else None
    if parts is None or "@" not in parts.netloc:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}@{host}").geturl()


def _is_tracking(parameter: str) -> bool:
    name = parameter.partition("=")[0].lower()
    return name in TRACKING_NAMES or name.startswith(TRACKING_PREFIXES)


# Names of parameters that hold what opens something: rather one too many than one too few.
_TELLING = pattern(
    r"key(?!word)|token|secret|pass|pwd|auth(?!or)|session|signature|credential|hash|jwt"
    r"|(?:^|[_-])(?:sig|pw|pin|sid|cookie)$",
    re.IGNORECASE,
)


def without_secrets(url: str) -> str:
    """Return `url` as it may be shown: no password, no parameter that looks like one."""
    parts = split(url)
    if parts is None:
        return url.partition("?")[0].rpartition("@")[2]
    user, at, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}:…@{host}" if at and ":" in user else parts.netloc
    query = "&".join(
        f"{name}=…" if value and _TELLING.search(name) else name + equals + value
        for name, equals, value in (one.partition("=") for one in parts.query.split("&"))
    )
    if netloc == parts.netloc and query == parts.query:
        return url
    return parts._replace(netloc=netloc, query=query).geturl()
