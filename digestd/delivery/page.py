"""file:// — each message as an HTML page in a folder."""

from __future__ import annotations

from pathlib import Path

from digestd.core.messages import Piece
from digestd.core.outcomes import SendOutcome, Sent
from digestd.delivery.files import describe_os_error, sync_folder, write_durably
from digestd.delivery.target import Folder, Target


class PageSender:
    """Writes pages. A page's `uid` is its file name, so a repeat writes the same file."""

    def __init__(self, target: Target) -> None:
        if not isinstance(target.via, Folder):
            raise TypeError("pages need a folder")
        self._root = Path(target.via.path)

    def send(self, piece: Piece) -> SendOutcome:
        """Write the page, whole or not at all."""
        path = self._root / Path(piece.uid).name
        draft = path.with_name(f".{path.name}.part")
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            write_durably(draft, piece.payload)
            draft.rename(path)
            sync_folder(self._root)
        except OSError as exc:
            return describe_os_error(exc)
        return Sent(f"written to {path}")

    def close(self) -> None:
        """Hold nothing."""
