"""terminal:// — alerts as lines, digests as text, on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, TextIO

from digestd.clock import Clock, system_clock
from digestd.core.messages import Piece
from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_STALE_SECONDS = 3600.0  # an hour after publication the delay says nothing of us


class TerminalSender:
    """Writes to `out`, with bold titles if `bold` (its caller knows NO_COLOR and the tty).

    Texts were scrubbed of control characters when they were composed, so a feed
    cannot move the cursor or retitle the window.
    """

    def __init__(
        self,
        *,
        bold: bool = False,
        out: TextIO | None = None,
        clock: Clock = system_clock,
        zone: tzinfo | None = None,
    ) -> None:
        self._bold = bold
        self._out = out
        self._clock = clock
        self._zone = zone  # None: the system's

    def send(self, piece: Piece) -> SendOutcome:
        """Print `piece`."""
        try:
            facts = json.loads(piece.payload)
            text = self._alert(facts) if facts["entries"] and facts["kind"] == "alert" else ""
            text = text or f"{self._strong(facts['title'])}\n\n{facts['text'].strip()}\n"
        except (ValueError, KeyError, TypeError) as exc:
            return Refused(f"stored piece cannot be read: {exc!r}")
        out = self._out or sys.stdout
        encoding = out.encoding or "utf-8"
        try:
            out.write(text.encode(encoding, "replace").decode(encoding))
            out.flush()
        except (OSError, ValueError) as exc:  # ValueError: closed
            return Broken(f"standard output: {exc}")
        return Sent("printed")

    def close(self) -> None:
        """Leave standard output open: it is not ours."""

    def _alert(self, facts: Mapping[str, Any]) -> str:
        now = self._clock()
        time = now.astimezone(self._zone).strftime("%H:%M:%S")
        lines = (
            "  ".join(
                part
                for part in (
                    time,
                    entry["feed_name"],
                    self._strong(entry["title"]),
                    entry["link"],
                    _delay(entry["published"], now),
                )
                if part
            )
            for entry in facts["entries"]
        )
        return "".join(f"{line}\n" for line in lines)

    def _strong(self, text: str) -> str:
        return f"{_BOLD}{text}{_PLAIN}" if self._bold and text else text


def _delay(published: str | None, now: datetime) -> str:
    """Return "(1.3 s after publication)" while that is news, else ""."""
    if published is None:
        return ""
    seconds = (now - datetime.fromisoformat(published)).total_seconds()
    return f"({seconds:.1f} s after publication)" if 0 <= seconds < _STALE_SECONDS else ""
