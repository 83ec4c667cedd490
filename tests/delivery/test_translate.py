"""What was written for a channel before its address was changed arrives all the same."""

from __future__ import annotations

import json
from contextlib import closing
from itertools import permutations
from pathlib import Path

import pytest

from digestd.core.messages import Piece
from digestd.core.models import MailServer
from digestd.core.outcomes import Refused, SendOutcome, Sent
from digestd.delivery.compose import compose
from digestd.delivery.senders import make_sender
from digestd.delivery.target import Target
from tests.support.messages import message, one_piece, target, trusting
from tests.support.sinks import ntfy
from tests.support.smtp import SmtpServer
from tests.support.webserver import WebServer, answer

WORDS = "设 W = UΣVᵀ 为矩阵"


def send(to: Target, piece: Piece) -> SendOutcome:
    with closing(make_sender(to, tls=trusting)) as sender:
        return sender.send(piece)


@pytest.mark.parametrize(("was", "now"), [*permutations(["mail", "json", "ntfy", "file"], 2)])
def test_words_survive_a_change_of_kind(tmp_path: Path, was: str, now: str) -> None:
    with WebServer() as web, SmtpServer() as smtp:
        web.route("/hook", answer())
        web.route("/", ntfy())
        server = MailServer("127.0.0.1", smtp.port, sender="digestd@example.org")
        targets = {
            "mail": target("mail:reader@example.org", server),
            "json": target(f"json://127.0.0.1:{web.port}/hook"),
            "ntfy": target(f"ntfy://127.0.0.1:{web.port}/feeds"),
            "file": target(f"file://{tmp_path}/pages"),
        }
        outcome = send(targets[now], one_piece(targets[was]))
        assert isinstance(outcome, Sent), outcome
        if now == "mail":
            mail = smtp.inbox[0].mail
            assert mail["Subject"] == "谱范数与 Muon（1）"
            told = mail.get_content()
        elif now == "file":
            told = next((tmp_path / "pages").glob("*.html")).read_text()
        else:
            told = json.loads(web.requests[0].body)["message"]
    assert WORDS in told


def test_what_cannot_be_read_is_refused() -> None:
    piece = Piece("x", "", 0, "json", b"no json", "title")
    assert isinstance(send(target("ntfy://127.0.0.1:1/feeds"), piece), Refused)


def test_a_mended_address_gets_the_mail_and_a_former_reader_none() -> None:
    with SmtpServer() as smtp:
        server = MailServer("127.0.0.1", smtp.port, sender="digestd@example.org")
        wrong = target("mail:raeder@example.org", server)
        right = target("mail:reader@example.org", server)
        assert isinstance(send(right, one_piece(wrong)), Sent)
        assert smtp.inbox[0].recipients == ("reader@example.org",)
        both = target("mail:a@example.org,b@example.org", server)
        others = target("mail:b@example.org,c@example.org", server)
        outcomes = [send(others, piece) for piece in compose(both, message())]
    assert [type(outcome) for outcome in outcomes] == [Refused, Sent]
    assert [received.recipients for received in smtp.inbox[1:]] == [("b@example.org",)]
