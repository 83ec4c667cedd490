"""What a WebSub subscriber decides. Names carry the rows of the checklist."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.parsed import ParsedFeed
from digestd.core.websub import (
    LEASE,
    METHODS,
    Confirm,
    Denied,
    HubSubscription,
    NotOurs,
    Offer,
    find_offer,
    is_signed,
    may_hold_secret,
    request_form,
    verify,
)
from tests.support.nouns import NOW

FEED = "https://example.org/feed"
HUB, OTHER = "https://hub.example/", "https://other.example/"
BASE = "https://me.example/push/"
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ONE = HubSubscription(
    pk=1,
    feed_pk=7,
    hub=HUB,
    hub_at=HUB,
    topic=FEED,
    callback=f"{BASE}t",
    token="t",
    secret="s",
    state="active",
    asked_at=NOW - 3 * DAY,
    lease_until=NOW + 7 * DAY,
    renew_at=NOW + 2 * DAY,
)


def offer(link: str = "", document: ParsedFeed | None = None, url: str = FEED) -> Offer | None:
    return find_offer({"link": link} if link else {}, document, url)


def question(mode: str = "subscribe", topic: str = FEED, **more: str) -> str:
    return urlencode({"hub.mode": mode, "hub.topic": topic, "hub.challenge": "c"} | more)


# --- D: discovery ----------------------------------------------------------------------


def test_d1_hub_and_self_of_the_headers() -> None:
    found = offer(f'<{HUB}>; rel="hub", <https://example.org/other>; rel="self"')
    assert found == Offer((HUB,), "https://example.org/other")


def test_d2_hub_and_self_of_the_document() -> None:
    document = ParsedFeed("t", self_url="https://example.org/s", hub_urls=(HUB,))
    assert offer(document=document) == Offer((HUB,), "https://example.org/s")


def test_d4_headers_go_before_the_document() -> None:
    document = ParsedFeed("t", self_url="https://example.org/s", hub_urls=(HUB,))
    found = offer(f"<{OTHER}>; rel=hub, <https://example.org/h>; rel=self", document)
    assert found == Offer((OTHER,), "https://example.org/h")


def test_d5_several_hubs_are_kept_in_order_each_once() -> None:
    found = offer(f"<{HUB}>; rel=hub, <{OTHER}>; rel=hub, <{HUB}>; rel=hub")
    assert found
    assert found.hubs == (HUB, OTHER)


def test_a_feed_without_a_hub_offers_nothing() -> None:
    assert offer("<https://example.org/s>; rel=self", ParsedFeed("t", self_url=FEED)) is None


def test_no_hub_is_taken_that_is_no_web_address() -> None:
    assert offer("<file:///etc/passwd>; rel=hub, <javascript:x>; rel=hub") is None


def test_the_topic_of_last_resort_is_the_address_without_its_password() -> None:
    found = offer(f"<{HUB}>; rel=hub", url="https://me:secret@example.org/feed#x")
    assert found == Offer((HUB,), FEED)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/feeds/videos.xml?channel_id=UC_x-1",
        "http://youtube.com/xml/feeds/videos.xml?hl=en&channel_id=UC_x-1&x=y",
    ],
)
def test_a_known_hub_need_not_be_named(url: str) -> None:
    topic = "https://www.youtube.com/feeds/videos.xml?channel_id=UC_x-1"
    assert offer(url=url) == Offer(("https://pubsubhubbub.appspot.com/",), topic)


# --- S: subscription -------------------------------------------------------------------


def test_s1_the_topic_is_the_self_link_even_if_it_is_not_what_was_fetched() -> None:
    found = offer(f"<{HUB}>; rel=hub, <https://cdn.example/real>; rel=self")
    assert found
    assert found.topic == "https://cdn.example/real"


def test_s3_the_form_byte_for_byte() -> None:
    wanted = replace(ONE, topic="https://example.org/?a=1&b=ä", secret="")
    assert request_form("subscribe", wanted) == (
        b"hub.callback=https%3A%2F%2Fme.example%2Fpush%2Ft&hub.mode=subscribe"
        b"&hub.topic=https%3A%2F%2Fexample.org%2F%3Fa%3D1%26b%3D%C3%A4&hub.lease_seconds=864000"
    )
    assert request_form("unsubscribe", wanted) == (
        b"hub.callback=https%3A%2F%2Fme.example%2Fpush%2Ft&hub.mode=unsubscribe"
        b"&hub.topic=https%3A%2F%2Fexample.org%2F%3Fa%3D1%26b%3D%C3%A4"
    )


def test_s6_a_secret_goes_over_tls_alone_and_is_shorter_than_200_bytes() -> None:
    assert may_hold_secret(HUB)
    assert not may_hold_secret("http://hub.example/")
    assert may_hold_secret("http://hub.example/", plain=True)
    long = request_form("subscribe", replace(ONE, secret="x" * 500))
    assert b"hub.secret=" + b"x" * 199 in long
    assert b"x" * 200 not in long


def test_s7_https_is_tried_first_where_a_hub_is_named_with_http() -> None:
    found = offer("<http://hub.example/>; rel=hub")
    assert found
    assert found.hubs == ("https://hub.example/", "http://hub.example/")
    odd = offer("<http://hub.example:8080/>; rel=hub")
    assert odd
    assert odd.hubs == ("http://hub.example:8080/",)


# --- V: verification -------------------------------------------------------------------

PENDING = replace(ONE, state="pending", lease_until=None, renew_at=None, asked_at=NOW)


def test_v1_a_matching_verification_is_confirmed() -> None:
    verdict = verify(PENDING, question(**{"hub.lease_seconds": "86400"}), NOW, 0.0)
    assert verdict == Confirm("c", NOW + DAY, NOW + DAY / 2)


@pytest.mark.parametrize(
    ("known", "query"),
    [
        pytest.param(None, question(), id="unknown-callback"),
        pytest.param(PENDING, question(topic=OTHER), id="wrong-topic"),
        pytest.param(PENDING, question("unsubscribe"), id="unsolicited-unsubscribe"),
        pytest.param(ONE, question("unsubscribe"), id="unsubscribe-of-an-active-one"),
        pytest.param(replace(ONE, state="leaving"), question(), id="subscribe-when-leaving"),
        pytest.param(replace(ONE, state="ended"), question(), id="over"),
        pytest.param(replace(ONE, state="ended"), question("denied"), id="denied-when-over"),
        pytest.param(PENDING, question(**{"hub.challenge": ""}), id="no-challenge"),
        pytest.param(PENDING, question(**{"hub.challenge": "x" * 5000}), id="endless-challenge"),
        pytest.param(PENDING, question("publish"), id="unknown-mode"),
        pytest.param(PENDING, "&".join("a=1" for _ in range(100)), id="many-fields"),
        pytest.param(PENDING, "", id="nothing"),
    ],
)
def test_v2_anything_else_is_not_ours(known: HubSubscription | None, query: str) -> None:
    assert verify(known, query, NOW, 0.0) == NotOurs()


@pytest.mark.parametrize(
    ("stated", "lease"),
    [
        ("3600", HOUR),
        ("0", LEASE),
        ("", LEASE),
        ("-5", LEASE),
        ("x", LEASE),
        ("1", MINUTE),
        ("999999999999", 90 * DAY),
    ],
)
def test_v3_the_hubs_lease_counts_within_reason(stated: str, lease: timedelta) -> None:
    verdict = verify(PENDING, question(**{"hub.lease_seconds": stated}), NOW, 0.5)
    assert isinstance(verdict, Confirm)
    assert verdict.lease_until == NOW + lease


def test_v3_a_lease_means_nothing_when_leaving() -> None:
    leaving = replace(ONE, state="leaving")
    verdict = verify(leaving, question("unsubscribe", **{"hub.lease_seconds": "9"}), NOW, 0.0)
    assert verdict == Confirm("c")


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 10**12))
def test_v4_renewal_is_between_a_half_and_two_thirds_of_the_lease(
    chance: float, seconds: int
) -> None:
    verdict = verify(PENDING, question(**{"hub.lease_seconds": str(seconds)}), NOW, chance)
    assert isinstance(verdict, Confirm)
    assert verdict.lease_until
    assert verdict.renew_at
    lease = verdict.lease_until - NOW
    assert lease / 2 <= verdict.renew_at - NOW <= lease * 2 / 3 + timedelta(seconds=1)


@pytest.mark.parametrize("state", ["pending", "active"])
def test_v5_a_hub_may_deny_before_and_after_verification(state: str) -> None:
    known = replace(ONE, state=state)  # type: ignore[arg-type]
    query = question("denied", **{"hub.reason": "no more"})
    assert verify(known, query, NOW, 0.0) == Denied("no more")


# --- A: authentication -----------------------------------------------------------------


def sign(method: str, body: bytes = b"body", secret: str = "s") -> str:
    return hmac.new(secret.encode(), body, getattr(hashlib, method)).hexdigest()


@pytest.mark.parametrize("method", METHODS)
def test_a3_each_method_and_hex_in_any_case(method: str) -> None:
    assert is_signed("s", f"{method}={sign(method)}", b"body")
    assert is_signed("s", f"{method.upper()}={sign(method).upper()}", b"body")


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="a2-none"),
        pytest.param("", id="a2-empty"),
        pytest.param(f"sha256={sign('sha256', secret='x')}", id="a1-wrong-secret"),
        pytest.param(f"sha256={sign('sha256', b'other')}", id="a1-wrong-body"),
        pytest.param(f"sha256={sign('sha1')}", id="a1-wrong-method"),
        pytest.param(f"md5={sign('md5')}", id="a3-unknown-method"),
        pytest.param(sign("sha256"), id="a3-no-method"),
        pytest.param("sha256=\udcff", id="a3-noise"),
    ],
)
def test_a_bad_signature_is_none(header: str | None) -> None:
    assert not is_signed("s", header, b"body")


def test_a3_the_weakest_that_counts_is_the_owners_choice() -> None:
    assert not is_signed("s", f"sha1={sign('sha1')}", b"body", least="sha256")
    assert is_signed("s", f"sha512={sign('sha512')}", b"body", least="sha256")


def test_without_a_secret_the_callback_is_proof_enough() -> None:
    assert is_signed("", None, b"body")
