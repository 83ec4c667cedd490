"""A real mail server on 127.0.0.1, for tests: it keeps mail, or fails as told.

    with SmtpServer() as smtp:
        smtp.script("RCPT", "450 4.2.1 later", "")   # in turn; "" is: as usual, the last for ever
        ...
        assert smtp.inbox[0].mail["Subject"] == "…"

It runs in a thread with a loop of its own, so plain tests can use it. Steps of a
script: a status line to answer with; "drop" (break the connection off); "hang"
(say nothing); after DATA they come when the mail is already in `inbox`, as a
server that logs before it acknowledges. "GREETING" is scripted by a status line,
"drop" or "hang"; "AFTER" (once a mail is accepted) by "close".
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.loopserver import LoopServer


@dataclass(frozen=True)
class Received:
    """One mail as it arrived."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)


class SmtpServer(LoopServer):
    """See the module. `tls` is used at once or after STARTTLS, as `mode` says.

    With a `user` nothing is accepted before AUTH.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        mode: Literal["plain", "starttls", "tls"] = "plain",
        user: str = "",
        password: str = "",
        smtputf8: bool = True,
        size: int = 33_554_432,
    ) -> None:
        super().__init__()
        self.inbox: list[Received] = []
        self.commands: list[str] = []
        self.connections = 0
        self._tls, self._mode = tls, mode
        self._user, self._password = user, password
        self._smtputf8, self._size = smtputf8, size
        self._scripts: dict[str, list[str]] = {}
        self._protocols: list[Any] = []
        self._arrived = threading.Condition()

    def script(self, step: str, *answers: str) -> None:
        """Answer at `step` (GREETING, MAIL, RCPT, DATA, AFTER) in turn, the last for ever."""
        self._scripts[step] = list(answers)

    def wait_for(self, count: int, timeout: float = 10.0) -> None:
        """Block until `count` mails are in the inbox; TimeoutError if they do not come."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.inbox) >= count, timeout):
                raise TimeoutError(f"{len(self.inbox)} of {count} mails arrived")

    # --- in the server's thread ----------------------------------------------------------

    async def start(self) -> asyncio.Server:
        tls = self._tls if self._mode == "tls" else None
        return await self.loop.create_server(self._protocol, "127.0.0.1", 0, ssl=tls)

    async def hang_up(self) -> None:
        for protocol in self._protocols:
            if protocol.transport is not None:
                protocol.transport.abort()  # somebody in between may not have hung up yet

    async def look_after(self) -> None:
        await asyncio.sleep(0.01)  # TLS takes its leave

    def _protocol(self) -> asyncio.BaseProtocol:
        self.connections += 1
        greeting = self.next_answer("GREETING")
        if greeting:
            return _Unwelcoming(greeting)
        starttls = self._mode == "starttls"
        protocol: Any = SMTP(
            self,
            hostname="localhost",
            data_size_limit=self._size,
            enable_SMTPUTF8=self._smtputf8,
            tls_context=self._tls if starttls else None,
            require_starttls=starttls,
            auth_required=False,
            auth_require_tls=starttls,
            authenticator=self._authenticate if self._user else None,
            loop=self.loop,
        )
        self._protocols.append(protocol)
        return cast(asyncio.BaseProtocol, protocol)

    def next_answer(self, step: str) -> str:
        script = self._scripts.get(step, [""])
        return script.pop(0) if len(script) > 1 else script[0]

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            self._user.encode(),
            self._password.encode(),
        )
        self.commands.append(f"AUTH {'good' if right else 'bad'}")
        return AuthResult(success=right, handled=False)

    async def _act(self, server: SMTP, step: str, usual: str) -> str:
        answer = self.next_answer(step)
        if answer == "hang":
            await asyncio.Event().wait()
        if answer == "drop":
            _abort(server.transport)
            return "421 gone"
        return answer or usual

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append(f"MAIL {address}")
        if self._user and not session.authenticated:
            return "530 5.7.0 Authentication required"
        answer = await self._act(server, "MAIL", "250 OK")
        if answer.startswith("2"):
            envelope.mail_from = address
        return answer

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append(f"RCPT {address}")
        answer = await self._act(server, "RCPT", "250 OK")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        step = self._scripts.get("DATA", [""])[0]
        if not step.startswith(("4", "5")):
            content = envelope.content
            assert isinstance(content, bytes)
            with self._arrived:
                self.inbox.append(
                    Received(envelope.mail_from or "", tuple(envelope.rcpt_tos), content)
                )
                self._arrived.notify_all()
        answer = await self._act(server, "DATA", "250 2.0.0 kept as 42")
        if self.next_answer("AFTER") == "close":
            transport = server.transport
            assert transport is not None
            self.loop.call_later(0.01, transport.close)
        return answer


class _Unwelcoming(asyncio.Protocol):
    """Greets with a refusal, or not at all."""

    def __init__(self, greeting: str) -> None:
        self._greeting = greeting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._greeting == "hang":
            return
        if self._greeting == "drop":
            _abort(transport)
            return
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._greeting.encode() + b"\r\n")
        transport.close()


def _abort(transport: asyncio.BaseTransport | None) -> None:
    assert isinstance(transport, asyncio.WriteTransport)
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
