"""maildir:// — mail in a folder that mutt, Dovecot and others read."""

from __future__ import annotations

import email
import email.policy
import os
import re
from hashlib import sha256
from pathlib import Path

from digestd.core.messages import Piece
from digestd.core.outcomes import SendOutcome, Sent
from digestd.delivery.files import describe_os_error, sync_folder, write_durably
from digestd.delivery.target import Folder, Target


class MaildirSender:
    """Delivers into a Maildir (cr.yp.to/proto/maildir.html): tmp, fsync, new."""

    def __init__(self, target: Target) -> None:
        if not isinstance(target.via, Folder):
            raise TypeError("a Maildir needs a folder")
        self._root = Path(target.via.path)

    def send(self, piece: Piece) -> SendOutcome:
        """Write `piece`; a repeat finds the first copy, read or not, and leaves it alone."""
        name = _unique_name(piece)
        try:
            for part in ("tmp", "new", "cur"):
                (self._root / part).mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._has(name):
                return Sent(f"was there already: {self._root}")
            # The format asks for LF: the line endings of the system, not those of SMTP.
            body = re.sub(rb"\r\n", b"\n", piece.payload)
            draft = self._root / "tmp" / name
            write_durably(draft, body)
            draft.rename(self._root / "new" / name)
            sync_folder(self._root / "new")
        except OSError as exc:
            return describe_os_error(exc)
        return Sent(f"written to {self._root}/new/{name}")

    def close(self) -> None:
        """Hold nothing."""

    def _has(self, name: str) -> bool:
        """Say whether the mail is there: new, or moved and flagged by a reader."""
        if (self._root / "new" / name).exists():
            return True
        with os.scandir(self._root / "cur") as files:
            return any(file.name.partition(":")[0] == name for file in files)


def _unique_name(piece: Piece) -> str:
    """Return a name that begins with the mail's time, as readers like, and names only it."""
    head = email.message_from_bytes(piece.payload[:8192], policy=email.policy.default)
    date = head["Date"]
    moment = getattr(date, "datetime", None)
    seconds = int(moment.timestamp()) if moment else 0
    return f"{seconds}.{sha256(piece.uid.encode()).hexdigest()[:24]}.digestd"
