"""A channel's own proxy carries everything that the channel sends, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from digestd.core.models import Channel, MailServer
from digestd.core.outcomes import Sent, TryAgain
from digestd.delivery.senders import make_sender
from digestd.delivery.target import Target
from digestd.delivery.targets import open_target
from tests.support.broker import PASSWORD, USER, Broker
from tests.support.messages import one_piece, trusting
from tests.support.proxies import Proxy
from tests.support.sinks import matrix, says
from tests.support.smtp import SmtpServer
from tests.support.webserver import Authority, WebServer, status

NAME = "elsewhere.example"
KINDS = [("http", "connect"), ("socks5", "socks5"), ("socks5h", "socks5")]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as running:
        yield running


def through(proxy: Proxy, kind: str, url: str, mail: MailServer | None = None) -> Target:
    return open_target(
        Channel("here", url, proxy=f"{kind}://me:pa%2Fss@127.0.0.1:{proxy.port}"), mail
    )


@pytest.mark.parametrize(("kind", "seen"), KINDS)
@pytest.mark.parametrize("scheme", ["jsons", "barks"])
def test_https_goes_through_and_is_still_verified(
    proxy: Proxy, kind: str, seen: str, scheme: str
) -> None:
    authority = Authority()
    with WebServer(tls=authority.server_context(NAME)) as web:
        for path in ("/hook", "/push"):
            web.route(path, says({"code": 200}))
        path = "hook" if scheme == "jsons" else "DEVICEKEY12345"
        to = through(proxy, kind, f"{scheme}://{NAME}:{web.port}/{path}")
        with closing(make_sender(to, tls=lambda: trusting(authority.pem))) as sender:
            assert isinstance(sender.send(one_piece(to)), Sent)
        assert len(web.requests) == 1
        with closing(make_sender(to, tls=lambda: trusting(Authority().pem))) as sender:
            assert isinstance(sender.send(one_piece(to)), TryAgain)
        assert len(web.requests) == 1
        # The name was not looked up here.
        assert set(proxy.asked) == {(seen, NAME, web.port, "me:pa/ss")}


@pytest.mark.parametrize("scheme", ["json", "bark"])
def test_plain_http_goes_through(proxy: Proxy, scheme: str) -> None:
    with WebServer() as web:
        for path in ("/hook", "/push"):
            web.route(path, says({"code": 200}))
        path = "hook" if scheme == "json" else "DEVICEKEY12345"
        to = through(proxy, "http", f"{scheme}://{NAME}:{web.port}/{path}")
        with closing(make_sender(to, tls=trusting)) as sender:
            assert isinstance(sender.send(one_piece(to)), Sent)
        assert proxy.asked == [("http", NAME, web.port, "me:pa/ss")]


@pytest.mark.parametrize(("kind", "seen"), KINDS)
@pytest.mark.parametrize("mode", ["starttls", "tls"])
def test_mail_goes_through(proxy: Proxy, kind: str, seen: str, mode: str) -> None:
    authority = Authority()
    context = authority.server_context(NAME)
    with SmtpServer(tls=context, mode=mode) as smtp:  # type: ignore[arg-type]
        server = MailServer(NAME, smtp.port, mode, sender="digestd@example.org")  # type: ignore[arg-type]
        to = through(proxy, kind, "mail:reader@example.org", server)
        with closing(make_sender(to, tls=lambda: trusting(authority.pem))) as sender:
            assert isinstance(sender.send(one_piece(to)), Sent)
        assert len(smtp.inbox) == 1
    assert proxy.asked == [(seen, NAME, smtp.port, "me:pa/ss")]


@pytest.mark.parametrize(("kind", "seen"), KINDS[:2])
def test_mqtt_goes_through(proxy: Proxy, kind: str, seen: str, tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        to = through(proxy, kind, f"mqtt://{USER}:{PASSWORD}@{NAME}:{broker.port}/feeds")
        with closing(make_sender(to, tls=trusting)) as sender:
            assert isinstance(sender.send(one_piece(to)), Sent)
        assert broker.next()[0] == "feeds"
    assert proxy.asked == [(seen, NAME, broker.port, "me:pa/ss")]


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize(
    "url", ["json://127.0.0.1:1/x", "bark://127.0.0.1:1/DEVICEKEY12345", "mail:a@example.org"]
)
def test_a_proxy_that_is_not_there_is_no_way_round(kind: str, url: str) -> None:
    with WebServer() as web:
        web.route("/x", status(200))
        url = url.replace(":1/", f":{web.port}/")
        channel = Channel("here", url, proxy=f"{kind}://me:s3cr3t-pw@127.0.0.1:1")
        to = open_target(channel, MailServer("localhost", 25, sender="digestd@example.org"))
        with closing(make_sender(to, tls=trusting)) as sender:
            outcome = sender.send(one_piece(to))
        assert isinstance(outcome, TryAgain)
        assert "s3cr3t" not in outcome.reason + repr(to)
        assert web.requests == []


def test_a_goodbye_goes_through_too(proxy: Proxy) -> None:
    with WebServer() as web:
        web.route("*", matrix())
        to = through(proxy, "http", f"matrix://bot:hunter22@{NAME}:{web.port}/!abc:x")
        with closing(make_sender(to, tls=trusting)) as sender:
            assert isinstance(sender.send(one_piece(to)), Sent)
        assert web.paths()[-1].endswith("/logout")
        assert {asked[:3] for asked in proxy.asked} == {("http", NAME, web.port)}
