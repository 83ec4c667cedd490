"""MQTT through a real broker."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from digestd.core.outcomes import Broken, Sent, TryAgain, Unknown
from digestd.delivery.compose import compose
from tests.support.broker import PASSWORD, USER, Broker
from tests.support.messages import message, one_piece, target, trusting
from tests.support.sinks import service_sender
from tests.support.webserver import Authority


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path) as running:
        yield running


def test_the_broker_acknowledges_what_it_got(broker: Broker) -> None:
    to = target(f"mqtt://{USER}:{PASSWORD}@127.0.0.1:{broker.port}/feeds/a,feeds/b")
    pieces = compose(to, message())
    with closing(service_sender(to, "", trusting)) as sender:
        assert [sender.send(piece) for piece in pieces] == [Sent("acknowledged (QoS 1)")] * 2
    arrived = [broker.next(), broker.next()]
    assert [topic for topic, _ in arrived] == ["feeds/a", "feeds/b"]
    assert arrived[0][1].startswith("谱范数与 Muon（1） (https://kexue.example/archives/1)")


def test_a_wrong_password_is_told_at_once_and_in_the_brokers_words(broker: Broker) -> None:
    to = target(f"mqtt://{USER}:wrong-{PASSWORD}@127.0.0.1:{broker.port}/feeds")
    with closing(service_sender(to, "", trusting)) as sender:
        outcome = sender.send(one_piece(to))
    assert isinstance(outcome, Broken)
    assert "authori" in outcome.reason.lower() or "password" in outcome.reason.lower()
    assert PASSWORD not in outcome.reason


def test_a_broker_that_went_away_is_found_again(broker: Broker, tmp_path: Path) -> None:
    to = target(f"mqtt://{USER}:{PASSWORD}@127.0.0.1:{broker.port}/feeds?rto=1")
    with closing(service_sender(to, "", trusting)) as sender:
        assert isinstance(sender.send(one_piece(to)), Sent)
        broker.stop()
        assert isinstance(sender.send(one_piece(to)), TryAgain | Unknown)
        with pytest.raises(queue.Empty):
            [broker.next(0.01) for _ in range(2)]
        broker.__enter__()
        assert isinstance(sender.send(one_piece(to)), Sent)
        # What was not acknowledged is the outbox's to repeat, nobody else's.
        broker.next()
        with pytest.raises(queue.Empty):
            broker.next(0.1)


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_trusts_whom_we_trust(tmp_path: Path) -> None:
    authority = Authority()
    pem = tmp_path / "broker.pem"
    authority.write_server_pem(pem, "localhost")
    with Broker(tmp_path, pem) as broker:
        to = target(f"mqtts://{USER}:{PASSWORD}@localhost:{broker.port}/feeds")
        with closing(service_sender(to, "", lambda: trusting(authority.pem))) as sender:
            assert isinstance(sender.send(one_piece(to)), Sent)
        with closing(service_sender(to, "", lambda: trusting(Authority().pem))) as sender:
            outcome = sender.send(one_piece(to))
        assert isinstance(outcome, TryAgain)
        assert "certificate" in outcome.reason.lower()
