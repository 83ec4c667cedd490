"""Addresses taken apart: a usual one at once, to what httpx makes of it."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.addresses import USUAL
from digestd.net.address import Address, BadAddressError, joined, parse, with_user

hosts = st.sampled_from(
    "a.example 127.0.0.1 10.0.0.256 1.2.3.04 1.2.3 0.0.0.0 - .. a..b 300.1.1.1 1.2.3.4.5".split()
)
ports = st.sampled_from(["", ":80", ":443", ":8080", ":080", ":0", ":00", ":65535", ":65536"])
paths = st.from_regex(r"/[A-Za-z0-9%_.~,=+@!/-]{0,9}(\?[a-z=&%]{0,3})?", fullmatch=True)
written = st.builds("{}://{}{}{}".format, st.sampled_from(["http", "https"]), hosts, ports, paths)


@given(st.from_regex(USUAL, fullmatch=True) | written)
def test_a_usual_address_is_read_as_any_other(url: str) -> None:
    try:
        known = httpx.URL(url)
    except httpx.InvalidURL:
        with pytest.raises(BadAddressError):
            parse(url)
        return
    assert parse(url) == (
        Address(
            text=str(known),
            scheme=known.scheme,
            host=known.raw_host,
            port=known.port,
            authority=known.netloc,
            target=known.raw_path,
        ),
        b"",
    )


def test_what_is_secret_goes_apart_and_comes_back() -> None:
    address, userinfo = parse("http://ann:pa%20ss@feeds.example/a?b#c")
    assert str(address) == "http://feeds.example/a?b"
    assert userinfo == b"ann:pa%20ss"
    assert with_user(address, userinfo) == "http://ann:pa%20ss@feeds.example/a?b"
    assert with_user(address, b"") == address.text


@pytest.mark.parametrize(
    ("reference", "leads_to"),
    [
        ("/b", "https://feeds.example/b"),
        ("../c#top", "https://feeds.example/a/c"),
        ("//u:p@other.example/", "https://other.example/"),
        ("http://bücher.example/ä", "http://xn--bcher-kva.example/%C3%A4"),
    ],
)
def test_a_reference_leads_on(reference: str, leads_to: str) -> None:
    assert joined(parse("https://feeds.example/a/b/c")[0], reference).text == leads_to


@pytest.mark.parametrize("reference", ["http://a:b/", "http://1.2.3.400/", "/\x00"])
def test_a_reference_may_lead_nowhere(reference: str) -> None:
    with pytest.raises(BadAddressError):
        joined(parse("https://feeds.example/")[0], reference)
