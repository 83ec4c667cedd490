"""From a message to the pieces that go out: one per recipient and part, ready to store.

What `Piece.payload` is, by `Piece.form`: mail, a whole RFC 5322 message; json,
the request body; page, an HTML document; line, JSON of the facts that a terminal
line shows; apprise, JSON of title, body, format and a plain fallback. Nothing
else is needed to send it, so a retry sends the same bytes.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import Any

from digestd.core.messages import InlineImage, Message, MessageEntry, Piece
from digestd.core.text import one_line, scrub
from digestd.delivery.pushes import loudness
from digestd.delivery.target import Hook, Service, Target, Xmpp
from digestd.frozen import replace


def compose(target: Target, message: Message) -> tuple[Piece, ...]:
    """Return the pieces of `message` for every recipient of `target`, in the order to send."""
    return tuple(
        piece
        for recipient in target.recipients
        for piece in _for_recipient(target, message, recipient)
    )


def _for_recipient(target: Target, message: Message, recipient: str) -> Iterable[Piece]:
    title = one_line(f"{target.prefix} {message.title}".strip())
    match target.form:
        case "mail":
            from digestd.delivery.mime import compose_mail  # noqa: PLC0415 (loaded when needed)

            for part, letter in enumerate(_letters(message)):
                uid, payload = compose_mail(target, letter, recipient)
                yield Piece(uid, recipient, part, "mail", payload, one_line(letter.title))
        case "json":
            uid = wire_id(target, message, recipient)
            yield Piece(uid, recipient, 0, "json", _hook_body(target, message, uid, title), title)
        case "page":
            for part, letter in enumerate(_letters(message)):
                uid = _page_name(target, letter)
                yield Piece(uid, recipient, part, "page", _page(letter), one_line(letter.title))
        case "line":
            uid = wire_id(target, message, recipient)
            yield Piece(uid, recipient, 0, "line", _line(message), title)
        case "apprise":
            for part, facts in enumerate(_shaped(target, message)):
                uid = wire_id(target, message, recipient, part)
                yield Piece(uid, recipient, part, "apprise", _dump(facts), title)


def _shaped(target: Target, message: Message) -> Iterable[dict[str, Any]]:
    """Return the parts of `message` for a service, as loud as the channel's owner wishes."""
    if not isinstance(target.via, Service | Xmpp):
        raise TypeError(f"{target.name}: form apprise without a service")
    from digestd.delivery.shape import shape_message  # noqa: PLC0415 (loaded when needed)

    loud = loudness(target.priority, message)
    wish = {} if loud == "normal" else {"priority": loud}
    parts = shape_message(message, target.via.shape, prefix=target.prefix)
    return [{**part, **wish} for part in parts]


def _letters(message: Message) -> Iterable[Message]:
    """Return the message as the mails that it goes out as: itself, or several under its name."""
    if not message.letters:
        return [message]
    return [
        replace(
            message,
            identity=f"{message.identity}/{number}" if number > 1 else message.identity,
            title=letter.title,
            text=letter.text,
            html=letter.html,
            letters=(),
        )
        for number, letter in enumerate(message.letters, start=1)
    ]


def wire_id(target: Target, message: Message, recipient: str, part: int = 0) -> str:
    """Return an identity that only a repeat of the very same piece shares."""
    told = "\0".join((target.name, message.identity, recipient, str(part)))
    return f"{message.kind}-{sha256(told.encode()).hexdigest()[:32]}"


_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _dump(facts: Mapping[str, Any]) -> bytes:
    return _written(facts).encode()


def _stamp(moment: datetime | None) -> str | None:
    """Return `moment` in UTC after RFC 3339, with milliseconds where there are any."""
    if moment is None:
        return None
    exact = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).isoformat(timespec=exact).replace("+00:00", "Z")


def _facts(entry: MessageEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "feed": entry.feed,
        "feed_name": one_line(entry.feed_name),
        "title": one_line(entry.title, 500),
        "link": one_line(entry.link, 4000),
        "published": _stamp(entry.published_at),
        "seen": _stamp(entry.seen_at),
    }


def _hook_body(target: Target, message: Message, uid: str, title: str) -> bytes:
    """Return the body for a webhook: Apprise's fields, so that its receivers work, and ours."""
    body: dict[str, Any] = {
        "version": "1.0",
        "id": uid,
        "kind": message.kind,
        "title": title,
        "message": scrub(message.text),
        "type": "info",
        "created": _stamp(message.created_at),
        "digest": message.digest or None,
        "entries": [_facts(entry) for entry in message.entries],
    }
    if target.priority != "normal":
        body["priority"] = loudness(target.priority, message)
    renames = target.via.payload if isinstance(target.via, Hook) else ()
    for name, value in renames:
        if name not in body:
            body[name] = value
        elif value:
            body[value] = body.pop(name)
        else:
            del body[name]
    return _dump(body)


def _line(message: Message) -> bytes:
    """Return what a terminal shows: the entries of an alert, else the text."""
    return _dump(
        {
            "kind": message.kind,
            "title": one_line(message.title),
            "text": scrub(message.text),
            "created": _stamp(message.created_at),
            "entries": [_facts(entry) for entry in message.entries],
        }
    )


# --- pages -----------------------------------------------------------------------------


def _page(message: Message) -> bytes:
    """Return one HTML document that holds all it shows: images become data: URLs."""
    html = scrub(message.html)
    if not html:
        title = escape(one_line(message.title))
        lang = escape(message.language, quote=True)
        html = (
            f'<!DOCTYPE html>\n<html lang="{lang}">\n<head><meta charset="utf-8">'
            f"<title>{title}</title></head>\n<body><pre>{escape(scrub(message.text))}</pre>"
            "</body>\n</html>\n"
        )
    return embed_images(html, message.images).encode()


def embed_images(html: str, images: tuple[InlineImage, ...]) -> str:
    """Return `html` with each cid: reference replaced by the image itself."""
    known = {image.cid: image for image in images}

    def data_url(found: re.Match[str]) -> str:
        image = known.get(found[2])
        if image is None:
            return found[0]
        content = base64.b64encode(image.content).decode()
        return f"{found[1]}data:{image.mime_type};base64,{content}"

    return re.sub(r'((?:src|background)=")cid:([^"]{1,200})(?=")', data_url, html)


def _page_name(target: Target, message: Message) -> str:
    """Return the file name of a page, the same at every retry: DATE-TITLE-MARK.html."""
    mark = sha256(f"{target.name}\0{message.identity}".encode()).hexdigest()[:8]
    day = message.created_at.astimezone(UTC).date().isoformat()
    words = re.findall(r"\w+", unicodedata.normalize("NFC", scrub(message.title)[:200]).lower())
    slug = ""
    for word in words:
        # 80 bytes: well under the 255 that file systems take, whatever the script.
        longer = f"{slug}-{word}"
        if len(longer.encode()) > 80:
            break
        slug = longer
    return f"{day}{slug}-{mark}.html"
