"""XMPP through a real server, which has the last word on what arrived."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain
from digestd.delivery.compose import compose
from digestd.delivery.senders import make_sender
from digestd.delivery.target import Target
from digestd.delivery.xmpp import XmppSender
from tests.support.jabber import PASSWORD, Jabber
from tests.support.messages import message, one_piece, target, trusting
from tests.support.proxies import Proxy
from tests.support.webserver import Authority


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def jabber(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Jabber]:
    folder: Path = tmp_path_factory.mktemp("jabber")
    with Jabber(folder, authority) as running:
        yield running


def account(jabber: Jabber, who: str = "reader@localhost", word: str = PASSWORD) -> Target:
    return target(f"xmpps://bot:{word}@localhost:{jabber.port}/{who}")


def send(to: Target, authority: Authority, **changes: str) -> SendOutcome:
    with closing(make_sender(to, tls=lambda: trusting(authority.pem))) as sender:
        return sender.send(one_piece(to, **changes))


def test_what_the_server_has_taken_is_sent(jabber: Jabber, authority: Authority) -> None:
    assert send(account(jabber), authority) == Sent("taken by the server")
    assert "谱范数与 Muon（1）" in jabber.kept()
    assert "https://kexue.example/archives/1" in jabber.kept()


def test_several_people_are_pieces_of_their_own(jabber: Jabber) -> None:
    to = account(jabber, "reader@localhost/bot@localhost")
    assert [piece.recipient for piece in compose(to, message())] == [
        "bot@localhost",
        "reader@localhost",
    ]


def test_a_wrong_password_breaks_the_channel(jabber: Jabber, authority: Authority) -> None:
    outcome = send(account(jabber, word="wr0ng-word"), authority)
    assert isinstance(outcome, Broken)
    assert "not-authorized" in outcome.reason


def test_a_certificate_of_nobody_is_not_taken(jabber: Jabber, authority: Authority) -> None:
    outcome = send(account(jabber), Authority(), chat="must not arrive")
    assert isinstance(outcome, TryAgain)
    assert "certificate" in outcome.reason
    assert "must not arrive" not in jabber.kept()


@pytest.mark.parametrize(
    ("who", "kind"),
    [
        ("nobody@localhost", Broken),
        ("%23nowhere@rooms.localhost", Broken),
        ("nobody@localhost/reader@localhost", Refused),  # the other one's mail need not wait
    ],
)
def test_whom_the_server_does_not_know_is_told(
    jabber: Jabber, authority: Authority, who: str, kind: type
) -> None:
    to = account(jabber, who)
    with closing(make_sender(to, tls=lambda: trusting(authority.pem))) as sender:
        assert type(sender.send(compose(to, message())[0])) is kind


def test_nobody_at_the_port_is_no_success(authority: Authority) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    outcome = send(target(f"xmpps://bot:pw@localhost:{port}/reader@localhost"), authority)
    assert isinstance(outcome, TryAgain)
    assert "connect" in outcome.reason.lower()


@contextmanager
def mute() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    loop = asyncio.new_event_loop()

    async def silent(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        out.close()

    server = loop.run_until_complete(asyncio.start_server(silent, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    with mute() as port:
        to = target(f"xmpps://bot:pw@localhost:{port}/reader@localhost")
        sender = XmppSender(to, tls=trusting, seconds=0.3)
        assert isinstance(sender.send(one_piece(to)), TryAgain)


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_it_goes_through_the_channels_proxy(
    jabber: Jabber, authority: Authority, kind: str
) -> None:
    with Proxy() as proxy:
        to = replace(account(jabber), proxy=f"{kind}://u:p@127.0.0.1:{proxy.port}")
        assert send(to, authority, chat=f"led by {kind}") == Sent("taken by the server")
        met = "connect" if kind == "http" else "socks5"
        assert proxy.asked == [(met, "localhost", jabber.port, "u:p")]
    assert f"led by {kind}" in jabber.kept()


def test_a_dead_proxy_is_told_and_nothing_goes_around_it(
    jabber: Jabber, authority: Authority
) -> None:
    to = replace(account(jabber), proxy="http://127.0.0.1:9")
    outcome = send(to, authority, chat="must not go around")
    assert isinstance(outcome, TryAgain)
    assert "must not go around" not in jabber.kept()
