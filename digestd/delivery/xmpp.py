"""xmpps:// sent by ourselves: Apprise's plugin reports success where nobody answered.

A message to somebody else is acknowledged by nobody (RFC 6120), but a server
handles what a client says in order: once it has answered a ping (XEP-0199) that
follows the message, it has taken the message, and any refusal has come before.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal, TypeAlias
from xml.etree import ElementTree

import slixmpp
from slixmpp.exceptions import IqError, IqTimeout, PresenceError

from digestd.core.messages import Piece
from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.delivery.proxies import dial
from digestd.delivery.redact import cleaned
from digestd.delivery.target import Target, Xmpp
from digestd.delivery.tls import trusting_context

# It writes whole stanzas, passwords and all.
logging.getLogger("slixmpp").setLevel(logging.CRITICAL)

Loose: TypeAlias = Any  # stanzas are as they come
_SECONDS = 15.0  # for the login, and again for the answer
_MOMENT = 0.2
_ROOM = "#"


class XmppSender:
    """Sends each piece over a connection of its own: alerts are few and far between."""

    def __init__(
        self, target: Target, *, tls: Callable[[], ssl.SSLContext], seconds: float = _SECONDS
    ) -> None:
        if not isinstance(target.via, Xmpp):
            raise TypeError("needs an XMPP account")
        self._target = target
        self._account = target.via
        self._tls = tls
        self._seconds = seconds

    def send(self, piece: Piece) -> SendOutcome:
        """Send `piece` to its recipient, a person or a #room."""
        try:
            body = str(json.loads(piece.payload)["body"])
        except (ValueError, KeyError, TypeError) as exc:
            return Refused(f"stored piece cannot be read: {exc!r}")
        outcome = asyncio.run(self._deliver(piece.uid, piece.recipient, body))
        return cleaned(outcome, self._target.secrets)

    def close(self) -> None:
        """Do nothing: no connection outlives its message."""

    async def _deliver(self, uid: str, recipient: str, body: str) -> SendOutcome:
        client = self._client()
        try:
            async with self._way() as (host, port):
                trouble = await self._log_in(client, host, port)
                if trouble is None:
                    trouble = await self._hand_over(client, uid, recipient, body)
                return trouble
        except OSError as exc:
            return TryAgain(f"no connection: {exc}")
        finally:
            client.abort()

    @asynccontextmanager
    async def _way(self) -> AsyncIterator[tuple[str, int]]:
        """Yield where to connect: the server, or the near end of a tunnel to it.

        slixmpp knows no proxy and takes no open socket, so it is met on the loopback.
        It verifies the certificate for the account's domain all the same.
        """
        host, port = self._account.host, self._account.port
        if not self._target.proxy:
            yield host, port
            return
        far = await asyncio.to_thread(dial, self._target.proxy, host, port, self._seconds)
        far.setblocking(False)
        far_in, far_out = await asyncio.open_connection(sock=far)
        ends = [far_out]

        async def relay(near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
            ends.append(near_out)
            if len(ends) == 2:  # the tunnel is one message's alone
                await asyncio.gather(_pump(near_in, far_out), _pump(far_in, near_out))
            near_out.close()

        near = await asyncio.start_server(relay, "127.0.0.1", 0)
        try:
            yield near.sockets[0].getsockname()[:2]
        finally:
            near.close()
            for end in ends:
                end.transport.abort()
            for end in ends:
                with suppress(OSError):
                    await end.wait_closed()

    def _client(self) -> slixmpp.ClientXMPP:
        client = slixmpp.ClientXMPP(self._account.jid, self._account.password)
        client.register_plugin("xep_0045")  # rooms
        client.enable_plaintext = False
        client.enable_starttls = not self._account.direct_tls
        client.enable_direct_tls = self._account.direct_tls
        client.ssl_context = self._tls() if self._account.verify else trusting_context()
        return client

    async def _log_in(self, client: slixmpp.ClientXMPP, host: str, port: int) -> SendOutcome | None:
        """Connect and log in; return what went wrong, None: nothing."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[SendOutcome | None] = loop.create_future()
        said: list[str] = []

        def settle(outcome: SendOutcome | None) -> None:
            if not done.done():
                done.set_result(outcome)

        def started(_: Loose) -> None:
            is_safe = client.transport and client.transport.get_extra_info("ssl_object")
            settle(None if is_safe else Broken("the server offers no encryption"))

        for event, react in {
            "session_start": started,
            "connection_failed": lambda why: settle(TryAgain(f"no connection: {_say(why)}")),
            "ssl_invalid_chain": lambda why: settle(TryAgain(_say(why))),
            "failed_auth": lambda stanza: said.append(str(stanza["condition"])),
            "failed_all_auth": lambda _: settle(
                Broken(f"login refused: {', '.join(dict.fromkeys(said)) or 'no way to log in'}")
            ),
            "stream_error": lambda error: settle(TryAgain(f"stream error: {error['condition']}")),
            # What broke it off is often told a moment later.
            "disconnected": lambda _: loop.call_later(
                _MOMENT, settle, TryAgain("connection lost before the message")
            ),
        }.items():
            client.add_event_handler(event, react)
        client.connect(host, port)
        try:
            async with asyncio.timeout(self._seconds):
                return await done
        except TimeoutError:
            return TryAgain("no login in time")

    async def _hand_over(
        self, client: slixmpp.ClientXMPP, uid: str, recipient: str, body: str
    ) -> SendOutcome:
        """Send the message, and wait until the server has surely seen it."""
        place = recipient
        kind: Literal["chat", "groupchat"] = "chat"
        if recipient.startswith(_ROOM):
            place, kind = recipient.removeprefix(_ROOM), "groupchat"
            if (trouble := await self._join(client, place)) is not None:
                return trouble
        refusals: list[SendOutcome] = []

        def refused(stanza: Loose) -> None:
            if stanza["id"] == uid:
                refusals.append(self._refusal(stanza["error"]))

        client.add_event_handler("message_error", refused)
        message: Loose = client.make_message(mto=place, mbody=body, mtype=kind)
        message["id"] = uid
        message.send()
        ping: Loose = client.Iq()
        ping["type"], ping["to"] = "get", client.boundjid.domain
        ping.append(ElementTree.Element("{urn:xmpp:ping}ping"))
        try:
            await ping.send(timeout=self._seconds)
        except IqError:
            pass  # it knows no ping: an answer all the same
        except IqTimeout:
            return Unknown("sent, but the server has not answered since")
        return refusals[0] if refusals else Sent("taken by the server")

    def _refusal(self, error: Loose) -> SendOutcome:
        """Return what a stanza error means (RFC 6120, 8.3.2: its type says whether to try again).

        No such person or room: no message will pass there, and none at all if
        it is the only one; else the others' need not wait.
        """
        told = f"{error['condition']} {error['text'] or ''}".strip()
        if error["type"] == "wait" or error["condition"] == "remote-server-timeout":
            return TryAgain(told)
        return Broken(told) if len(self._target.recipients) == 1 else Refused(told)

    async def _join(self, client: slixmpp.ClientXMPP, room: str) -> SendOutcome | None:
        """Enter a room; return what went wrong, None: nothing."""
        refused: asyncio.Future[SendOutcome | None] = asyncio.get_running_loop().create_future()

        def error(presence: Loose) -> None:
            # The library waits only for refusals that repeat what they refuse.
            if presence["from"].bare == room and not refused.done():
                refused.set_result(self._refusal(presence["error"]))

        async def enter() -> SendOutcome | None:
            try:
                await client.plugin["xep_0045"].join_muc_wait(
                    slixmpp.JID(room), self._account.nickname, maxstanzas=0, timeout=self._seconds
                )
            except PresenceError as exc:
                return self._refusal(exc.presence["error"])
            except TimeoutError:
                return TryAgain(f"the room {room} does not answer")
            return None

        client.add_event_handler("presence_error", error)
        entering = asyncio.ensure_future(enter())
        done, _ = await asyncio.wait((entering, refused), return_when=asyncio.FIRST_COMPLETED)
        entering.cancel()
        return done.pop().result()


def _say(why: object) -> str:
    if isinstance(why, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {why.verify_message}"
    return str(why) or type(why).__name__


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass on what comes, until either side ends."""
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()
