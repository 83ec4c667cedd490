"""Pieces that were written for a channel before its owner changed the address.

For a channel of another kind their words are all that can be saved: they are put
together anew, as text. A recipient who was taken away gets nothing.
"""

from __future__ import annotations

import json
from datetime import datetime
from email import message_from_bytes, policy

from digestd.clock import Clock
from digestd.core.messages import Message, MessageKind, Piece
from digestd.core.outcomes import Refused, SendOutcome, Sent
from digestd.delivery.atoms import atoms_of, shown
from digestd.delivery.compose import compose
from digestd.delivery.own import Sender
from digestd.delivery.target import Target
from digestd.frozen import replace


class Fitting:
    """Sends pieces as they are, where the channel is still what they were written for."""

    def __init__(self, target: Target, sender: Sender, clock: Clock) -> None:
        self._target = target
        self._sender = sender
        self._clock = clock

    def send(self, piece: Piece) -> SendOutcome:
        """Send `piece`, whatever it was written for."""
        if piece.form == self._target.form:
            return self._send_to(piece)
        message = read_piece(piece, self._clock())
        if message is None:
            return Refused("was written for a channel of another kind, and cannot be read")
        outcome: SendOutcome = Sent()
        for anew in compose(self._target, message):
            outcome = self._sender.send(anew)
            if not isinstance(outcome, Sent):
                break
        return outcome

    def _send_to(self, piece: Piece) -> SendOutcome:
        people = self._target.recipients
        if piece.recipient not in ("", *people):
            if len(people) > 1:
                return Refused(f"{piece.recipient} is no longer one of this channel's")
            # Somebody mended the address of the only one.
            piece = replace(piece, recipient=people[0])
        return self._sender.send(piece)

    def close(self) -> None:
        """Let go of connections."""
        self._sender.close()


def read_piece(piece: Piece, now: datetime) -> Message | None:
    """Return the message that `piece` tells, as text; None if it cannot be read."""
    try:
        text = _text(piece)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Message(_kind(piece.uid), f"again/{piece.uid}", piece.title, text, "", now)


def _text(piece: Piece) -> str:
    if piece.form == "mail":
        part = message_from_bytes(piece.payload, policy=policy.default).get_body(("plain",))
        return str(part.get_content()) if part is not None else ""
    if piece.form == "page":
        return shown(atoms_of(piece.payload.decode()))
    facts = json.loads(piece.payload)
    match piece.form:
        case "json":
            return str(facts.get("message") or piece.title)
        case "line":
            return str(facts["text"])
        case "apprise":
            body = str(facts.get("plain") or facts["body"])
            is_html = "plain" not in facts and facts["format"] == "html"
            return shown(atoms_of(body)) if is_html else body
    raise ValueError(piece.form)


def _kind(uid: str) -> MessageKind:
    kinds: tuple[MessageKind, ...] = ("alert", "digest", "test")
    return next((kind for kind in kinds if uid.lstrip("<").startswith(kind)), "notice")
