"""Words to systemd: one datagram to $NOTIFY_SOCKET (sd_notify(3))."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping
from datetime import timedelta


class Notifier:
    """Tells systemd how the service fares; silent where nobody listens."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        micros = environ.get("WATCHDOG_USEC", "")
        self.watchdog = timedelta(microseconds=int(micros)) if micros.isdigit() else None

    def ready(self, status: str) -> None:
        """Say that the service does its work."""
        self._tell(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """Say in one line what it does."""
        self._tell(f"STATUS={status}")

    def alive(self) -> None:
        """Feed the watchdog."""
        if self.watchdog:
            self._tell("WATCHDOG=1")

    def reloading(self) -> None:
        """Say that the configuration is being read anew; `ready` ends it."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._tell("STOPPING=1")

    def _tell(self, words: str) -> None:
        if not self._address:
            return
        # A supervisor that does not listen is no reason to stop.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            s.sendto(words.encode(), self._address)
