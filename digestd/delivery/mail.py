"""Sending mail over SMTP: one connection kept open, codes as data, no text guessed at.

What is known at each moment decides the outcome. Until the final dot of DATA
nothing can have been accepted, so trouble there is tried again; between the dot
and the 250 it may have been, so trouble there is Unknown (RFC 5321, 4.2.5 and
RFC 1047).
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

from digestd.core.messages import Piece
from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.delivery import cutting
from digestd.delivery.cutting import Sockets
from digestd.delivery.mailservers import Route, is_loopback
from digestd.delivery.mime import ascii_domain, plain_version
from digestd.delivery.proxies import dial
from digestd.delivery.redact import cleaned
from digestd.delivery.target import Smtp, Target
from digestd.delivery.tls import trusting_context
from digestd.frozen import replace

_TIMEOUT_SECONDS = 15.0
_KEEP_SECONDS = 240.0  # servers hang up after five minutes (RFC 5321, 4.5.3.2.7)
_CHUNK_BYTES = 65536  # the time limit is for each, so a slow line can carry a big mail

_IN_THE_CLEAR = (
    'the server offers no encryption; [mail] security = "none" would send the password in the clear'
)
_AUTH_REFUSED = frozenset({530, 534, 535, 538})


class _Answer(Exception):  # noqa: N818  (an answer of the server, not an error of ours)
    """The server answered something else than was hoped for."""

    def __init__(self, code: int, text: bytes | str, during: str) -> None:
        self.code = code
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        self.reason = f"{code} {said} (at {during})"
        self.during = during
        super().__init__(self.reason)


class MailSender:
    """Sends finished mails to one server, one at a time."""

    def __init__(
        self,
        target: Target,
        *,
        tls: Callable[[], ssl.SSLContext],
        timeout: float = _TIMEOUT_SECONDS,
        longest: float = cutting.SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not isinstance(target.via, Smtp):
            raise TypeError("mail needs a mail server")
        self._target = target
        self._server = target.via
        self._tls = tls
        self._timeout = timeout
        self._longest = longest
        self._monotonic = monotonic
        self._routes = list(target.via.routes)
        self._smtp: smtplib.SMTP | None = None
        self._used_at = 0.0
        self._sockets = Sockets()
        self._content_refused = False

    def send(self, piece: Piece) -> SendOutcome:
        """Send `piece` to its recipient."""
        with self._sockets.limited(self._longest):
            outcome = self._send(piece)
        return cleaned(outcome, self._target.secrets)

    def close(self) -> None:
        """Say goodbye to the server."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                if smtp.sock is not None:
                    smtp.sock.settimeout(2.0)
                smtp.quit()
            smtp.close()

    def _send(self, piece: Piece) -> SendOutcome:
        """Send `piece`; if its content is refused, once more as its text alone."""
        self._content_refused = False
        outcome = self._try_twice(piece)
        if not self._content_refused:
            return outcome
        plain = plain_version(piece.payload)
        if plain is None:
            return outcome
        again = self._try_twice(replace(piece, payload=plain))
        if isinstance(again, Sent):
            return Sent(f"as plain text, for: {_told(outcome)}")
        return outcome if isinstance(again, Refused) else again

    def _try_twice(self, piece: Piece) -> SendOutcome:
        reused = self._is_open()
        outcome, lost = self._try(piece)
        if lost and reused:
            # The server had hung up meanwhile, as servers do; nothing can have been accepted.
            outcome, _ = self._try(piece)
        return outcome

    def _try(self, piece: Piece) -> tuple[SendOutcome, bool]:
        """Return the outcome, and whether the connection was lost before the mail was sent."""
        try:
            smtp = self._connection()
        except _Answer as answer:
            return _judge(answer), False
        except (OSError, smtplib.SMTPException, UnicodeError) as exc:
            return TryAgain(f"{self._server.host}: {_say(exc)}"), False
        try:
            said = self._transaction(smtp, piece)
        except _Answer as answer:
            self._after_refusal(answer)
            outcome = _judge(answer)
            # Too large, or looks like what it is not: the text alone may pass.
            about_content = answer.during == "end of DATA" or answer.code == 552
            self._content_refused = about_content and isinstance(outcome, Refused)
            return outcome, answer.code == 421 and answer.during == "MAIL"
        except _Lost as lost:
            self._drop()
            return Unknown(f"connection lost before the answer: {_say(lost.cause)}"), False
        except (OSError, smtplib.SMTPException, UnicodeError) as exc:
            self._drop()
            told = f"connection lost before the mail was handed over: {_say(exc)}"
            return TryAgain(told), True
        self._used_at = self._monotonic()
        return Sent(said), False

    # --- the connection ----------------------------------------------------------------

    def _is_open(self) -> bool:
        """Say whether there is a connection young enough to be used again."""
        return self._smtp is not None and self._monotonic() - self._used_at < _KEEP_SECONDS

    def _connection(self) -> smtplib.SMTP:
        """Return an open, protected, authenticated connection, new or not."""
        if self._smtp is not None and self._is_open():
            return self._smtp
        self._drop()
        self._smtp = self._connect()
        self._used_at = self._monotonic()
        return self._smtp

    def _connect(self) -> smtplib.SMTP:
        """Try each road; what works stays first. Raises the first road's trouble if none does."""
        trouble: Exception | None = None
        for route in tuple(self._routes):
            try:
                smtp = self._open(route)
            except (OSError, smtplib.SMTPServerDisconnected) as exc:
                # Another port would not mend a certificate.
                if isinstance(exc, ssl.SSLCertVerificationError):
                    raise
                trouble = trouble or exc
                continue
            self._routes.remove(route)
            self._routes.insert(0, route)
            return smtp
        raise trouble or OSError("no way to the server")

    def _open(self, route: Route) -> smtplib.SMTP:
        smtp = self._dial(route)
        try:
            if smtp.sock is not None:
                smtp.sock.settimeout(self._timeout)
            self._sockets.add(smtp.sock)
            _expect(smtp.ehlo(), "EHLO", 250)
            encrypted = route.security == "tls" or self._start_tls(smtp, route)
            if self._server.user and self._server.password:
                self._login(smtp, safe=encrypted or route.security == "none")
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _dial(self, route: Route) -> smtplib.SMTP:
        """Connect, with TLS at once where the road is so; the server has greeted us."""
        # Where a second port is still to be tried, a silent first one must not take all the time.
        patience = self._timeout if len(self._routes) == 1 else min(self._timeout, 6.0)
        host, name = self._server.host, _our_name()
        try:
            if route.security == "tls":
                return _TlsThrough(
                    self._reach,
                    self._sockets,
                    host,
                    route.port,
                    name,
                    timeout=patience,
                    context=self._context(),
                )
            return _Through(self._reach, host, route.port, name, patience)
        except smtplib.SMTPConnectError as exc:
            raise _Answer(exc.smtp_code, exc.smtp_error, "greeting") from None

    def _reach(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect, through the channel's proxy if it has one."""
        proxy = self._target.proxy
        made = (
            dial(proxy, host, port, timeout)
            if proxy
            else socket.create_connection((host, port), timeout)
        )
        self._sockets.add(made)
        return made

    def _start_tls(self, smtp: smtplib.SMTP, route: Route) -> bool:
        """Encrypt the connection where the road asks for it; say whether it was done."""
        offered = smtp.has_extn("starttls")
        if route.security == "none" or (route.security == "auto" and not offered):
            return False
        if not offered:
            raise _Answer(502, "the server offers no STARTTLS", "STARTTLS")
        # Nobody stands between us and this machine, and no certificate names it.
        trusting = route.security == "auto" and is_loopback(self._server.host)
        context = trusting_context() if trusting else self._context()
        _expect(smtp.starttls(context=context), "STARTTLS", 220)
        self._sockets.add(smtp.sock)
        _expect(smtp.ehlo(), "EHLO", 250)
        return True

    def _login(self, smtp: smtplib.SMTP, *, safe: bool) -> None:
        if not safe and not is_loopback(self._server.host):
            raise _Answer(538, _IN_THE_CLEAR, "AUTH")
        try:
            smtp.login(self._server.user, self._server.password)
        except smtplib.SMTPAuthenticationError as exc:
            raise _Answer(exc.smtp_code, exc.smtp_error, "AUTH") from None
        except smtplib.SMTPNotSupportedError:
            raise _Answer(530, "the server offers no way to log in", "AUTH") from None

    def _context(self) -> ssl.SSLContext:
        return self._tls() if self._server.verify else trusting_context()

    def _drop(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()

    # --- one mail ------------------------------------------------------------------------

    def _transaction(self, smtp: smtplib.SMTP, piece: Piece) -> str:
        """Hand over one mail and return the server's answer to it."""
        sender = ascii_domain(self._target.sender_address)
        recipient = ascii_domain(piece.recipient)
        options = []
        if not (sender + recipient).isascii():
            if not smtp.has_extn("smtputf8"):
                raise _Answer(553, "the server takes no addresses outside ASCII", "MAIL")
            options = ["SMTPUTF8", "BODY=8BITMIME"]
            smtp.command_encoding = "utf-8"
        size = smtp.esmtp_features.get("size", "") if smtp.does_esmtp else ""
        if size.isdigit() and 0 < int(size) < len(piece.payload):
            raise _Answer(552, f"larger than the {size} bytes that the server takes", "MAIL")
        _expect(smtp.mail(sender, options), "MAIL", 250)
        _expect(smtp.rcpt(recipient), "RCPT", 250, 251)
        code, text = smtp.docmd("DATA")
        _expect((code, text), "DATA", 354)
        # smtplib's own data() would not say how far it came, so this is done by hand.
        body = memoryview(_dot_stuffed(piece.payload) + b".\r\n")
        last = max(0, len(body) - _CHUNK_BYTES)
        for start in range(0, last, _CHUNK_BYTES):
            smtp.send(bytes(body[start : min(start + _CHUNK_BYTES, last)]))
        try:
            smtp.send(bytes(body[last:]))
            code, text = smtp.getreply()
        except (OSError, smtplib.SMTPException) as exc:
            raise _Lost(exc) from exc
        _expect((code, text), "end of DATA", 250)
        return f"{code} {text.decode('utf-8', 'replace')}"

    def _after_refusal(self, answer: _Answer) -> None:
        """Make the connection fit for the next mail, or let it go."""
        smtp = self._smtp
        if smtp is None or answer.code == 421:
            self._drop()
            return
        try:
            smtp.rset()
            self._used_at = self._monotonic()
        except (OSError, smtplib.SMTPException):
            self._drop()


Reach = Callable[[str, int, float], socket.socket]


class _Through(smtplib.SMTP):
    """Connects as `reach` does."""

    def __init__(self, reach: Reach, host: str, port: int, name: str, timeout: float) -> None:
        self._reach = reach
        super().__init__(host, port, name, timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._reach(host, port, timeout)


class _TlsThrough(smtplib.SMTP_SSL):
    """The same with TLS at once."""

    def __init__(
        self,
        reach: Reach,
        sockets: Sockets,
        host: str,
        port: int,
        name: str,
        timeout: float,
        context: ssl.SSLContext,
    ) -> None:
        self._reach, self._sockets = reach, sockets
        super().__init__(host, port, name, timeout=timeout, context=context)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = self.context.wrap_socket(self._reach(host, port, timeout), server_hostname=host)
        self._sockets.add(made)
        return made


class _Lost(Exception):  # noqa: N818  (an event)
    """The connection broke after the whole mail was sent and before it was answered."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        super().__init__(str(cause))


def _expect(answer: tuple[int, bytes], during: str, *good: int) -> None:
    if answer[0] == -1:  # smtplib's way to say that there was no answer
        raise smtplib.SMTPServerDisconnected(f"connection closed at {during}")
    if answer[0] not in good:
        raise _Answer(answer[0], answer[1], during)


def _judge(answer: _Answer) -> SendOutcome:
    """Return what an SMTP code means at the point where it came (RFC 5321, 4.2; RFC 4954)."""
    code = answer.code
    # A full mailbox is 452, but many servers say 552 5.2.2: it will be emptied (RFC 3463).
    if 400 <= code < 500 or (code == 552 and "5.2.2" in answer.reason):
        return TryAgain(answer.reason)
    if answer.during in ("RCPT", "DATA", "end of DATA") and code not in _AUTH_REFUSED:
        return Refused(answer.reason)
    if answer.during == "MAIL" and code in (552, 553, 555):
        # Too large, or an address that this server cannot take: another mail may pass.
        return Refused(answer.reason)
    return Broken(answer.reason)


def _told(outcome: SendOutcome) -> str:
    return outcome.reason if isinstance(outcome, Refused) else ""


def _say(exc: Exception) -> str:
    """Return what went wrong, in the words that help."""
    if isinstance(exc, smtplib.SMTPResponseException):
        return f"{exc.smtp_code} {exc.smtp_error!r}"
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {exc.verify_message}"
    if isinstance(exc, TimeoutError):
        return "no answer in time"
    if isinstance(exc, socket.gaierror):
        return f"name not found: {exc.strerror}"
    return str(exc) or type(exc).__name__


def _dot_stuffed(mail: bytes) -> bytes:
    """Return `mail` with dots doubled at line beginnings (RFC 5321, 4.5.2), ended by CRLF.

    The bytes come from the email library with CRLF line ends.
    """
    body = mail.replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    return body if body.endswith(b"\r\n") else body + b"\r\n"


def _our_name() -> str:
    """Return what to say in EHLO without asking the DNS, as getfqdn would (for seconds)."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
