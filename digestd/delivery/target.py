"""A target: a channel understood. Who gets what, in which form, and by which road."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Literal

from digestd.core.models import Priority
from digestd.delivery.limits import Shape
from digestd.errors import ConfigError
from digestd.frozen import dataclass, field
from digestd.patterns import pattern

if TYPE_CHECKING:
    from digestd.delivery.mailservers import Route

Form = Literal["mail", "json", "page", "line", "apprise"]
# How a message is written, whatever it goes out as.
Style = Literal["html", "text", "chat"]
STYLES: tuple[Style, ...] = ("html", "text", "chat")
_STYLES_OF: dict[Form, tuple[Style, ...]] = {
    "mail": ("html", "text"),
    "page": ("html", "text"),
    "json": ("text",),
    "line": ("text",),
}


def styles_of(form: Form) -> tuple[Style, ...]:
    """Return the styles of a message that pieces of this form are made of."""
    return _STYLES_OF.get(form, STYLES)


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server: the roads to try in order, and who we are to it."""

    host: str
    routes: tuple[Route, ...]
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook. `payload` renames, drops (empty value) or adds fields, as in Apprise's json://."""

    url: str = field(repr=False)
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    params: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    payload: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Folder:
    """A place in the file system."""

    path: str


@dataclass(frozen=True, slots=True)
class Terminal:
    """Standard output."""


@dataclass(frozen=True, slots=True)
class Service:
    """Whatever else Apprise knows, and the shape of text that it takes."""

    url: str = field(repr=False)
    shape: Shape = field(default_factory=Shape)


@dataclass(frozen=True, slots=True)
class Xmpp:
    """An XMPP account; recipients that begin with "#" are rooms."""

    host: str
    port: int
    jid: str
    nickname: str  # in rooms
    password: str = field(default="", repr=False)
    direct_tls: bool = False  # at once, rather than after STARTTLS
    verify: bool = True
    shape: Shape = field(default_factory=Shape)


Via = Smtp | Hook | Folder | Terminal | Service | Xmpp


@dataclass(frozen=True, slots=True)
class Target:
    """Where a channel's messages go.

    `recipients` get a piece each; a channel that is its own recipient has "".
    `masked` may be shown; `secrets` never.
    """

    name: str
    scheme: str
    form: Form
    recipients: tuple[str, ...]
    masked: str
    via: Via
    sender_name: str = ""  # mail: who it comes from
    sender_address: str = ""
    reply_to: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()  # mail: the owner's own
    threads: bool = False  # mail: the alerts of a feed stand in one thread
    unsubscribe: tuple[str, ...] = ()  # mail: for List-Unsubscribe
    prefix: str = ""  # begins every message
    priority: Priority = "normal"
    proxy: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def pace(self) -> tuple[int, int]:
        """Return how many pieces a minute and at once the service takes, 0 if it does not say."""
        if not isinstance(self.via, Service | Xmpp):
            return 0, 0
        return self.via.shape.per_minute, self.via.shape.burst


def addresses(texts: list[str], key: str) -> tuple[str, ...]:
    """Return the bare addresses in `texts`, each once; raises ConfigError for one that is none."""
    found: dict[str, str] = {}
    from email.utils import getaddresses  # noqa: PLC0415 (for mail alone)

    for _, address in getaddresses([text for text in texts if text.strip()]):
        if not is_address(address):
            raise ConfigError(key, f"{address or 'nothing'!r} is no mail address")
        found.setdefault(address.lower(), address)
    if not found:
        raise ConfigError(key, "needs a mail address")
    return tuple(found.values())


_ADDRESS = pattern(r"[^\s@<>(),;:\\\"\[\]\x00-\x1f\x7f]{1,64}@[^\s@<>(),;\\\"\x00-\x1f\x7f]{1,253}")


def is_address(text: str) -> bool:
    """Say whether `text` can be an address (RFC 5321, RFC 6531; quoted local parts left out)."""
    if not _ADDRESS.fullmatch(text):
        return False
    domain = text.rpartition("@")[2]
    if domain.startswith("["):
        try:
            ipaddress.ip_address(domain[1:-1].removeprefix("IPv6:"))
        except ValueError:
            return False
        return domain.endswith("]")
    return all(domain.split("."))


def shows_images(form: Form) -> bool:
    """Return whether a form carries images with its HTML."""
    return form in ("mail", "page")
