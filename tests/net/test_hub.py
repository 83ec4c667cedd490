"""Requests to hubs, and where they may lead. Names carry the rows of the checklist."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from digestd.core.addresses import AllowList
from digestd.core.outcomes import Failed
from digestd.net.client import Client
from digestd.net.hub import Accepted, ask
from digestd.net.politeness import HostGate
from tests.net.conftest import Names
from tests.support.webserver import WebServer, answer, hang, redirect, status

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SPAN = timedelta(seconds=5)


@pytest.fixture
async def client(context: ssl.SSLContext, names: Names) -> AsyncIterator[Client]:
    gate = HostGate(lambda: NOW)
    allow = AllowList.parse(["127.0.0.0/8"])
    async with Client(context, allow=allow, gate=gate, resolve=names) as made:
        yield made


async def test_s3_a_form_is_posted_as_it_is(client: Client, web: WebServer) -> None:
    web.route("/hub", status(202))
    assert await ask(client, web.url("/hub"), b"a=1&b=%26", SPAN) == Accepted(web.url("/hub"))
    (request,) = web.requests
    assert (request.method, request.body) == ("POST", b"a=1&b=%26")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["content-length"] == "9"


async def test_s4_never_from_https_to_http(
    client: Client, secure_web: WebServer, web: WebServer
) -> None:
    secure_web.route("/hub", redirect(web.url("/hub"), 307))
    answered = await ask(client, secure_web.url("/hub", "feed.example"), b"secret", SPAN)
    assert answered == Failed("redirected from https to http", 307)
    assert web.requests == []


async def test_s4_only_permanent_redirects_are_remembered(client: Client, web: WebServer) -> None:
    web.route("/a", redirect("/b", 308))
    web.route("/b", redirect("/c", 307))
    web.route("/c", redirect("/d", 308))
    web.route("/d", status(202))
    assert await ask(client, web.url("/a"), b"x", SPAN) == Accepted(web.url("/b"))
    assert [request.body for request in web.requests] == [b"x"] * 4


async def test_s4_five_redirects_and_no_more(client: Client, web: WebServer) -> None:
    web.route("/a", redirect("/b", 307))
    web.route("/b", redirect("/a", 307))
    assert await ask(client, web.url("/a"), b"x", SPAN) == Failed("more than 5 redirects")
    assert len(web.requests) == 6


@pytest.mark.parametrize("code", [301, 302, 303])
async def test_s4_other_redirects_are_refusals(client: Client, web: WebServer, code: int) -> None:
    web.route("/a", redirect("/b", code))
    assert isinstance(await ask(client, web.url("/a"), b"x", SPAN), Failed)
    assert web.paths() == ["/a"]


async def test_s9_a_refusal_brings_the_beginning_of_its_reason(
    client: Client, web: WebServer
) -> None:
    web.route("/hub", answer("topic\n\x1b[31m not <known>" + "x" * 5000, 400, Retry_After="60"))
    answered = await ask(client, web.url("/hub"), b"x", SPAN)
    assert isinstance(answered, Failed)
    assert answered.reason.startswith("HTTP 400 Bad Request: topic [31m not <known>xxx")
    assert len(answered.reason) < 250
    assert answered.retry_after == "60"


async def test_a_hub_that_hangs_or_hides_on_the_local_network_is_a_failure(
    client: Client, web: WebServer, context: ssl.SSLContext
) -> None:
    web.route("/hub", hang)
    answered = await ask(client, web.url("/hub"), b"x", timedelta(seconds=0.2))
    assert answered == Failed("no answer within 0.2 s")
    async with Client(context) as guarded:
        refused = await ask(guarded, web.url("/hub"), b"x", SPAN)
    assert isinstance(refused, Failed)
    assert "allow_private" in refused.reason
