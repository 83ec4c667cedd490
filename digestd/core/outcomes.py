"""Sum types that pass between layers: what a server, a document or a service did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from digestd.core.models import Validators
from digestd.frozen import dataclass, field

# --- fetching --------------------------------------------------------------------------

# Response headers that decisions need, lower case; everything else stays in `net`.
KEPT_HEADERS = (
    "age",
    "cache-control",
    "content-language",
    "content-location",
    "content-type",
    "date",
    "expires",
    "link",
    "retry-after",
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A 200 with its whole decoded body."""

    body: bytes = field(repr=False)
    validators: Validators
    url: str  # where the body came from, redirects followed
    headers: Mapping[str, str]  # of KEPT_HEADERS, those present
    moved_to: str | None = None  # set when every redirect on the way was permanent (301, 308)
    wire_hash: bytes | None = None  # of the body as it came, compressed or not
    is_known: bool = False  # by that hash: `body` was left out


@dataclass(frozen=True, slots=True)
class NotModified:
    """A 304; its headers may carry refreshed validators (RFC 9111, section 4.3.4)."""

    validators: Validators
    headers: Mapping[str, str]
    moved_to: str | None = None  # as in `Fetched`


@dataclass(frozen=True, slots=True)
class Gone:
    """A 410: the publisher says that it will not come back."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Anything else. `reason` is one clear line for the owner, without secrets."""

    reason: str
    status: int | None = None
    retry_after: str | None = None  # raw header; core.freshness reads it
    url: str = ""  # who answered, where redirects led to another host


FetchOutcome = Fetched | NotModified | Gone | Failed


@dataclass(frozen=True, slots=True)
class Pushed:
    """A body that a hub delivered: the whole feed, only what is new, or nothing at all (a ping)."""

    body: bytes = field(repr=False)
    url: str  # the feed's own
    headers: Mapping[str, str]  # content-type alone: a delivery's headers are not signed


# --- sending ---------------------------------------------------------------------------
# `answer` and `reason` are what the service said, one line, secrets masked.


@dataclass(frozen=True, slots=True)
class Sent:
    """The service accepted it."""

    answer: str = ""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Refused for now; `after` is the service's own wish, to be obeyed exactly."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Time-out or reset: perhaps accepted, perhaps not. Tried again, a repeat is possible."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """This message will never be accepted as it is."""

    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Nothing will be accepted until the owner mends the channel (401, 403, 535)."""

    reason: str


SendOutcome = Sent | TryAgain | Unknown | Refused | Broken
