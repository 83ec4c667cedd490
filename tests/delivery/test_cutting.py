"""A peer that drips a byte now and then holds no call for longer than it may take."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

import pytest

from digestd.core.models import MailServer
from digestd.core.outcomes import SendOutcome, TryAgain, Unknown
from digestd.delivery.apprise_sender import AppriseSender
from digestd.delivery.cutting import Sockets
from digestd.delivery.mail import MailSender
from digestd.delivery.webhook import HookSender
from tests.support.messages import one_piece, target, trusting
from tests.support.webserver import Authority

_LONGEST = 0.2


@contextmanager
def dripping(greeting: bytes, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that takes a connection and says `greeting`, then a byte each 20 ms."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            peer, _ = listener.accept()
            with tls.wrap_socket(peer, server_side=True) if tls else peer as talking:
                talking.sendall(greeting)
                while not over.wait(0.02):
                    talking.sendall(b"x")

    thread = threading.Thread(target=serve)
    thread.start()
    yield int(listener.getsockname()[1])
    over.set()
    listener.close()
    thread.join()


@pytest.mark.parametrize("is_tls", [False, True])
@pytest.mark.parametrize("scheme", ["json", "bark"])
def test_headers_that_drip(scheme: str, is_tls: bool) -> None:
    authority = Authority()
    context = authority.server_context("localhost") if is_tls else None
    with dripping(b"HTTP/1.1 200 OK\r\nX-Long: ", context) as port:
        to = target(f"{scheme}{'s' if is_tls else ''}://localhost:{port}/DEVICEKEY12345")
        kind = HookSender if scheme == "json" else AppriseSender
        begun = time.monotonic()
        with closing(kind(to, tls=lambda: trusting(authority.pem), longest=_LONGEST)) as sender:
            outcome: SendOutcome = sender.send(one_piece(to))
    assert isinstance(outcome, Unknown | TryAgain), outcome
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("security", ["none", "tls"])
@pytest.mark.parametrize("greeting", [b"220-", b"220 hello\r\n250-"])
def test_a_mail_server_that_drips(security: str, greeting: bytes) -> None:
    authority = Authority()
    context = authority.server_context("localhost") if security == "tls" else None
    with dripping(greeting, context) as port:
        server = MailServer("localhost", port, security, sender="digestd@example.org")  # type: ignore[arg-type]
        to = target("mail:reader@example.org", server)
        begun = time.monotonic()
        with closing(
            MailSender(to, tls=lambda: trusting(authority.pem), longest=_LONGEST)
        ) as sender:
            outcome = sender.send(one_piece(to))
    assert isinstance(outcome, TryAgain), outcome
    assert time.monotonic() - begun < 3


def test_calls_of_any_number_share_one_thread_and_the_shortest_is_cut_first() -> None:
    patient, hasty = Sockets(), Sockets()
    ours, theirs = socket.socketpair()
    hasty.add(ours)
    with closing(ours), closing(theirs), ExitStack() as calls:
        for _ in range(50):
            calls.enter_context(patient.limited(60))
        begun = time.monotonic()
        with hasty.limited(0.05):
            assert [thread.name for thread in threading.enumerate()].count("deadlines") == 1
            assert ours.recv(1) == b""  # shut: nobody has written or closed
        assert 0.04 < time.monotonic() - begun < 3


def test_a_call_that_is_over_is_not_cut() -> None:
    sockets = Sockets()
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        sockets.add(ours)
        with sockets.limited(0.01):
            pass
        other, end = socket.socketpair()
        late = Sockets()
        late.add(other)
        with closing(other), closing(end), late.limited(0.03):
            other.recv(1)  # by now the first would have been
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
