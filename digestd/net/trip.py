"""One fetch on its way through redirects: where it is, and what may be said to whom."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

import httpx

from digestd.core.addresses import check_url, origin_of
from digestd.core.models import Validators
from digestd.core.outcomes import KEPT_HEADERS, Failed
from digestd.net.reasons import status_in_words

_PERMANENT = frozenset([301, 308])
_MAX_VALIDATOR = 4096
_MAX_HEADER = 4096
_ABSENT = [b""]
_KEPT = [(name.encode("ascii"), name) for name in KEPT_HEADERS]
_SENDABLE = re.compile("[\x20-\x7e\x80-\xff]+")
# Headers of the owner's own that may follow a redirect to another host; all others may be secrets.
_HARMLESS = frozenset(["accept", "accept-language", "user-agent"])


class Trip:
    """See the module. Raises httpx.InvalidURL for a `url` that is none.

    `at` is where it begins, if that is not `url` itself, which headers are meant for.
    """

    def __init__(
        self, url: str, known: Validators, headers: Mapping[str, str], at: str = ""
    ) -> None:
        self._known = known
        pairs = ((b"If-None-Match", known.etag), (b"If-Modified-Since", known.last_modified))
        self._conditions = [(name, v.encode("latin-1")) for name, v in pairs if v and _usable(v)]
        parsed = httpx.URL(url)
        self._userinfo = parsed.userinfo
        self.start, text = _to_ask(parsed)
        self._home = origin_of(text)
        self._go(*(_to_ask(httpx.URL(at)) if at else (self.start, text)))
        self.permanent = True
        self.answered = False
        self._moved = False
        self._headers = dict(headers)
        if self._userinfo:
            secret = b64encode(unquote_to_bytes(self._userinfo)).decode("ascii")
            self._headers = {"Authorization": f"Basic {secret}", **self._headers}

    def _go(self, to: httpx.URL, text: str) -> None:
        self.at, self.address = to, text
        self._origin = origin_of(self.address)
        # Whether this is the origin that was meant, or its plain upgrade to TLS.
        self.is_home = self._origin == self._home or _is_upgrade(self.start, to)

    @property
    def asks_conditionally(self) -> bool:
        """Whether validators are sent here: to the origin that gave them, and no other."""
        known = self._known
        at_source = known.origin == self._origin if known.origin else self.is_home
        return at_source and bool(self._conditions)

    @property
    def moved_to(self) -> str | None:
        """The address to adopt, if every redirect on the way here was permanent."""
        if not (self._moved and self.permanent):
            return None
        # Whoever adopts this address must not lose the password that it still needs.
        return str(self.at.copy_with(userinfo=self._userinfo) if self.is_home else self.at)

    def headers(self, ours: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return what is sent here: `ours` where the feed has none of its own, validators as is."""
        own = [
            (name.encode("ascii"), value.encode("utf-8"))
            for name, value in self._headers.items()
            if self.is_home or name.lower() in _HARMLESS
        ]
        taken = {name.lower() for name, _ in own}
        # Left to itself, httpx decodes an xn-- host, and raises for one with an emoji in it.
        ours = [(b"Host", self.at.netloc), *ours]
        sent = [(name, value) for name, value in ours if name.lower() not in taken] + own
        if self.asks_conditionally:
            sent += self._conditions
        return sent

    def validators(self, response: httpx.Response) -> Validators:
        """Return the validators to keep: a 304 that repeats none of them confirms ours."""
        old = self._known if response.status_code == 304 else Validators()
        return Validators(
            _validator(response, "etag") or old.etag,
            _validator(response, "last-modified") or old.last_modified,
            None if self.is_home else self._origin,
        )

    def move(self, location: bytes, status: int) -> str:
        """Go where a redirect points; return what is wrong with that, or nothing."""
        if not location:
            return f"{status_in_words(status)}, without saying where to"
        try:
            text = location.decode("utf-8")
        except UnicodeDecodeError:
            text = location.decode("latin-1")
        try:
            to, address = _to_ask(self.at.join(text))
        except (httpx.InvalidURL, ValueError):
            return "redirected to something that is not a valid URL"
        reason = check_url(address)
        if reason:
            return f"redirected astray: {reason}"
        if to == self.at:
            return "redirected to itself"
        self._moved = True
        self.answered = False
        self.permanent = self.permanent and status in _PERMANENT
        self._go(to, address)
        return ""

    def failed(
        self, reason: str, status: int | None = None, retry_after: str | None = None
    ) -> Failed:
        """Return a failure that says where it happened, if that is not where we were sent."""
        if self.at.raw_host != self.start.raw_host:
            reason = f"redirected to {self.at.raw_host.decode('ascii')}: {reason}"
        away = self._origin != self._home
        return Failed(reason, status, retry_after, self.address if away else "")


def _to_ask(url: httpx.URL) -> tuple[httpx.URL, str]:
    """Return `url` as it may be asked for, without a password and a fragment; and as text."""
    text = str(url)
    # To copy is to parse anew, which most addresses have no need of.
    if url.userinfo or url.fragment or text.endswith("#"):
        url = url.copy_with(userinfo=b"", fragment=None)
        text = str(url)
    return url, text


def _is_upgrade(first: httpx.URL, other: httpx.URL) -> bool:
    plain = first.scheme == "http" and first.port is None
    secure = other.scheme == "https" and other.port is None
    return plain and secure and first.raw_host == other.raw_host


def _usable(validator: str | None) -> bool:
    """Whether a stored validator can stand in a header at all."""
    if not validator or len(validator) > _MAX_VALIDATOR:
        return False
    return _SENDABLE.fullmatch(validator) is not None


def _validator(response: httpx.Response, name: str) -> str | None:
    value = raw_header(response, name).decode("latin-1")
    return value if _usable(value) else None


def raw_header(response: httpx.Response, name: str) -> bytes:
    """Return the first header of this name as it came; httpx would guess at its charset."""
    return _fields(response).get(name.encode("ascii"), _ABSENT)[0]


def header(response: httpx.Response, name: str) -> str:
    values = _fields(response).get(name.encode("ascii"))
    return _joined(values) if values else ""


def kept_headers(response: httpx.Response) -> dict[str, str]:
    """Return what decisions need of the headers, those that say something."""
    found = _fields(response)
    return {
        name: value
        for raw, name in _KEPT
        if (values := found.get(raw)) and (value := _joined(values))
    }


def _joined(values: list[bytes]) -> str:
    return b", ".join(values)[:_MAX_HEADER].decode("latin-1")


def _fields(response: httpx.Response) -> dict[bytes, list[bytes]]:
    """Return the headers of a response by their names in lower case; sorted out once."""
    found: dict[bytes, list[bytes]] | None = response.extensions.get("digestd")
    if found is None:
        found = response.extensions["digestd"] = {}
        for name, value in response.headers.raw:
            found.setdefault(name.lower(), []).append(value)
    return found
