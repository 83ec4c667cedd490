"""Who holds a lease, and whether that process still lives."""

from __future__ import annotations

import functools
import os
from pathlib import Path

_PROC = Path("/proc")


@functools.cache
def this_process() -> str:
    """Return this process as the owner of leases: boot, PID namespace, PID, start time.

    A PID alone comes back after a reboot or a wrap-around; the four together
    name one process for ever.
    """
    return f"{_boot()}:{_namespace()}:{os.getpid()}:{_started(os.getpid()) or 0}"


def is_dead(owner: str) -> bool:
    """Return whether the process behind `owner` is known to be gone.

    False also when it cannot be known (another container's namespace, a hidden
    /proc): then the lease simply runs out.
    """
    try:
        boot, namespace, pid_text, started = owner.split(":")
        pid = int(pid_text)
    except ValueError:
        return False
    # A hardened service sees no /proc/sys: an unknown boot agrees with any.
    if boot != _boot() and "unknown" not in (boot, _boot()):
        return True
    if namespace != _namespace():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it lives, under another user
    now_started = _started(pid)
    return now_started is not None and now_started != int(started)


@functools.cache
def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


@functools.cache
def _namespace() -> str:
    try:
        return str((_PROC / "self/ns/pid").stat().st_ino)
    except OSError:
        return "0"


def _started(pid: int) -> int | None:
    """Return the start time of `pid` in clock ticks since boot, None where it is hidden."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The command's name may hold blanks and brackets: count from its last bracket (proc(5)).
    fields = stat.rpartition(")")[2].split()
    if fields[0] == "Z":
        return -1  # a zombie sends nothing any more
    return int(fields[19])
