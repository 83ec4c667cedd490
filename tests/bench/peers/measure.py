"""What one whole process costs, children included."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.05  # seconds between two looks at the memory


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU and wall seconds, and the peak of the tree's memory in MB (sum of PSS)."""

    cpu: float
    wall: float
    memory: float


class RunFailedError(Exception):
    """A participant ended with an error; the message is the end of its output."""


def run(argv: Sequence[str], *, environ: Mapping[str, str], log: Path, fine: set[int]) -> Cost:
    """Run `argv` to its end; raise RunFailedError for an exit code that is not in `fine`.

    CPU time is the kernel's own account (user and system) of the process and of all
    descendants that it waited for.
    """
    with log.open("wb") as out:
        begun = time.monotonic()
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(environ)
        )
        peak = _Peak(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    memory = peak.end()
    if process.returncode not in fine:
        tail = log.read_text("utf-8", "replace")[-2_000:]
        raise RunFailedError(f"{argv[0]} ended with {process.returncode}:\n{tail}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, memory)


class _Peak:
    """Watches a process tree until it is gone."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> float:
        self._over.set()
        self._thread.join()
        return self._most / 1024

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            self._most = max(self._most, tree_memory(self._pid))


def tree_memory(pid: int) -> int:
    """Return the sum of the PSS of a process and its descendants, in KB."""
    return sum(map(_pss, [pid, *_descendants(pid)]))


def _descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            yield child
            yield from _descendants(child)


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass  # it has ended
    return 0
