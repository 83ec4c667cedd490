"""An old digest once more, as it was: the bytes that went out, under an identity of its own."""

from __future__ import annotations

from digestd.clock import Clock
from digestd.core.messages import Piece
from digestd.core.models import Digest
from digestd.core.slots import Slot
from digestd.errors import DigestdError
from digestd.frozen import replace
from digestd.services.digests import Closed
from digestd.store import again
from digestd.store.lanes import Store

_SHOWN = 8


async def send_again(store: Store, digest: Digest, wanted: str, clock: Clock) -> Closed:
    """Put the digest of the slot `wanted` into the outbox once more, for its channels of today.

    `wanted` is a slot's key or an unambiguous beginning of one, or "last". Raises
    DigestdError if there is none, or its bytes are no longer kept.
    """
    slot = _chosen(await store.read(again.sent_slots, digest.name), wanted, digest.name)
    kept = await store.read(again.pieces_of, slot.message_pk)
    if not kept:
        raise DigestdError(
            f"{digest.name}: what was sent at {slot.key} is no longer kept (`[store] keep`)"
        )
    usable = [(channel, piece) for channel, piece in kept if channel in digest.to]
    if not usable:
        was = ", ".join(dict.fromkeys(channel for channel, _ in kept))
        raise DigestdError(f"{digest.name}: it went to {was}, and is sent there no longer")
    identity = f"{slot.identity}/again/{slot.times + 1}"
    pieces = [(channel, _renamed(piece, slot.times + 1)) for channel, piece in usable]
    if not await store.write(again.put_again, slot, identity, pieces, clock()):
        raise DigestdError(f"{digest.name}: another process is sending {slot.key} again just now")
    channels = tuple(dict.fromkeys(channel for channel, _ in pieces))
    return Closed(digest.name, Slot(slot.key, slot.due_at), identity, 0, channels)


def _chosen(slots: list[again.SentSlot], wanted: str, digest: str) -> again.SentSlot:
    text = wanted.strip().replace(" ", "T", 1) if wanted[:1].isdigit() else wanted.strip()
    if not slots:
        raise DigestdError(f"{digest}: nothing was sent yet")
    if text == "last":
        return slots[0]
    keys = {slot.key.replace(" ", "T", 1): slot for slot in slots}
    if text in keys:
        return keys[text]
    found = [slot for key, slot in keys.items() if text and key.startswith(text)]
    if len(found) == 1:
        return found[0]
    near = ", ".join(slot.key for slot in (found or slots)[:_SHOWN])
    what = "stands for several slots" if found else "is no slot that was sent"
    raise DigestdError(f'{digest}: "{wanted}" {what}: {near}')


def _renamed(piece: Piece, time: int) -> Piece:
    """Return `piece` under an identity that no receiver takes for the one it has.

    Its content stays byte for byte; only the identity in its head is another. A page is
    a file: it is written again under its name.
    """
    if piece.form == "page" or not piece.uid:
        return piece
    at = piece.uid.find("@") if piece.form == "mail" else len(piece.uid)
    uid = f"{piece.uid[:at]}.again{time}{piece.uid[at:]}"
    # The Message-ID of a mail and the `id` of a webhook stand before what a feed wrote.
    return replace(
        piece, uid=uid, payload=piece.payload.replace(piece.uid.encode(), uid.encode(), 1)
    )
