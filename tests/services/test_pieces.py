"""A message in pieces: a retry repeats the piece that failed, byte for byte, and no other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from digestd.clock import system_clock
from digestd.core.models import Channel, MailServer
from digestd.core.retries import RetrySettings
from digestd.delivery.compose import compose
from digestd.delivery.senders import Sender, make_sender
from digestd.delivery.target import Target
from digestd.delivery.targets import open_target
from digestd.services.deliver import Lane, Targets
from digestd.store import channels, outbox
from digestd.store.db import Database
from digestd.store.lanes import Store
from tests.support.messages import message, trusting
from tests.support.sinks import accept_then_drop, service_sender, telegram
from tests.support.smtp import SmtpServer
from tests.support.webserver import WebServer, status

TOKEN = "123456789:ABCdefghijklmnop_ABCdefghijklmnop12"
LONG = "<br><br>".join(f"<b>第 {number} 篇</b><br>{'字' * 900}" for number in range(10))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "digestd.db")
    yield opened
    opened.close()


async def settle(store: Store, channel: Channel, base: str, mail: MailServer | None = None) -> int:
    """Put a long message into the outbox and work until it is sent; return its pieces."""

    def made(target: Target) -> Sender:
        return make_sender(target, tls=trusting) if mail else service_sender(target, base, trusting)

    await store.write(channels.know, [channel.name])
    pieces = compose(open_target(channel, mail), message(kind="digest", chat=LONG))
    outgoing = outbox.Outgoing("long", "digest", "long", [(channel.name, one) for one in pieces])
    await store.write(outbox.put, outgoing, system_clock())
    lane = Lane(
        channel.name,
        store=store,
        targets=Targets({channel.name: channel}, mail),
        owner="me",
        make_sender=made,
        settings=RetrySettings(first_retry=timedelta(milliseconds=1)),
        clock=system_clock,
        monotonic=iter(range(0, 10_000_000, 1000)).__next__,  # its pace is another test's
    )
    for _ in range(100):
        await lane.work()
        if (states := await store.read(_states)) == {"sent"}:
            break
        await lane.bell.wait(timedelta(milliseconds=5))
    lane.close()
    assert states == {"sent"}
    return len(pieces)


def _states(db: Database) -> set[str]:
    return {row[0] for row in db.conn.execute("SELECT state FROM deliveries")}


@pytest.mark.parametrize("fault", [status(500), accept_then_drop])
async def test_the_piece_that_failed_alone_is_repeated(store: Store, fault: object) -> None:
    with WebServer() as web:
        works = telegram()
        web.route(f"/bot{TOKEN}/sendMessage", works, fault, works)  # type: ignore[arg-type]
        count = await settle(store, Channel("phone", f"tgram://{TOKEN}/12345"), web.url(""))
        bodies = [request.body for request in web.requests]
    assert count == 3
    assert len(bodies) == count + 1
    assert bodies[1] == bodies[2]
    assert len(set(bodies)) == count
    told = "".join(json.loads(body)["text"] for body in set(bodies))
    assert all(f"第 {number} 篇" in told for number in range(10))


async def test_the_recipient_that_failed_alone_gets_another_mail(store: Store) -> None:
    with SmtpServer() as smtp:
        smtp.script("RCPT", "", "451 4.3.0 later", "")
        mail = MailServer("127.0.0.1", smtp.port, sender="digestd@example.org")
        people = "a@example.org,b@example.org,c@example.org"
        assert await settle(store, Channel("post", f"mail:{people}"), "", mail) == 3
        got = [received.recipients[0] for received in smtp.inbox]
    assert sorted(got) == people.split(",")


async def test_a_mail_that_was_perhaps_taken_is_repeated_as_the_same(store: Store) -> None:
    with SmtpServer() as smtp:
        smtp.script("DATA", "drop", "")
        mail = MailServer("127.0.0.1", smtp.port, sender="digestd@example.org")
        await settle(store, Channel("post", "mail:a@example.org"), "", mail)
        first, again = smtp.inbox
    assert first.content == again.content
    assert first.mail["Message-ID"] == again.mail["Message-ID"]
