"""The sender of a target: a blocking `send`, called in the channel's own thread."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import tzinfo
from typing import TextIO, assert_never

from digestd.clock import Clock, system_clock
from digestd.delivery.fitting import Fitting
from digestd.delivery.own import Sender, make_own_sender
from digestd.delivery.target import Folder, Hook, Service, Smtp, Target, Terminal, Xmpp

__all__ = ["Sender", "make_sender"]


def make_sender(
    target: Target,
    *,
    tls: Callable[[], ssl.SSLContext],
    clock: Clock = system_clock,
    bold: bool = False,
    out: TextIO | None = None,
    zone: tzinfo | None = None,
) -> Sender:
    """Return the sender of `target`; pieces that fit the channel no longer it makes fit.

    `tls` gives the one context of the process. `bold`, `out` and `zone` are for
    the terminal: whether titles are bold, where lines go (standard output), and
    whose time they show (the system's).
    """
    own = _own_sender(target, tls=tls, clock=clock, bold=bold, out=out, zone=zone)
    return Fitting(target, own, clock)


def _own_sender(
    target: Target,
    *,
    tls: Callable[[], ssl.SSLContext],
    clock: Clock,
    bold: bool,
    out: TextIO | None,
    zone: tzinfo | None,
) -> Sender:
    match target.via:
        case Smtp():
            from digestd.delivery.mail import MailSender  # noqa: PLC0415  (loaded when needed)

            return MailSender(target, tls=tls)
        case Hook():
            from digestd.delivery.webhook import HookSender  # noqa: PLC0415

            return HookSender(target, tls=tls, clock=clock)
        case Folder() | Terminal():
            return make_own_sender(target, clock=clock, bold=bold, out=out, zone=zone)
        case Service():
            from digestd.delivery.apprise_sender import AppriseSender  # noqa: PLC0415  (Apprise)

            return AppriseSender(target, tls=tls, clock=clock)
        case Xmpp():
            from digestd.delivery.xmpp import XmppSender  # noqa: PLC0415  (an extra)

            return XmppSender(target, tls=tls)
        case _:
            assert_never(target.via)
