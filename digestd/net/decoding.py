"""Bodies as they arrive: one layer of compression at most, undone a bounded step at a time."""

from __future__ import annotations

import functools
import importlib
import re
import zlib
from hashlib import sha256
from types import ModuleType
from typing import Protocol

# Labels that some servers send although they change nothing; charsets stray in here too.
_PLAIN = frozenset(["", "identity", "none", "binary", "utf-8", "utf8"])
_GZIP = frozenset(["gzip", "x-gzip"])
_MAGIC = b"\x1f\x8b"

_STEP = 1 << 20  # decoded bytes at a time
_MOST_HELD = 256 << 10  # bytes on the wire that wait to be decoded, no more than come at once
_HASH = 16
# Joined gzip members are legal, and some writers make one per block; empty ones by the million
# would be work without bytes.
_MAX_MEMBERS = 1000


@functools.cache
def _inflating() -> ModuleType:
    """Return ISA-L, which takes half the time of zlib, where it is built; not for all machines."""
    try:
        return importlib.import_module("isal.isal_zlib")
    except ImportError:
        return zlib


class _Inflate(Protocol):
    eof: bool
    unused_data: bytes
    unconsumed_tail: bytes

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class UnreadableBodyError(Exception):
    """A body that is too large or not encoded as it says; the message is for the owner."""


class BodyReader:
    """Collects a body. `encoding` is its Content-Encoding; `max_bytes` counts decoded bytes.

    Raises UnreadableBodyError, at the start for an encoding that we did not ask
    for. Memory stays within `max_bytes` and one step, whatever the ratio. One with the
    `wire_hash` that is `known` is left out; and not decoded, unless it is large.
    """

    def __init__(self, encoding: str, *, max_bytes: int, known: bytes | None = None) -> None:
        self.is_known = False  # at its end
        self._encoding = _one_layer(encoding)
        self._known = known
        self._wire = sha256(self._encoding.encode("ascii"))
        # Of the wire, while it may be one that is known.
        self._held = bytearray() if known is not None and self._encoding else None
        self._max_bytes = max_bytes
        # Compression never makes a body much larger (RFC 1951: 5 bytes in 32 KB, and the frame).
        self._wire_left = max_bytes + max_bytes // 1000 + 1024
        self._body = bytearray()
        self._start = b""
        self._inflate: _Inflate | None = None
        self._members = 0
        self._ended = False

    def __len__(self) -> int:
        return len(self._body)

    def expect(self, wire_bytes: int) -> None:
        """Refuse a body at once that says beforehand that it is too large."""
        if wire_bytes > self._wire_left:
            raise self._too_large()

    def feed(self, piece: bytes) -> None:
        """Take the next bytes off the wire."""
        self._wire_left -= len(piece)
        if self._wire_left < 0:
            raise self._too_large()
        self._wire.update(piece)
        if self._held is None:
            self._take(piece)
            return
        self._held += piece
        if len(self._held) > _MOST_HELD:
            self._decode_held()

    def finish(self) -> bytes:
        """Return the whole body; nothing of one that `is_known`."""
        self.is_known = self._known == self.wire_hash
        if self.is_known:
            return b""
        self._decode_held()
        if self._start or self._inflate is not None:
            raise UnreadableBodyError("the compressed answer was cut off")
        return bytes(self._body)

    @property
    def wire_hash(self) -> bytes:
        """A hash of what has come as it came; bodies share it only if they are the same."""
        return self._wire.digest()[:_HASH]

    def _decode_held(self) -> None:
        held, self._held = self._held, None
        if held:
            self._take(bytes(held))

    def _take(self, piece: bytes) -> None:
        if self._encoding == "":
            self._keep(piece)
        elif not self._ended:
            self._start += piece
            if len(self._start) >= 2 or self._inflate is not None or self._members:
                pending, self._start = self._start, b""
                self._decompress(pending)

    def so_far(self) -> bytes:
        """Return what has come, complete or not."""
        return bytes(self._body[: self._max_bytes])

    def _decompress(self, pending: bytes) -> None:
        more = bool(pending)
        while more and not self._ended:
            if self._inflate is None:
                if self._members and not (self._encoding == "gzip" and pending[:1] == b"\x1f"):
                    self._ended = True  # what follows is padding
                    return
                self._inflate = self._next_member(pending)
            step = min(_STEP, self._max_bytes - len(self._body) + 1)
            try:
                piece = self._inflate.decompress(pending, step)
            except (zlib.error, _inflating().error) as exc:
                raise UnreadableBodyError("the compressed answer is damaged") from exc
            self._keep(piece)
            if self._inflate.eof:
                pending, self._inflate = self._inflate.unused_data, None
                more = bool(pending)
            else:
                pending = self._inflate.unconsumed_tail
                more = bool(pending) or len(piece) == step  # zlib may hold some back

    def _next_member(self, start: bytes) -> _Inflate:
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise UnreadableBodyError("the compressed answer is in too many parts")
        if self._encoding == "gzip":
            if not _MAGIC.startswith(start[:2]):  # ISA-L would wait for more
                raise UnreadableBodyError("the compressed answer is damaged")
            return _inflater(16 + zlib.MAX_WBITS)
        # "deflate" means zlib's format (RFC 9110, section 8.4.1.2); some servers send it bare.
        framed = len(start) > 1 and start[0] & 15 == 8 and (start[0] * 256 + start[1]) % 31 == 0
        return _inflater(zlib.MAX_WBITS if framed else -zlib.MAX_WBITS)

    def _keep(self, piece: bytes) -> None:
        self._body += piece
        if len(self._body) > self._max_bytes:
            raise self._too_large()

    def _too_large(self) -> UnreadableBodyError:
        return UnreadableBodyError(f"larger than {in_units(self._max_bytes)}")


def _inflater(window: int) -> _Inflate:
    made: _Inflate = _inflating().decompressobj(window)
    return made


def in_units(size: int) -> str:
    """Return a size as people write it: "16 MB", "500 KB", "1200 bytes"."""
    for power, unit in ((3, "GB"), (2, "MB"), (1, "KB")):
        for step in (1024, 1000):
            if size and size % step**power == 0:
                return f"{size // step**power} {unit}"
    return f"{size} bytes"


def _one_layer(raw: str) -> str:
    layers = [name for name in raw.lower().replace(" ", "").split(",") if name not in _PLAIN]
    if not layers:
        return ""
    if len(layers) > 1:
        raise UnreadableBodyError("the answer is compressed in several layers")
    if layers[0] in _GZIP:
        return "gzip"
    if layers[0] == "deflate":
        return "deflate"
    name = re.sub(r"[^a-z0-9-]", "", layers[0])[:20]
    raise UnreadableBodyError(f"the answer is compressed in a way not asked for ({name})")
