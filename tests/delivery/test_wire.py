"""How Apprise's requests travel: connections kept, bounds held, nothing from the environment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from digestd.core.outcomes import Broken, Sent, TryAgain, Unknown
from digestd.delivery import wire
from tests.support.messages import one_piece, target, trusting
from tests.support.sinks import discord, ntfy, says, service_sender
from tests.support.webserver import (
    Request,
    WebServer,
    answer,
    encoded,
    endless,
    head,
    redirect,
    status,
)

BARK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"code":200}'
DISCORD = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
DISCORD_PATH = "/discord/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


class _Keeping(BaseHTTPRequestHandler):
    """A server that keeps connections open, as WebServer does not."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    peers: set[Any]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.peers.add(self.client_address)
        self.send_response(200)
        self.send_header("Content-Length", "12")
        self.end_headers()
        self.wfile.write(b'{"code":200}')

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def keeping() -> Iterator[tuple[int, set[Any]]]:
    """Run such a server; give its port and the set of its peers so far."""
    peers: set[Any] = set()
    handler = type("Handler", (_Keeping,), {"peers": peers})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, peers
        server.shutdown()
        thread.join()


def test_messages_share_a_connection_that_is_young(monkeypatch: pytest.MonkeyPatch) -> None:
    with keeping() as (port, peers):
        to = target(f"bark://127.0.0.1:{port}/DEVICEKEY12345")
        with closing(service_sender(to, "", trusting)) as sender:
            assert {type(sender.send(one_piece(to))) for _ in range(5)} == {Sent}
            assert len(peers) == 1
            # A server may be hanging up on one that was idle for long.
            monkeypatch.setattr(wire, "_IDLE_SECONDS", -1.0)
            assert isinstance(sender.send(one_piece(to)), Sent)
            assert len(peers) == 2


def test_a_service_that_asks_for_patience_is_not_asked_again(web: WebServer) -> None:
    # Apprise's Discord plugin would try again at once.
    limited = says({"message": "limited", "retry_after": 65.5}, 429, X_RateLimit_Reset="9999999999")
    web.route(DISCORD_PATH, limited, discord())
    to = target(DISCORD + "?retry=3&wait=0")
    with closing(service_sender(to, web.url(""), trusting)) as sender:
        outcome = sender.send(one_piece(to))
    assert isinstance(outcome, TryAgain)
    assert outcome.after is not None
    assert outcome.after.total_seconds() == 65.5
    assert len(web.requests) == 1


def test_a_failure_is_one_whatever_the_address_says(web: WebServer) -> None:
    web.route("/push", status(503))
    to = target(f"bark://127.0.0.1:{web.port}/DEVICEKEY12345?optional=yes&retry=2&wait=0")
    with closing(service_sender(to, "", trusting)) as sender:
        assert isinstance(sender.send(one_piece(to)), TryAgain)
    assert len(web.requests) == 1


@pytest.mark.parametrize(("code", "kind"), [(301, Broken), (302, TryAgain), (307, TryAgain)])
def test_a_redirect_is_not_followed(web: WebServer, code: int, kind: type) -> None:
    # A POST that becomes a GET would be welcomed, and the message be gone.
    web.route("/push", redirect("/elsewhere", code))
    web.route("/elsewhere", says({"code": 200}))
    to = target(f"bark://127.0.0.1:{web.port}/DEVICEKEY12345")
    with closing(service_sender(to, "", trusting)) as sender:
        assert type(sender.send(one_piece(to))) is kind
    assert web.paths() == ["/push"]


def test_an_answer_without_end_is_left(web: WebServer) -> None:
    web.route("/push", endless(BARK, b" " * 65536))
    to = target(f"bark://127.0.0.1:{web.port}/DEVICEKEY12345")
    with closing(service_sender(to, "", trusting)) as sender:
        assert isinstance(sender.send(one_piece(to)), Sent)


@pytest.mark.parametrize(
    ("start", "kind"),
    [(BARK, Sent), (BARK[:-6], Unknown), (BARK.replace(b"200 OK", b"500 No"), TryAgain)],
)
def test_an_answer_that_drips_is_left_in_time(
    web: WebServer, start: bytes, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "_ANSWER_SECONDS", 0.3)
    web.route("/push", endless(start, b" ", every=0.05))
    to = target(f"bark://127.0.0.1:{web.port}/DEVICEKEY12345")
    with closing(service_sender(to, "", trusting)) as sender:
        assert type(sender.send(one_piece(to))) is kind


def test_an_answer_that_breaks_off_may_have_been_a_yes(web: WebServer) -> None:
    async def half(request: Request, out: asyncio.StreamWriter) -> None:
        out.write(head(200, {"Content-Length": "100"}) + b'{"co')
        await out.drain()

    web.route("/push", half)
    to = target(f"bark://127.0.0.1:{web.port}/DEVICEKEY12345")
    with closing(service_sender(to, "", trusting)) as sender:
        assert isinstance(sender.send(one_piece(to)), Unknown)


def test_a_packed_answer_is_read(web: WebServer) -> None:
    web.route("/push", encoded(b'{"code": 400, "message": "no such device"}', "gzip"))
    to = target(f"bark://127.0.0.1:{web.port}/DEVICEKEY12345")
    with closing(service_sender(to, "", trusting)) as sender:
        assert isinstance(sender.send(one_piece(to)), Broken)


def test_nothing_comes_from_the_environment(
    web: WebServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password from-a-file\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    web.route("/", ntfy())
    to = target(f"ntfy://127.0.0.1:{web.port}/feeds")
    with closing(service_sender(to, "", trusting)) as sender:
        assert isinstance(sender.send(one_piece(to)), Sent)
    assert "authorization" not in web.requests[0].headers


def test_others_in_the_process_are_left_alone(web: WebServer) -> None:
    web.route("/from", redirect("/to"))
    web.route("/to", answer("there"))
    assert requests.get(web.url("/from"), timeout=5).text == "there"
