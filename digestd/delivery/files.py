"""Writing files so that they are whole or absent, even after a power cut."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from digestd.core.outcomes import Broken, TryAgain

# What time or the owner's tidying mends by itself; the rest needs the owner to look.
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EINTR, errno.EMFILE})
_PASSING_TOO = frozenset({errno.ENFILE, errno.EAGAIN, errno.ENOMEM, errno.ESTALE, errno.EBUSY})


def write_durably(path: Path, content: bytes) -> None:
    """Write `content` to `path`, in place of what a crash may have left, and to the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make a rename in `path` last; some file systems cannot, and need not."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def describe_os_error(exc: OSError) -> TryAgain | Broken:
    """Return what a failed write means: worth another try, or for the owner to mend."""
    reason = f"{exc.filename or 'file'}: {exc.strerror or type(exc).__name__}"
    if exc.errno in _PASSING | _PASSING_TOO:
        return TryAgain(reason)
    return Broken(reason)
