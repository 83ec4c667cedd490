"""The child process: one job after the other from standard input, answers to standard output."""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import resource
import signal
import sys
from typing import Any, BinaryIO

from digestd.garbage import collect_seldom
from digestd.worker.frames import pack, read_job

_PIPE = 1 << 20  # bytes
# What may be asked for; nothing else can be named.
JOBS = {
    "draw_formulas": ("digestd.worker.drawing", "draw_formulas"),
    "find_icons": ("digestd.worker.drawing", "find_icons"),
    "shrink_image": ("digestd.worker.drawing", "shrink_image"),
    "read_article": ("digestd.formats.fulltext", "read_article"),
    "read_news": ("digestd.formats.news", "read_news"),
    "read_document": ("digestd.formats.document", "read_document"),
    "read_page": ("digestd.formats.page", "read_page"),
    "examine": ("digestd.formats.discovery", "examine"),
    "propose": ("digestd.formats.propose", "propose"),
}


def main() -> None:
    """Serve until standard input ends.

    `sys.argv[1]` is the memory limit in bytes, `sys.argv[2]` the seconds of CPU that a job
    may take, 0 for any: past them SIGPROF ends the process, whatever it is doing.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the daemon, which ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    limit = int(sys.argv[1])
    # A hardened service may forbid it; then the unit's own limit holds.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Let a document pass at once, where the system allows it: 64 KB take turns with the daemon.
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(0, fcntl.F_SETPIPE_SZ, _PIPE)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not become part of an answer
    serve(sys.stdin.buffer, answers, float(sys.argv[2]))


def serve(jobs: BinaryIO, answers: BinaryIO, seconds: float = 0.0) -> None:
    """Answer each job with `(True, value)` or `(False, reason)`.

    `(None, reason)` says that the fault is ours.
    """
    while job := read_job(jobs):
        answers.write(_answer(*job, seconds))
        answers.flush()
        del job  # it may have a large document, and the next be long in coming


def _answer(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], seconds: float) -> bytes:
    module, function = JOBS[name]
    try:
        work = getattr(importlib.import_module(module), function)
        collect_seldom()
        signal.setitimer(signal.ITIMER_PROF, seconds)  # by CPU: a busy machine is no excuse
        value = work(*args, **kwargs)
        signal.setitimer(signal.ITIMER_PROF, 0)
        return pack((True, value))
    except ImportError as exc:
        return pack((None, f"{exc}"))  # no document's fault: a bug or a broken installation
    except MemoryError:
        return pack((False, "needs more memory than a document may take"))
    except RecursionError:
        return pack((False, "is nested too deeply"))
    except Exception as exc:  # noqa: BLE001 (one document's trouble is that document's alone)
        return pack((False, f"cannot be read ({type(exc).__name__})"))
