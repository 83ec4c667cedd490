"""One message sent from the command line, at once, and what the service answered."""

from __future__ import annotations

import click

from digestd.app import App
from digestd.cli.show import safe, span
from digestd.core.messages import Message
from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.delivery.compose import compose


def send_now(app: App, channel: str, message: Message) -> bool:
    """Send `message` past the outbox; say what came of it, and return whether it was accepted."""
    target = app.targets()[channel]
    sender = app.sender_maker(app.config, app.tls())(target)
    click.echo(f"{channel}: {safe(target.masked)}")
    good = True
    try:
        for piece in compose(target, message):
            outcome = sender.send(piece)
            good = good and isinstance(outcome, Sent)
            to = f"  {piece.recipient}: " if piece.recipient else "  "
            click.echo(to + _answered(outcome))
    finally:
        sender.close()
    return good


def _answered(outcome: SendOutcome) -> str:
    match outcome:
        case Sent(answer):
            return f"accepted{f': {safe(answer)}' if answer else ''}"
        case TryAgain(reason, after):
            wish = f" (it asks to wait {span(after.total_seconds())})" if after else ""
            return f"refused for now: {safe(reason)}{wish}"
        case Unknown(reason):
            return f"no clear answer, perhaps it arrived: {safe(reason)}"
        case Refused(reason):
            return f"refused: {safe(reason)}"
        case Broken(reason):
            return f"the channel does not work as configured: {safe(reason)}"
