"""A message as finished mail, byte for byte the same however often it is made.

RFC 5322 and its relatives: multipart/alternative (2046) of text and
multipart/related (2387) of HTML with its inline images (2392); List-Id (2919);
Auto-Submitted (3834); non-ASCII addresses (6531).
"""

from __future__ import annotations

import re
from datetime import UTC
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from hashlib import sha256
from urllib.parse import quote

from digestd.core.messages import Message
from digestd.core.text import one_line, scrub
from digestd.delivery.pushes import loudness
from digestd.delivery.target import Smtp, Target

_ALWAYS_OURS = frozenset(
    {"message-id", "date", "from", "to", "subject", "mime-version", "auto-submitted"}
)


def compose_mail(target: Target, message: Message, recipient: str) -> tuple[str, bytes]:
    """Return the Message-ID and the bytes of `message` for one `recipient` ("": the sender).

    The Message-ID follows from the channel, the message's identity and the
    recipient, so a repeat after a crash is known as the same.
    """
    sender = ascii_domain(target.sender_address)
    recipient = ascii_domain(recipient or target.sender_address)
    domain = sender.rpartition("@")[2]
    mark = sha256("\0".join((target.name, message.identity, recipient)).encode()).hexdigest()
    place = _short_domain(domain)
    message_id = f"<{_dotted(message.identity, 46 - len(place))}.{mark[:16]}@{place}>"

    mail = EmailMessage(policy=_policy(sender, recipient))
    _address_headers(mail, target, sender, recipient)
    mail["Subject"] = one_line(f"{target.prefix} {message.title}".strip())
    mail["Date"] = message.created_at.astimezone(UTC)
    mail["Message-ID"] = message_id
    mail["List-Id"] = f"<{_list_name(message)}.digestd.{_short_domain(domain)}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["Precedence"] = "bulk"
    _grouping_headers(mail, target, message, sender, recipient)
    for name, value in target.headers:
        if name.lower() not in _ALWAYS_OURS:
            del mail[name]
            mail[name] = " ".join(value.split())
    _fill(mail, message, mark)
    return message_id, mail.as_bytes()


def _policy(*addresses: str) -> EmailPolicy[EmailMessage]:
    """Return how to write the mail: in ASCII, unless an address itself is not."""
    return SMTP if all(address.isascii() for address in addresses) else SMTPUTF8


def _address_headers(mail: EmailMessage, target: Target, sender: str, recipient: str) -> None:
    """Write From, To and Reply-To."""
    name = scrub(target.sender_name)
    mail["From"] = _address(sender, " ".join(name.split()))
    mail["To"] = _address(recipient)
    if target.reply_to:
        mail["Reply-To"] = [_address(ascii_domain(each)) for each in target.reply_to]


def _grouping_headers(
    mail: EmailMessage, target: Target, message: Message, sender: str, recipient: str
) -> None:
    """Write what sorts, threads and ends it: List-Unsubscribe, References, Importance."""
    leave = target.unsubscribe
    if not leave and sender != recipient and isinstance(target.via, Smtp):
        # To whom somebody else's daemon writes, that somebody can be asked to stop.
        about = quote(f"unsubscribe {message.digest or target.name}"[:80], errors="replace")
        leave = (f"mailto:{sender}?subject={about}",)
    if leave and all(way.isascii() for way in leave):
        mail["List-Unsubscribe"] = ", ".join(f"<{way}>" for way in leave)
    if target.threads and message.kind == "alert" and message.feed:
        told = "\0".join((target.name, "thread", message.feed, recipient))
        mark = sha256(told.encode()).hexdigest()[:12]
        root = f"<thread.{mark}@{_short_domain(sender.rpartition('@')[2])}>"
        mail["In-Reply-To"] = root
        mail["References"] = root
    importance = _IMPORTANCE.get(loudness(target.priority, message))
    if importance is not None:
        mail["X-Priority"], mail["Importance"] = importance


# X-Priority is read by most programs, Importance (RFC 2156) by Outlook and Exchange.
_IMPORTANCE = {
    "silent": ("5", "low"),
    "low": ("4", "low"),
    "high": ("2", "high"),
    "urgent": ("1", "high"),
}


def _address(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    return Address(display_name=name, username=local, domain=domain)


def _fill(mail: EmailMessage, message: Message, mark: str) -> None:
    """Put text, HTML and images into `mail`, all in base64, with boundaries that do not vary.

    A boundary that begins with "=_" cannot occur in base64, so it is safe
    whatever the content.
    """
    text = scrub(message.text)
    mail.set_content(text if text.endswith("\n") else text + "\n", charset="utf-8", cte="base64")
    if message.html:
        mail.add_alternative(scrub(message.html), subtype="html", charset="utf-8", cte="base64")
        used = [image for image in message.images if f"cid:{image.cid}" in message.html]
        if used:
            page = mail.get_payload()[1]  # type: ignore[index]  # multipart/alternative: a list
            for image in used:
                kind, _, subtype = image.mime_type.partition("/")
                page.add_related(  # type: ignore[union-attr]  # an EmailMessage, as we made it
                    image.content,
                    maintype=kind or "image",
                    subtype=subtype or "png",
                    cid=f"<{image.cid}>",
                    disposition="inline",
                    filename=image.filename or None,
                )
    level = 0
    for part in mail.walk():
        if part.is_multipart():
            part.set_boundary(f"=_digestd_{mark[:24]}_{level}")
            level += 1


def plain_version(content: bytes) -> bytes | None:
    """Return a finished mail with its text alone, otherwise the same; None if it has no more."""
    how = SMTP if content.isascii() else SMTPUTF8
    mail = message_from_bytes(content, policy=how)
    part = mail.get_body(("plain",))
    if not mail.is_multipart() or part is None:
        return None
    plain = EmailMessage(policy=how)
    for name, value in mail.items():
        if not name.lower().startswith(("content-", "mime-")):
            plain[name] = value
    plain.set_content(part.get_content(), charset="utf-8", cte="base64")
    return plain.as_bytes()


def ascii_domain(address: str) -> str:
    """Return `address` with its domain in ASCII (RFC 5890); the local part stays as it is."""
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return local + at + domain.encode("idna").decode("ascii")
    except UnicodeError:
        return address


def _dotted(identity: str, room: int) -> str:
    """Return `identity` as the readable part of a Message-ID: RFC 5322 atoms.

    At most `room` characters, so that the header stays one line: folded after its
    name it is legal, and yet some filters take it for an empty one.
    """
    atoms = re.findall(r"[A-Za-z0-9-]+", identity[:200])
    return ".".join(atoms)[:room].strip(".") or "message"


def _short_domain(domain: str) -> str:
    """Return `domain` for an identifier, which must not be so long that its header is folded."""
    domain = domain.strip("[]").replace(":", ".")
    usable = domain.isascii() and re.fullmatch(r"[A-Za-z0-9.-]{1,40}", domain)
    return domain.lower() if usable else "digestd.invalid"


def _list_name(message: Message) -> str:
    """Return what a mail filter can sort by: the digest, else the feed, else the kind."""
    name = message.digest or message.feed
    plain = "-".join(re.findall(r"[A-Za-z0-9]+", name))[:30]
    if name and not plain.replace("-", ""):
        plain = sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{plain}.{message.kind}" if plain else message.kind
