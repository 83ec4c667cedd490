"""Which addresses may be asked."""

from __future__ import annotations

import json
import tomllib
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.core.addresses import (
    USUAL,
    AllowList,
    check_url,
    normal_host,
    origin_of,
    refusal,
    refused_kind,
)

CLOSED = AllowList()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.1",
        "192.0.2.5",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::808:808",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "2606:4700::5efe:10.0.0.1",
        "2606:4700::200:5efe:192.168.0.1",
        "3ffe::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ],
)
def test_no_feed_lives_at(address: str) -> None:
    assert refused_kind(ip_address(address))
    assert refusal("feed.example", 80, ip_address(address), CLOSED)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.31.196.1",
        "192.167.255.255",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700:4700::1111",
        "2a00:1450::1",
        "240e::1",
    ],
)
def test_feeds_may_live_at(address: str) -> None:
    assert refused_kind(ip_address(address)) is None
    assert refusal("feed.example", 443, ip_address(address), CLOSED) is None


@given(st.ip_addresses())
def test_what_python_calls_private_is_refused(address: IPv4Address | IPv6Address) -> None:
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if (inner or address).is_private or address.is_multicast or (inner or address).is_multicast:
        assert refused_kind(address)


@given(st.ip_addresses(v=4))
def test_mapping_an_address_changes_no_answer(address: IPv4Address) -> None:
    mapped = IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)
    translated = IPv6Address(IPv6Address("64:ff9b::").packed[:12] + address.packed)
    assert refused_kind(mapped) == refused_kind(address) == refused_kind(translated)


@given(st.ip_addresses(v=4))
def test_tunnels_to_an_address_are_refused(address: IPv4Address) -> None:
    assert refused_kind(IPv6Address(b"\x20\x02" + address.packed + b"\0" * 10))
    assert refused_kind(IPv6Address(b"\x20\x01\0\0" + b"\0" * 8 + address.packed))


# --- what the owner opens --------------------------------------------------------------

LAN = AllowList.parse(["192.168.1.0/24", "rsshub:1200", "nas.local", "127.0.0.1:8080", "fd00::/8"])


@pytest.mark.parametrize(
    ("host", "port", "address", "admitted"),
    [
        pytest.param("any.example", 80, "192.168.1.77", True, id="network-whatever-the-name"),
        pytest.param("any.example", 80, "::ffff:192.168.1.77", True, id="network-mapped"),
        pytest.param("any.example", 80, "192.168.2.1", False, id="next-network"),
        pytest.param("any.example", 80, "fd12::1", True, id="network-v6"),
        pytest.param("rsshub", 1200, "172.18.0.2", True, id="name-and-port"),
        pytest.param("RSSHub.", 1200, "172.18.0.2", True, id="name-in-another-spelling"),
        pytest.param("rsshub", 80, "172.18.0.2", False, id="other-port"),
        pytest.param("rsshub.evil.example", 1200, "172.18.0.2", False, id="longer-name"),
        pytest.param("nas.local", 5000, "10.0.0.5", True, id="name-any-port"),
        pytest.param("127.0.0.1", 8080, "127.0.0.1", True, id="address-and-port"),
        pytest.param("127.0.0.1", 8081, "127.0.0.1", False, id="address-other-port"),
        pytest.param("evil.example", 8080, "127.0.0.1", False, id="rebound-to-an-opened-port"),
        pytest.param("2130706433", 8080, "127.0.0.1", False, id="decimal-spelling"),
    ],
)
def test_the_allow_list_opens_what_it_names(
    host: str, port: int, address: str, admitted: bool
) -> None:
    assert (refusal(host, port, ip_address(address), LAN) is None) == admitted


def test_an_ipv6_literal_with_a_port_is_opened_in_any_spelling() -> None:
    allow = AllowList.parse(["[::1]:8080"])
    assert refusal("0:0:0:0:0:0:0:1", 8080, ip_address("::1"), allow) is None
    assert refusal("::1", 8081, ip_address("::1"), allow)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "http://nas.local/",
        "nas.local:",
        "nas.local:0",
        "nas.local:70000",
        "nas.local:http",
        "nas.local:٣",
        "two words",
        "*.local",
        "[::1]",
        "[nas]:80",
        "a/b",
        "-",
    ],
)
def test_an_entry_that_means_nothing_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match=r"neither|port") as caught:
        AllowList.parse([entry])
    assert repr(entry) in str(caught.value)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("nas.lan", "192.168.7.7"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("2130706433", "127.0.0.1"),
        ("feed.example", "198.18.3.4"),
        ("bücher.local", "10.0.0.1"),
    ],
)
def test_the_line_to_paste_opens_the_place_and_keeps_the_rest(host: str, address: str) -> None:
    reason = refusal(host, 8443, ip_address(address), LAN)
    assert reason is not None
    assert "\n" not in reason
    line = "allow_private = " + reason.partition("allow_private = ")[2]
    entries = tomllib.loads(line)["allow_private"]
    assert entries[:-1] == list(LAN.entries)
    assert refusal(host, 8443, ip_address(address), AllowList.parse(entries)) is None


def test_a_refusal_reads_like_this() -> None:
    assert refusal("nas.local", 80, ip_address("192.168.1.7"), CLOSED) == (
        "refused: nas.local is 192.168.1.7, a private network; if it is yours,"
        ' allow it in [poll]: allow_private = ["nas.local:80"]'
    )
    assert refusal("127.0.0.1", 6379, ip_address("127.0.0.1"), CLOSED) == (
        "refused: 127.0.0.1 is this machine itself; if it is yours,"
        ' allow it in [poll]: allow_private = ["127.0.0.1:6379"]'
    )


@given(st.text(), st.integers(1, 65535), st.ip_addresses())
def test_a_refusal_is_one_line_whatever_the_host(
    host: str, port: int, address: IPv4Address | IPv6Address
) -> None:
    reason = refusal(json.dumps(host), port, address, CLOSED)
    assert reason is None or len(reason.splitlines()) == 1
    assert normal_host(normal_host(host)) == normal_host(host)


# --- URLs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/feed",
        "https://example.org",
        "HTTPS://Example.ORG:8443/a?b=c#d",
        "https://user:password@example.org/private.xml",
        "http://[2606:4700::1]:8080/",
        "https://bücher.example/feed",
        "https://example.org/a b",
        "https://foo_bar.example.org/",
    ],
)
def test_such_addresses_may_be_tried(url: str) -> None:
    assert check_url(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "not file"),
        ("FTP://example.org/", "not ftp"),
        ("javascript:alert(1)", "not javascript"),
        ("data:text/xml,<rss/>", "not data"),
        ("gopher://example.org:70/", "not gopher"),
        ("example.org/feed", "not this one"),
        ("//example.org/feed", "not this one"),
        ("", "not this one"),
        ("http://", "no valid host"),
        ("http:///feed", "no valid host"),
        (r"http:\\example.org\feed", "no valid host"),
        (r"https://good.example\@evil.example/", "no valid host"),
        ("https://two words.example/", "no valid host"),
        ("http://[::1", "not a valid URL"),
        ("http://example.org:99999/", "not a valid URL"),
        ("http://example.org:25/", "port 25"),
        ("http://example.org:6667/", "port 6667"),
        ("http://example.org/\r\nHost: evil", "control characters"),
        ("http://example.org/\x00", "control characters"),
        ("http://example.org/" + "a" * 9000, "longer than"),
    ],
)
def test_such_addresses_are_refused_with_a_reason(url: str, why: str) -> None:
    reason = check_url(url)
    assert reason is not None
    assert why in reason


@given(st.text(), st.sampled_from(["http", "file", "https"]))
def test_checking_any_text_never_raises_nor_repeats_a_password(text: str, scheme: str) -> None:
    reason = check_url(f"{scheme}://user:s3cret@{text}") or ""
    assert "s3cret" not in reason
    check_url(text)


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://rsshub:1200/a/b", True),
        ("http://RSSHUB.:1200/", True),
        ("http://rsshub/", False),
        ("https://nas.local/feed", False),
        ("http://10.1.2.3:8080/", False),
        ("http://127.0.0.1:8080/", False),
        ("http://[", False),
    ],
)
def test_an_owner_s_own_service_is_known_by_name_and_port(url: str, own: bool) -> None:
    allow = AllowList.parse(["rsshub:1200", "nas.local", "10.0.0.0/8", "127.0.0.1:8080"])
    assert allow.is_own(url) is own


@given(st.from_regex(USUAL, fullmatch=True), st.sampled_from([None, 22, 25, 80, 8080]))
def test_a_usual_address_has_one_spelling_and_only_its_port_can_be_wrong(
    url: str, port: int | None
) -> None:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if port is not None:
        url = f"{scheme}://{host.partition(':')[0]}:{port}{slash}{path}"
    parts = urlsplit(url)
    assert (parts.geturl(), parts.netloc.lower(), parts.fragment) == (url, parts.netloc, "")
    longer = f"{url}#"  # none that is usual
    assert check_url(url) == check_url(longer)


@given(st.from_regex(USUAL, fullmatch=True))
def test_the_origin_of_a_usual_address_is_what_its_parts_say(url: str) -> None:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    assert origin_of(url) == f"{parts.scheme}://{normal_host(parts.hostname or '')}:{port}"
