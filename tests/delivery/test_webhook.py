"""Webhooks, posted to a real server that logs before it acknowledges."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from http import HTTPStatus

import httpx
import pytest

from digestd.core.models import Channel
from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.delivery.target import Target
from digestd.delivery.targets import open_target
from digestd.delivery.webhook import HookSender
from tests.support.messages import NOW, one_piece, target, trusting
from tests.support.sinks import accept_then_drop
from tests.support.webserver import (
    Action,
    Authority,
    WebServer,
    answer,
    endless,
    hang,
    raw,
    redirect,
    reset,
    status,
)

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


def hook(web: WebServer, rest: str = "/hook") -> Target:
    return target(f"json://127.0.0.1:{web.port}{rest}")


def post(to: Target, pem: bytes | None = None, *, timeout: float = 5.0) -> SendOutcome:
    sender = HookSender(
        to,
        tls=lambda: trusting(pem),
        clock=lambda: NOW,
        timeout=httpx.Timeout(timeout),
    )
    with closing(sender):
        return sender.send(one_piece(to))


def test_the_body_says_all_that_a_program_needs(web: WebServer) -> None:
    web.route("/hook", answer("thanks"))
    to = hook(web)
    assert post(to) == Sent("HTTP 200 OK thanks")
    (request,) = web.requests
    body = json.loads(request.body)
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == body["id"] == one_piece(to).uid
    assert (body["version"], body["type"], body["kind"]) == ("1.0", "info", "alert")
    assert body["title"] == "谱范数与 Muon（1）"
    assert body["message"].startswith("谱范数")
    assert body["entries"] == [
        {
            "id": 1,
            "feed": "kexue",
            "feed_name": "科学空间",
            "title": "谱范数与 Muon（1）",
            "link": "https://kexue.example/archives/1",
            "published": "2026-11-24T08:00:00Z",
            "seen": "2026-11-24T08:00:00Z",
        }
    ]


def test_the_url_says_how(web: WebServer) -> None:
    web.route("/in/Deep", status(204))
    host = f"me:pa%20ss@127.0.0.1:{web.port}"
    to = target(f"json://{host}/in/Deep?method=PUT&%2BX-Key=k1&-q=1&:title=subject&:type=&:room=7")
    assert isinstance(post(to), Sent)
    (request,) = web.requests
    body = json.loads(request.body)
    assert request.method == "PUT"
    assert request.path == "/in/Deep?q=1"
    assert request.headers["x-key"] == "k1"
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"me:pa ss").decode()
    assert body["subject"] == "谱范数与 Muon（1）"
    assert body["room"] == "7"
    assert "type" not in body
    assert "title" not in body


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (status(201), Sent("HTTP 201 Created")),
        (status(204), Sent("HTTP 204 No Content")),
        (status(429, Retry_After="120"), TryAgain("HTTP 429 Too Many Requests",
                                                  timedelta(seconds=120))),
        (status(429, Retry_After="Tue, 24 Nov 2026 08:02:00 GMT"),
         TryAgain("HTTP 429 Too Many Requests", timedelta(seconds=120))),
        (status(429, Retry_After="Tue, 24 Nov 2020 08:02:00 GMT"),
         TryAgain("HTTP 429 Too Many Requests", timedelta(0))),
        (status(429, Retry_After="soon"), TryAgain("HTTP 429 Too Many Requests")),
        (status(503, Retry_After="7"), TryAgain("HTTP 503 Service Unavailable",
                                                timedelta(seconds=7))),
        (status(408), TryAgain("HTTP 408 Request Timeout")),
        (status(500), TryAgain("HTTP 500 Internal Server Error")),
        (answer("bad gateway", 502), TryAgain("HTTP 502 Bad Gateway bad gateway")),
        (status(400), Refused("HTTP 400 Bad Request")),
        (status(404), Refused("HTTP 404 Not Found")),
        (status(410), Refused("HTTP 410 Gone")),
        (answer("too\nlarge", 413), Refused(f"HTTP 413 {HTTPStatus(413).phrase} too large")),
        (status(401), Broken("HTTP 401 Unauthorized")),
        (status(403), Broken("HTTP 403 Forbidden")),
    ],
)  # fmt: skip
def test_the_status_decides(web: WebServer, act: Action, expected: SendOutcome) -> None:
    web.route("/hook", act)
    assert post(hook(web)) == expected


@pytest.mark.parametrize(("code", "kind"), [(301, Broken), (308, Broken), (307, TryAgain)])
def test_a_redirect_is_told_and_not_followed(web: WebServer, code: int, kind: type) -> None:
    web.route("/hook", redirect("http://127.0.0.1:1/elsewhere", code))
    outcome = post(hook(web))
    assert type(outcome) is kind
    assert "elsewhere" in repr(outcome)
    assert web.paths() == ["/hook"]


@pytest.mark.parametrize("act", [hang, reset, accept_then_drop, raw(b"SSH-2.0-x\r\n"), raw(b"")])
def test_what_was_sent_and_not_answered_is_unknown(web: WebServer, act: Action) -> None:
    web.route("/hook", act)
    assert isinstance(post(hook(web), timeout=0.5), Unknown)
    assert len(web.requests) == 1


def test_nobody_at_the_port_is_worth_another_try() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert isinstance(post(target(f"json://127.0.0.1:{port}/")), TryAgain)


def test_an_answer_without_end_is_a_yes_all_the_same(web: WebServer) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
    web.route("/hook", endless(start, b"yes " * 1000))
    outcome = post(hook(web))
    assert isinstance(outcome, Sent)
    assert len(outcome.answer) <= 300


def test_secrets_do_not_come_back_in_an_answer(web: WebServer) -> None:
    token = "Tk9-very-secret-token"
    web.route(f"/services/{token}", answer(f"no channel at /services/{token} for pa55word", 403))
    to = target(f"json://me:pa55word@127.0.0.1:{web.port}/services/{token}")
    outcome = post(to)
    assert isinstance(outcome, Broken)
    for told in (outcome.reason, to.masked, repr(to)):
        assert token not in told
        assert "pa55word" not in told


def test_tls_is_verified_with_the_context_that_is_given() -> None:
    authority = Authority()
    with WebServer(tls=authority.server_context("localhost")) as web:
        web.route("/hook", status(200))
        url = f"jsons://localhost:{web.port}/hook"
        assert isinstance(post(target(url), authority.pem), Sent)
        assert isinstance(post(target(url), Authority().pem), TryAgain)
        assert isinstance(post(target(url + "?verify=no"), Authority().pem), Sent)


def test_a_proxy_carries_it(web: WebServer) -> None:
    web.route("http://elsewhere.example/hook", status(200))
    channel = Channel("x", "json://elsewhere.example/hook", proxy=f"http://127.0.0.1:{web.port}")
    assert isinstance(post(open_target(channel, None)), Sent)


def test_messages_share_a_connection_for_as_long_as_the_server_holds_it() -> None:
    hung_up = threading.Semaphore(0)
    goodbye = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    # Of each connection the answers; the first is closed without a word.
    script = [[_OK, _OK], [_OK, goodbye], [_OK]]

    def serve(listener: socket.socket) -> None:
        for answers in script:
            peer, _ = listener.accept()
            with peer:
                for said in answers:
                    assert peer.recv(65536).startswith(b"POST /hook HTTP/1.1\r\nHost: 127.0.0.1:")
                    peer.sendall(said)
            hung_up.release()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        to = target(f"json://127.0.0.1:{listener.getsockname()[1]}/hook")
        with closing(HookSender(to, tls=trusting)) as sender:
            for answers in script:
                for _ in answers:
                    assert sender.send(one_piece(to)) == Sent("HTTP 200 OK")
                assert hung_up.acquire(timeout=10)
        thread.join()


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 202 Fine\r\n\r\nyes",
        b"HTTP/1.1 202 Fine\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ny\r\n2\r\nes\r\n0\r\n\r\n",
        b"HTTP/1.0 202 Fine\r\nContent-Length: 3\r\n\r\nyesHTTP/1.1 500 No\r\n\r\nno",
    ],
)
def test_an_answer_is_read_as_it_was_meant(web: WebServer, said: bytes) -> None:
    web.route("/hook", raw(said))
    assert post(hook(web)) == Sent("HTTP 202 Fine yes")


def test_a_header_that_would_be_two_is_not_sent(web: WebServer) -> None:
    assert isinstance(post(hook(web, "/hook?%2BX-Key=k%0D%0AX-Other:+1")), Broken)
    assert not web.requests


def test_a_digest_names_itself(web: WebServer) -> None:
    to = hook(web)
    body = json.loads(one_piece(to, kind="digest", digest="morning").payload)
    assert (body["kind"], body["digest"]) == ("digest", "morning")
    assert body == json.loads(one_piece(to, kind="digest", digest="morning").payload)
