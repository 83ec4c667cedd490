"""Frames on a pipe: a length, then a pickle of plain values and our own nouns."""

from __future__ import annotations

import copyreg
import io
import pickle
import struct
from operator import attrgetter
from typing import Any

from digestd.core.parsed import ParsedEntry

HEADER = struct.Struct(">Q")
# Our nouns, and what they are made of. The child reads hostile documents; if one
# ever took it over, its answers must still not run code in the daemon.
_OPEN_MODULES = frozenset(
    {
        "digestd.core.discovery",
        "digestd.core.parsed",
        "digestd.core.pictures",
        "digestd.core.reading",
    }
)
_OPEN_NAMES = frozenset({("datetime", "datetime"), ("datetime", "timedelta"), ("datetime", "date")})
_OPEN_NAMES |= {("datetime", "timezone"), ("builtins", "frozenset"), ("builtins", "set")}


def _by_fields(entry: ParsedEntry) -> tuple[type[ParsedEntry], tuple[object, ...]]:
    return ParsedEntry, _fields_of(entry)


# Of which there are many: a constructor's arguments take half the time of a dataclass' state.
_fields_of = attrgetter(*ParsedEntry.__match_args__)
_REDUCED = {**copyreg.dispatch_table, ParsedEntry: _by_fields}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if (module in _OPEN_MODULES and "." not in name) or (module, name) in _OPEN_NAMES:
            found: object = super().find_class(module, name)
            return found
        raise pickle.UnpicklingError(f"{module}.{name} does not belong in an answer")


def pack(value: object) -> bytes:
    """Return `value` as one frame."""
    body = io.BytesIO(HEADER.pack(0))
    body.seek(HEADER.size)
    pickler = pickle.Pickler(body, protocol=pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _REDUCED
    pickler.dump(value)
    body.getbuffer()[: HEADER.size] = HEADER.pack(body.tell() - HEADER.size)
    return body.getvalue()


def unpack(body: bytes) -> Any:  # noqa: ANN401 (each frame has its own type)
    """Return the value in a frame's body. Raises pickle.UnpicklingError for a foreign type."""
    return _Reader(io.BytesIO(body)).load()
