"""An end to calls that never end: their sockets are shut when the time is up.

Libraries limit the wait for each read, so a peer that drips a byte now and then
holds a call for hours. A shut socket wakes whoever reads from it.
"""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Below the deadline of a lane, which would leave the thread behind.
SECONDS = 45.0


class Sockets:
    """The sockets that a sender has open."""

    def __init__(self) -> None:
        self._known: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def add(self, sock: object) -> None:
        """Remember `sock`, if it is one."""
        if isinstance(sock, socket.socket):
            self._known.add(sock)

    @contextmanager
    def limited(self, seconds: float = SECONDS) -> Iterator[None]:
        """Shut every socket if the block takes longer than `seconds`."""
        timer = threading.Timer(seconds, self._shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _shut(self) -> None:
        for sock in list(self._known):
            with suppress(OSError):
                # Of TLS too: not a polite goodbye, which a peer could delay.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
