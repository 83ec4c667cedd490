"""WebSub (W3C Recommendation, 23 January 2018): what a subscriber decides.

Where a feed's hub is, whether a verification is ours, whether a delivery is
signed by the hub, and when a lease is renewed. Tests are named after the rows
of our checklist: D discovery, S subscription, V verification, C content,
A authentication, F fallback.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from digestd.core.addresses import check_url
from digestd.core.linkheader import links
from digestd.core.parsed import ParsedFeed
from digestd.frozen import dataclass

State = Literal["pending", "active", "leaving", "ended"]

# What we ask for; the hub's own value, in its verification, is what counts.
LEASE: Final = timedelta(days=10)
_SHORTEST_LEASE, _LONGEST_LEASE = timedelta(minutes=1), timedelta(days=90)

_MOST_HUBS = 4
_LONGEST_CHALLENGE = 4096
_MOST_SECRET = 199  # bytes; "MUST be less than 200"
METHODS: Final = ("sha1", "sha256", "sha384", "sha512")  # ascending


# --- discovery -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """The hubs that tell of `topic`, in the order in which they are tried."""

    hubs: tuple[str, ...]
    topic: str


# Sources that have a hub and do not say so, or say so with an address of another form.
# (pattern of the feed's address, hub, topic as a template of the pattern)
KNOWN_HUBS: Final = (
    (
        r"https?://(?:www\.)?youtube\.com/(?:xml/)?feeds/videos\.xml\?(?:.*&)?(channel_id=[\w-]+).*",
        "https://pubsubhubbub.appspot.com/",
        r"https://www.youtube.com/feeds/videos.xml?\1",
    ),
)


def find_offer(headers: Mapping[str, str], document: ParsedFeed | None, url: str) -> Offer | None:
    """Return where to subscribe to the feed that came from `url`, redirects followed.

    Link headers go before links in the document (section 4), each with its own
    self link; `url` is the topic where there is none.
    """
    for pattern, hub, topic in KNOWN_HUBS:
        if known := re.fullmatch(pattern, url[:2000]):
            return Offer((hub,), known.expand(topic))
    told = list(links(headers.get("link", ""), url))
    hubs = [address for relation, address in told if relation == "hub"]
    topic_ = next((address for relation, address in told if relation == "self"), None)
    if not hubs and document is not None:
        hubs, topic_ = list(document.hub_urls), document.self_url or topic_
    elif topic_ is None and document is not None:
        topic_ = document.self_url
    wanted = [form for hub in hubs[:_MOST_HUBS] if not check_url(hub) for form in _forms(hub)]
    topic_ = topic_ if topic_ and not check_url(topic_) else _without_password(url)
    return Offer(tuple(dict.fromkeys(wanted)), topic_) if wanted else None


def _forms(hub: str) -> tuple[str, ...]:
    """Return a hub's address, its https form first where it may have one (S7)."""
    parts = urlsplit(hub)
    if parts.scheme.lower() == "http" and parts.port in (None, 80) and parts.hostname:
        secure = parts._replace(scheme="https", netloc=parts.netloc.removesuffix(":80"))
        return urlunsplit(secure), hub
    return (hub,)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


# --- subscription ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HubSubscription:
    """One feed at one hub under one callback; a renewal is another one."""

    pk: int
    feed_pk: int
    hub: str  # as the feed names it
    hub_at: str  # where it is asked: elsewhere, after a 308
    topic: str
    callback: str  # whole; its last part is the token
    token: str
    secret: str  # empty: none was sent
    state: State
    asked_at: datetime
    lease_until: datetime | None = None
    renew_at: datetime | None = None
    pushed_at: datetime | None = None  # the newest delivery that was ours
    suspect_at: datetime | None = None  # a poll found what the hub had not told of
    replaces: int | None = None

    def is_trusted(self, now: datetime) -> bool:
        """Whether its feed may be polled seldom: it lives, has told of posts, and missed none."""
        alive = self.lease_until is not None and now < self.lease_until
        return self.state == "active" and alive and bool(self.pushed_at) and not self.suspect_at


def may_hold_secret(hub: str, *, plain: bool = False) -> bool:
    """Return whether a secret may be sent to `hub`: over TLS, or where its owner says so (S6)."""
    return plain or urlsplit(hub).scheme.lower() == "https"


def request_form(mode: Literal["subscribe", "unsubscribe"], wanted: HubSubscription) -> bytes:
    """Return the body of a request to a hub, application/x-www-form-urlencoded in UTF-8 (S3)."""
    fields = {
        "hub.callback": wanted.callback,
        "hub.mode": mode,
        "hub.topic": wanted.topic,
    }
    if mode == "subscribe":
        fields["hub.lease_seconds"] = f"{LEASE.total_seconds():.0f}"
        if wanted.secret:
            fields["hub.secret"] = wanted.secret[:_MOST_SECRET]
    return urlencode(fields).encode("ascii")


# --- verification ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Confirm:
    """Answer 200 with the challenge. A subscription lives until `lease_until`."""

    challenge: str
    lease_until: datetime | None = None  # None: an unsubscription
    renew_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """The hub ends it, or refuses it, and may say why."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotOurs:
    """Answer 404."""


def verify(
    known: HubSubscription | None, query: str, now: datetime, chance: float
) -> Confirm | Denied | NotOurs:
    """Return what follows from a hub's GET to the callback of `known` (section 5.3).

    `chance` in [0, 1) spreads renewals over 1/2 to 2/3 of the lease (V4).
    """
    try:
        fields = parse_qs(query, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return NotOurs()
    mode, topic, challenge, lease = (
        fields.get(f"hub.{name}", [""])[0]
        for name in ("mode", "topic", "challenge", "lease_seconds")
    )
    if known is None or topic != known.topic:
        return NotOurs()  # V2
    # An active one may be verified again: a hub repeats what it believes was lost.
    wanted = known.state in ("pending", "active")
    if mode == "denied" and wanted:
        return Denied(fields.get("hub.reason", [""])[0][:200])
    if 0 < len(challenge) <= _LONGEST_CHALLENGE:
        if mode == "subscribe" and wanted:
            span = _lease(lease)
            return Confirm(challenge, now + span, now + span * (0.5 + chance / 6))
        if mode == "unsubscribe" and known.state == "leaving":
            return Confirm(challenge)
    return NotOurs()


def _lease(raw: str) -> timedelta:
    """Return the lease that a hub states, within reason; ours where it states none (V3)."""
    if not re.fullmatch(r"[0-9]{1,12}", raw.strip(), re.ASCII) or not int(raw):
        return LEASE
    return min(max(timedelta(seconds=min(int(raw), 10**9)), _SHORTEST_LEASE), _LONGEST_LEASE)


# --- content ---------------------------------------------------------------------------


def is_signed(secret: str, header: str | None, body: bytes, least: str = "sha1") -> bool:
    """Return whether `body`, byte for byte as it came, is signed with `secret` (section 7.1).

    `header` is X-Hub-Signature, `method=hex`; a method weaker than `least` is no
    signature. True where no secret was agreed upon: then the unguessable callback
    is what a delivery is known by.
    """
    if not secret:
        return True
    method, _, stated = (header or "").strip().partition("=")
    method = method.strip().lower()
    if method not in METHODS or METHODS.index(method) < METHODS.index(least):
        return False
    ours = hmac.new(secret.encode(), body, getattr(hashlib, method)).hexdigest()
    return hmac.compare_digest(ours.encode(), stated.strip().lower().encode("utf-8", "replace"))
