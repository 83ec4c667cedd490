"""A child process for work that hostile input could make endless: parsing, cleaning, drawing.

Started at the first need, ended when idle, bounded in memory and in time per
job; its death fails that job alone and the next job starts it anew.
(Not concurrent.futures: there one dead child breaks the whole pool.)
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import digestd

MEMORY_LIMIT = 1 << 30
_LONGEST_ANSWER = 256 << 20
_DYING = 2.0  # seconds
_PIECE = 1 << 20


class JobFailedError(Exception):
    """The job came to no result; `str()` says why in words for a feed's owner."""


class JobTooLongError(JobFailedError):
    """The job took more CPU than it may."""


class Worker:
    """Runs named jobs (`child.JOBS`) in the child, one at a time."""

    def __init__(
        self,
        *,
        deadline: timedelta = timedelta(seconds=30),
        idle: timedelta = timedelta(seconds=60),
        memory_bytes: int = MEMORY_LIMIT,
        cpu: timedelta = timedelta(0),
    ) -> None:
        """`deadline` is by the clock, `cpu` the time that a job may compute; none: any."""
        self.deadline = deadline.total_seconds()
        self._idle = idle.total_seconds()
        self.memory_bytes = memory_bytes
        self._cpu = cpu.total_seconds()
        self._turn = asyncio.Lock()
        self._child: asyncio.subprocess.Process | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[int | None]] = set()

    @property
    def alive(self) -> bool:
        """Whether a child process exists just now."""
        return self._child is not None and self._child.returncode is None

    @property
    def pid(self) -> int | None:
        """The child's process ID, None while there is none."""
        return self._child.pid if self._child is not None and self.alive else None

    async def run(self, job: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (each job has its own type)
        """Return the job's value; raise JobFailedError if it has none within the deadline.

        RuntimeError: the installation is broken, no document is to blame.
        """
        async with self._turn:
            self._stop_timer()
            try:
                async with asyncio.timeout(self.deadline):
                    ok, value = await self._ask(job, args, kwargs)
            except TimeoutError:
                await self._end()
                raise JobFailedError(f"took longer than {self.deadline:.0f} s to read") from None
            except (OSError, EOFError) as exc:
                if await self._end(by_itself=True) == -signal.SIGPROF:
                    raise JobTooLongError(f"took longer than {self._cpu:g} s to read") from exc
                raise JobFailedError("broke the process that read it") from exc
            except asyncio.CancelledError:
                await self._end()  # its answer would be taken for the next job's
                raise
            self._start_timer()
        if ok is None:
            raise RuntimeError(f"the worker is not whole: {value}")
        if not ok:
            raise JobFailedError(str(value))
        return value

    async def close(self) -> None:
        """End the child."""
        self._stop_timer()
        await self._end()

    async def _ask(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[bool | None, Any]:
        # Not before the first document: most passes have none.
        from pickle import UnpicklingError  # noqa: PLC0415

        from digestd.worker.frames import HEADER, pack_job, unpack  # noqa: PLC0415

        child = await self._started()
        if child.stdin is None or child.stdout is None:
            raise EOFError
        for part in pack_job(name, args, kwargs):
            # Piece by piece: the transport keeps a copy of what the pipe does not take at once.
            for start in range(0, len(part), _PIECE):
                child.stdin.write(part[start : start + _PIECE])
                await child.stdin.drain()
        (length,) = HEADER.unpack(await child.stdout.readexactly(HEADER.size))
        if length > _LONGEST_ANSWER:
            raise EOFError
        try:
            ok, value = unpack(await child.stdout.readexactly(length))
        except UnpicklingError as exc:
            raise EOFError from exc  # whatever it is, it is no answer
        return None if ok is None else bool(ok), value

    async def _started(self) -> asyncio.subprocess.Process:
        if self._child is None or self._child.returncode is not None:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                *([] if _are_from_here() else ["-P"]),
                "-m",
                "digestd.worker",
                str(self.memory_bytes),
                str(self._cpu),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        return self._child

    async def _end(self, *, by_itself: bool = False) -> int | None:
        """End the child, unless it does `by_itself` in a moment; return how it ended."""
        child, self._child = self._child, None
        if child is None or child.returncode is not None:
            return child.returncode if child is not None else None
        if by_itself:  # a kill would reap one that is dead, and how it died would be lost
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DYING):
                    return await child.wait()
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        return await child.wait()

    def _start_timer(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._idle, self._end_idle)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_idle(self) -> None:
        if not self._turn.locked():
            task = asyncio.get_running_loop().create_task(self._end())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)


def _are_from_here() -> bool:
    """Say whether the program was found in the working directory, as in a clone.

    Only then the child may look there: anywhere else a file that is called like a module,
    or another clone, would be run in place of it.
    """
    with contextlib.suppress(OSError):  # the directory may be gone
        return Path(digestd.__file__).parents[1].samefile(".")
    return False
