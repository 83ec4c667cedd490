"""Every kind of service under every kind of fault: what is made of it, and no request too many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import product

import pytest

from digestd.core.outcomes import Broken, SendOutcome, TryAgain, Unknown
from digestd.delivery import wire
from tests.support.messages import one_piece, target, trusting
from tests.support.sinks import accept_then_drop, service_sender
from tests.support.webserver import (
    Action,
    WebServer,
    answer,
    endless,
    hang,
    raw,
    reset,
    status,
)

TOKEN = "123456789:ABCdefghijklmnop_ABCdefghijklmnop12"
SERVICES = {
    "tgram": f"tgram://{TOKEN}/12345?",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?",
    "discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js?",
    "ntfy": "ntfy://127.0.0.1:{port}/feeds?",
    "gotify": "gotify://127.0.0.1:{port}/ABCDEFGHIJKLMNO?",
    "bark": "bark://127.0.0.1:{port}/DEVICEKEY12345?",
    "dingtalk": "dingtalk://abcdefghijklmnopq?",
    "wecombot": "wecombot://12345678-1234-1234-1234-1234567890ab?",
    "feishu": "feishu://abcdefghijklmnopq?",
    "pushplus": "pushplus://abcdefghijklmnopqrstuvwxyz012345?",
    "json": "json://127.0.0.1:{port}/hook?",
}
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

# What happens, what it means, and how long it asks to wait (None: not at all).
FAULTS: dict[str, tuple[Action, type[SendOutcome], float | None]] = {
    "hangs": (hang, Unknown, None),
    "resets": (reset, Unknown, None),
    "takes it and breaks off": (accept_then_drop, Unknown, None),
    "speaks something else": (raw(b"SSH-2.0-OpenSSH\r\n"), Unknown, None),
    "500": (status(500), TryAgain, None),
    "502, a proxy's page": (answer("<html>Bad gateway</html>", 502), TryAgain, None),
    "503 for seconds": (status(503, Retry_After="7"), TryAgain, 7),
    "429 for seconds": (status(429, Retry_After="65"), TryAgain, 65),
    "429 until a date": (
        status(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"), TryAgain, 0,
    ),
    "429 for nonsense": (status(429, Retry_After="a while"), TryAgain, None),
    "429 for less than nothing": (status(429, Retry_After="-5"), TryAgain, None),
    "429 for ever": (status(429, Retry_After="9" * 400), TryAgain, None),
    "403": (status(403), Broken, None),
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[WebServer]:
    with WebServer() as running:
        yield running


@pytest.fixture
def web(server: WebServer) -> WebServer:
    server.requests.clear()
    return server


def route(web: WebServer, act: Action) -> None:
    for path in (
        f"/bot{TOKEN}/sendMessage", "/slack/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "/discord/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "/", "/feeds", "/message", "/push",
        "/sink", "/sink/abcdefghijklmnopq", "/hook",
    ):  # fmt: skip
        web.route(path, act)


@pytest.mark.parametrize(
    ("service", "fault"),
    # A webhook's time limit is no part of its address: that it hangs is another test's.
    [pair for pair in product(SERVICES, FAULTS) if pair != ("json", "hangs")],
)
def test_a_fault_is_taken_for_what_it_is(web: WebServer, service: str, fault: str) -> None:
    act, kind, after = FAULTS[fault]
    route(web, act)
    to = target(SERVICES[service].format(port=web.port) + "rto=0.2")
    with closing(service_sender(to, web.url(""), trusting)) as sender:
        outcome = sender.send(one_piece(to))
    assert type(outcome) is kind, outcome
    if isinstance(outcome, TryAgain):
        assert outcome.after == (None if after is None else timedelta(seconds=after))
    # Nobody's plugin tried again behind our back.
    assert len(web.requests) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_drips_its_answer_is_left_in_time(
    web: WebServer, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("digestd.delivery.webhook._ANSWER_SECONDS", 0.2)
    route(web, endless(_OK, b" ", every=0.02))
    to = target(SERVICES[service].format(port=web.port) + "rto=5")
    with closing(service_sender(to, web.url(""), trusting)) as sender:
        sender.send(one_piece(to))
    assert len(web.requests) == 1
