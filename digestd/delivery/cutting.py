"""An end to calls that never end: their sockets are shut when the time is up.

Libraries limit the wait for each read, so a peer that drips a byte now and then
holds a call for hours. A shut socket wakes whoever reads from it.
"""

from __future__ import annotations

import math
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

# Below the deadline of a lane, which would leave the thread behind.
SECONDS = 45.0


class _Alarms:
    """One thread for all calls that have a time; it ends when none is under way.

    A timer of its own would cost each call a thread, and nearly no call is late.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._set: dict[object, tuple[float, Callable[[], None]]] = {}
        self._looks_at = math.inf  # when the thread wakes; there is none

    @contextmanager
    def after(self, seconds: float, ring: Callable[[], None]) -> Iterator[None]:
        """Call `ring` if the block takes longer than `seconds`."""
        alarm, at = object(), time.monotonic() + seconds
        with self._changed:
            self._set[alarm] = at, ring
            if self._looks_at == math.inf:
                threading.Thread(target=self._watch, name="deadlines", daemon=True).start()
            elif at < self._looks_at:
                self._changed.notify()
            self._looks_at = min(at, self._looks_at)
        try:
            yield
        finally:
            with self._changed:
                self._set.pop(alarm, None)

    def _watch(self) -> None:
        with self._changed:
            while self._set:
                now = time.monotonic()
                late = [alarm for alarm, (at, _) in self._set.items() if at <= now]
                for alarm in late:
                    self._set.pop(alarm)[1]()
                self._looks_at = min((at for at, _ in self._set.values()), default=now)
                self._changed.wait(self._looks_at - now)
            self._looks_at = math.inf


_ALARMS = _Alarms()


class Sockets:
    """The sockets that a sender has open."""

    def __init__(self) -> None:
        self._known: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def add(self, sock: object) -> None:
        """Remember `sock`, if it is one."""
        if isinstance(sock, socket.socket):
            self._known.add(sock)

    def limited(self, seconds: float = SECONDS) -> AbstractContextManager[None]:
        """Shut every socket if the block takes longer than `seconds`."""
        return _ALARMS.after(seconds, self._shut)

    def _shut(self) -> None:
        for sock in list(self._known):
            with suppress(OSError):
                # Of TLS too: not a polite goodbye, which a peer could delay.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
