"""Mail, sent to a real server that does what servers do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from digestd.core.messages import InlineImage, Piece
from digestd.core.models import MailServer
from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.delivery.compose import compose
from digestd.delivery.mail import MailSender
from digestd.delivery.mailservers import Route
from digestd.delivery.target import Smtp, Target
from tests.support.messages import message, one_piece, target, trusting
from tests.support.smtp import SmtpServer
from tests.support.webserver import Authority

TO = "mail:reader@example.org"


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def to_server(smtp: SmtpServer, url: str = TO, /, **changes: object) -> Target:
    settings: dict[str, object] = {
        "server": "127.0.0.1",
        "port": smtp.port,
        "sender": "digestd <digestd@example.org>",
    }
    return target(url, MailServer(**(settings | changes)))  # type: ignore[arg-type]


def sender(to: Target, pem: bytes | None = None, timeout: float = 5.0) -> MailSender:
    return MailSender(to, tls=lambda: trusting(pem), timeout=timeout)


def send(server: SmtpServer, piece: Piece | None = None, timeout: float = 5.0) -> SendOutcome:
    to = to_server(server)
    return try_once(to, piece or one_piece(to), timeout=timeout)


def try_once(
    to: Target, piece: Piece | None = None, pem: bytes | None = None, timeout: float = 5.0
) -> SendOutcome:
    with closing(sender(to, pem, timeout)) as post:
        return post.send(piece or one_piece(to))


def test_a_mail_arrives_as_it_was_composed(smtp: SmtpServer) -> None:
    to = to_server(smtp)
    piece = one_piece(to)
    post = sender(to)
    outcome = post.send(piece)
    post.close()
    assert outcome == Sent("250 2.0.0 kept as 42")
    (received,) = smtp.inbox
    assert received.content == piece.payload
    assert received.sender == "digestd@example.org"
    assert received.recipients == ("reader@example.org",)
    assert received.mail["Message-ID"] == piece.uid


def test_a_line_that_begins_with_a_dot_survives(smtp: SmtpServer) -> None:
    piece = Piece("<x@y>", "reader@example.org", 0, "mail", b".first\r\n..two\r\n.\r\nend\r\n")
    assert isinstance(send(smtp, piece), Sent)
    assert smtp.inbox[0].content == piece.payload


def test_several_recipients_share_a_connection_and_not_a_mail(smtp: SmtpServer) -> None:
    to = to_server(smtp, "mail:a@example.org,b@example.org")
    pieces = compose(to, message())
    post = sender(to)
    assert [type(post.send(piece)) for piece in pieces] == [Sent, Sent]
    post.close()
    assert smtp.connections == 1
    assert [received.recipients for received in smtp.inbox] == [
        ("a@example.org",),
        ("b@example.org",),
    ]
    assert len({received.mail["Message-ID"] for received in smtp.inbox}) == 2


@pytest.mark.parametrize(
    ("step", "answer", "expected"),
    [
        ("GREETING", "421 4.3.2 busy", TryAgain),
        ("GREETING", "drop", TryAgain),
        ("GREETING", "554 5.7.1 not you", Broken),
        ("MAIL", "451 4.3.0 later", TryAgain),
        ("MAIL", "550 5.7.1 you are not your sender", Broken),
        ("MAIL", "drop", TryAgain),
        ("RCPT", "450 4.2.1 greylisted", TryAgain),
        ("RCPT", "550 5.1.1 no such user", Refused),
        ("RCPT", "552 5.2.2 mailbox full", TryAgain),
        ("RCPT", "drop", TryAgain),
        ("DATA", "421 4.3.2 shutting down", TryAgain),
        ("DATA", "451 4.3.0 disk", TryAgain),
        ("DATA", "550 5.7.1 looks like spam", Refused),
        ("DATA", "552 5.3.4 too big", Refused),
        ("DATA", "drop", Unknown),
    ],
)
def test_what_the_server_says_decides(
    smtp: SmtpServer, step: str, answer: str, expected: type[SendOutcome]
) -> None:
    smtp.script(step, answer)
    outcome = send(smtp)
    assert type(outcome) is expected
    if answer != "drop" and not isinstance(outcome, Sent | Unknown):
        assert answer.rsplit(maxsplit=1)[-1] in outcome.reason


@pytest.mark.parametrize(
    ("step", "expected"), [("GREETING", TryAgain), ("RCPT", TryAgain), ("DATA", Unknown)]
)
def test_a_server_that_falls_silent_is_left_in_time(
    smtp: SmtpServer, step: str, expected: type[SendOutcome]
) -> None:
    smtp.script(step, "hang")
    assert type(send(smtp, timeout=0.3)) is expected


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
@pytest.mark.parametrize("fault", ["drop", "450 4.2.1 later", "550 5.1.1 no", "421 4.3.2 bye"])
def test_the_next_mail_passes_after_a_fault(smtp: SmtpServer, step: str, fault: str) -> None:
    to = to_server(smtp)
    smtp.script(step, fault, "")
    post = sender(to)
    assert not isinstance(post.send(one_piece(to, html="")), Sent)
    assert isinstance(post.send(one_piece(to, identity="alert/2")), Sent)
    post.close()


def test_a_server_that_hangs_up_after_each_mail_costs_nothing(smtp: SmtpServer) -> None:
    to = to_server(smtp)
    smtp.script("AFTER", "close")
    post = sender(to)
    outcomes = [post.send(one_piece(to, identity=f"alert/{n}")) for n in range(3)]
    post.close()
    assert [type(outcome) for outcome in outcomes] == [Sent] * 3
    assert len(smtp.inbox) == 3


def test_an_old_connection_is_not_used_again(smtp: SmtpServer) -> None:
    to = to_server(smtp)
    now = 0.0
    post = MailSender(to, tls=trusting, monotonic=lambda: now)
    with closing(post):
        assert isinstance(post.send(one_piece(to)), Sent)
        now = 400.0
        assert isinstance(post.send(one_piece(to)), Sent)
    assert smtp.connections == 2


def test_nobody_at_the_port_is_worth_another_try() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    to = target(TO, MailServer("127.0.0.1", port, sender="me@example.org"))
    outcome = try_once(to)
    assert isinstance(outcome, TryAgain)
    assert "refused" in outcome.reason


def test_starttls_and_a_password(authority: Authority) -> None:
    tls = authority.server_context("localhost")
    with SmtpServer(tls=tls, mode="starttls", user="me", password="hunter22") as smtp:
        settings = {"server": "localhost", "security": "starttls"}
        to = to_server(smtp, user="me", password="hunter22", **settings)
        post = sender(to, authority.pem)
        assert isinstance(post.send(one_piece(to)), Sent)
        post.close()
        wrong = to_server(smtp, user="me", password="hunter23", **settings)
        outcome = try_once(wrong, pem=authority.pem)
        assert isinstance(outcome, Broken)
        assert "535" in outcome.reason
        assert "hunter23" not in repr(outcome) + repr(wrong)
        assert smtp.commands.count("AUTH good") == 1


def test_tls_from_the_first_byte(authority: Authority) -> None:
    with SmtpServer(tls=authority.server_context("localhost"), mode="tls") as smtp:
        to = to_server(smtp, server="localhost", security="tls")
        post = sender(to, authority.pem)
        assert isinstance(post.send(one_piece(to)), Sent)
        post.close()


def test_a_stranger_with_a_certificate_gets_no_password(authority: Authority) -> None:
    tls = authority.server_context("elsewhere.example")
    with SmtpServer(tls=tls, mode="starttls", user="me", password="hunter22") as smtp:
        to = to_server(
            smtp, server="localhost", security="starttls", user="me", password="hunter22"
        )
        outcome = try_once(to, pem=authority.pem)
        assert isinstance(outcome, TryAgain)
        assert "certificate" in outcome.reason
        assert not smtp.commands


def test_starttls_that_is_not_offered_is_not_done_without(smtp: SmtpServer) -> None:
    to = to_server(smtp, security="starttls")
    assert isinstance(try_once(to), Broken)
    assert not smtp.inbox


def test_the_guess_finds_the_port_that_answers(smtp: SmtpServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = unused.getsockname()[1]
    to = to_server(smtp)
    roads = (Route(dead, "starttls"), Route(smtp.port, "none"))
    to = Target(
        "here", "mail", "mail", to.recipients, "", Smtp("127.0.0.1", roads),
        sender_address="me@example.org",
    )  # fmt: skip
    post = sender(to)
    assert isinstance(post.send(one_piece(to)), Sent)
    post.close()


@pytest.mark.parametrize("answer", ["550 5.7.1 looks like spam", "552 5.3.4 too big"])
def test_content_that_is_refused_is_sent_once_more_as_text(smtp: SmtpServer, answer: str) -> None:
    smtp.script("DATA", answer, "")
    to = to_server(smtp)
    piece = one_piece(to)
    outcome = try_once(to, piece)
    assert isinstance(outcome, Sent)
    assert outcome.answer == f"as plain text, for: {answer} (at end of DATA)"
    (received,) = smtp.inbox
    assert received.mail.get_content_type() == "text/plain"
    assert "设 W = UΣVᵀ 为矩阵" in received.mail.get_content()
    assert received.mail["Message-ID"] == piece.uid
    assert received.mail["List-Id"] == "<kexue.alert.digestd.example.org>"
    assert smtp.connections == 1


def test_a_mail_that_is_too_large_goes_without_its_pictures() -> None:
    with SmtpServer(size=9000) as smtp:
        to = to_server(smtp)
        huge = InlineImage("m1@digestd", "image/png", b"x" * 9000)
        outcome = try_once(to, one_piece(to, images=(huge,)))
        assert isinstance(outcome, Sent)
        assert "larger than the 9000 bytes" in outcome.answer
        assert smtp.inbox[0].mail.get_content_type() == "text/plain"


def test_an_address_outside_ascii_needs_and_uses_smtputf8(smtp: SmtpServer) -> None:
    to = to_server(smtp, "mail:ж@пример.example")
    post = sender(to)
    assert isinstance(post.send(one_piece(to)), Sent)
    post.close()
    assert smtp.inbox[0].recipients == ("ж@xn--e1afmkfd.example",)
    with SmtpServer(smtputf8=False) as old:
        to = to_server(old, "mail:ж@пример.example")
        assert isinstance(try_once(to), Refused)


def test_a_mail_larger_than_the_server_says_is_not_even_offered() -> None:
    with SmtpServer(size=500) as smtp:
        assert isinstance(send(smtp), Refused)
        assert smtp.commands == []


def test_a_mailto_url_goes_the_same_way(smtp: SmtpServer) -> None:
    url = f"mailto://127.0.0.1:{smtp.port}/?mode=insecure&from=a@example.org&to=b@example.org"
    to = target(url + "&cc=c@example.org&reply=d@example.org&%2BX-Team=maths")
    post = sender(to)
    assert [type(post.send(piece)) for piece in compose(to, message())] == [Sent, Sent]
    post.close()
    assert [received.recipients[0] for received in smtp.inbox] == ["b@example.org", "c@example.org"]
    assert smtp.inbox[0].mail["Reply-To"] == "d@example.org"
    assert smtp.inbox[0].mail["X-Team"] == "maths"
