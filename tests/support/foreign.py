"""A server that is somebody else's program, on 127.0.0.1, for tests."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


def free_port() -> int:
    """Return a port that nobody listens at just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class ForeignServer:
    """A program that listens at `port` from the return of the constructor until `stop`."""

    def __init__(self, command: Sequence[str], port: int, log: Path | None = None) -> None:
        """Raise TimeoutError, with what it wrote to `log`, if it does not listen in time."""
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        end = time.monotonic() + 8
        while not _answers(port):
            if time.monotonic() > end:
                self.stop()
                said = log.read_text() if log is not None and log.exists() else "it wrote nothing"
                raise TimeoutError(f"{Path(command[0]).name} does not start: {said}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the program."""
        self._process.terminate()
        self._process.wait(5)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
