"""The channels that need no account: terminal://, maildir:///path and file:///folder."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import PurePosixPath
from typing import Protocol, TextIO
from urllib.parse import unquote

from digestd.clock import Clock, system_clock
from digestd.core.messages import Piece
from digestd.core.models import Channel, MailServer
from digestd.core.outcomes import SendOutcome
from digestd.delivery.target import Folder, Target, Terminal, is_address
from digestd.errors import ConfigError

OWN_SCHEMES = ("terminal", "maildir", "file")


class Sender(Protocol):
    """What a channel's thread holds. One call at a time."""

    def send(self, piece: Piece) -> SendOutcome:
        """Hand over `piece`; never raises for what a service does, and blocks for seconds."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def open_own(channel: Channel, mail: MailServer | None) -> Target:
    """Return the target of a channel with one of OWN_SCHEMES; raises ConfigError.

    The path is the raw one, percent-decoded: Apprise's idea of host and path
    would lose its case and its doubled slashes.
    """
    key = f"channels.{channel.name}.url"
    scheme, _, rest = channel.url.strip().partition(":")
    scheme = scheme.lower()
    if channel.proxy:
        raise ConfigError(f"channels.{channel.name}.proxy", f"{scheme}:// needs no proxy")
    if scheme == "terminal":
        if rest.strip("/"):
            raise ConfigError(key, "terminal:// takes nothing after it")
        return Target(channel.name, scheme, "line", ("",), "terminal://", Terminal())
    path = unquote(rest.removeprefix("//"))
    if not path.startswith("/") or "\0" in path or ".." in PurePosixPath(path).parts:
        raise ConfigError(key, f"needs an absolute path: {scheme}:///path/to/folder")
    masked = f"{scheme}://{path}"
    via = Folder(path)
    if scheme == "file":
        return Target(channel.name, scheme, "page", ("",), masked, via)
    from email.utils import parseaddr  # noqa: PLC0415 (for mail alone)

    sender_name, sender_address = parseaddr((mail and (mail.sender or mail.user)) or "")
    if not is_address(sender_address):
        sender_address = "digestd@localhost"
    return Target(
        channel.name,
        scheme,
        "mail",
        ("",),
        masked,
        via,
        sender_name=sender_name or "digestd",
        sender_address=sender_address,
    )


def make_own_sender(
    target: Target,
    *,
    clock: Clock = system_clock,
    bold: bool = False,
    out: TextIO | None = None,
    zone: tzinfo | None = None,
) -> Sender:
    """Return the sender of a target that `open_own` made."""
    if isinstance(target.via, Terminal):
        from digestd.delivery.terminal import TerminalSender  # noqa: PLC0415  (loaded when needed)

        return TerminalSender(bold=bold, out=out, clock=clock, zone=zone)
    if target.form == "page":
        from digestd.delivery.page import PageSender  # noqa: PLC0415

        return PageSender(target)
    from digestd.delivery.maildir import MaildirSender  # noqa: PLC0415

    return MaildirSender(target)
