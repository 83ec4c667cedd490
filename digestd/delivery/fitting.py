"""A sender for pieces of which some may have been written for another address."""

from __future__ import annotations

from digestd.clock import Clock
from digestd.core.messages import Piece
from digestd.core.outcomes import Refused, SendOutcome, Sent
from digestd.delivery.own import Sender
from digestd.delivery.target import Target
from digestd.frozen import replace


class Fitting:
    """Sends pieces as they are, where the channel is still what they were written for.

    A recipient who was taken away gets nothing.
    """

    def __init__(self, target: Target, sender: Sender, clock: Clock) -> None:
        self._target = target
        self._sender = sender
        self._clock = clock

    def send(self, piece: Piece) -> SendOutcome:
        """Send `piece`, whatever it was written for."""
        if piece.form == self._target.form:
            return self._send_to(piece)
        # Hardly ever, and the modules of every kind of piece come with it.
        from digestd.delivery.compose import compose  # noqa: PLC0415
        from digestd.delivery.translate import read_piece  # noqa: PLC0415

        message = read_piece(piece, self._clock())
        if message is None:
            return Refused("was written for a channel of another kind, and cannot be read")
        outcome: SendOutcome = Sent()
        for anew in compose(self._target, message):
            outcome = self._sender.send(anew)
            if not isinstance(outcome, Sent):
                break
        return outcome

    def _send_to(self, piece: Piece) -> SendOutcome:
        people = self._target.recipients
        if piece.recipient not in ("", *people):
            if len(people) > 1:
                return Refused(f"{piece.recipient} is no longer one of this channel's")
            # Somebody mended the address of the only one.
            piece = replace(piece, recipient=people[0])
        return self._sender.send(piece)

    def close(self) -> None:
        """Let go of connections."""
        self._sender.close()
