"""Pieces that were written for a channel before its owner changed the address.

For a channel of another kind their words are all that can be saved: they are put
together anew, as text (`delivery.fitting`).
"""

from __future__ import annotations

import json
from datetime import datetime
from email import message_from_bytes, policy

from digestd.core.messages import Message, MessageKind, Piece
from digestd.delivery.atoms import atoms_of, shown


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
