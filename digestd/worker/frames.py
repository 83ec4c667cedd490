"""Frames on a pipe: a length, then a pickle of plain values and our own nouns."""

from __future__ import annotations

import copyreg
import io
import pickle
import struct
from operator import attrgetter
from typing import Any, BinaryIO

from digestd.core.parsed import ParsedEntry

HEADER = struct.Struct(">Q")
_JOB = struct.Struct(">QQ")  # of what the document stands behind, and of the document
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


def pack_job(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return a job, and the document that goes behind it as it is: large, it is not copied.

    The document is the first argument, if that is bytes; else there is none.
    """
    document = args[0] if args and isinstance(args[0], bytes) else b""
    job = pickle.dumps((name, args[1:] if document else args, kwargs), pickle.HIGHEST_PROTOCOL)
    return _JOB.pack(len(job), len(document)) + job, document


def read_job(jobs: BinaryIO) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
    """Return the next job on a pipe; None at its end."""
    header = jobs.read(_JOB.size)
    if not header:
        return None
    length, size = _JOB.unpack(header)
    name, args, kwargs = unpack(jobs.read(length))
    return name, (jobs.read(size), *args) if size else args, kwargs


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
