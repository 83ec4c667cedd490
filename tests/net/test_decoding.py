"""Bodies as they arrive, one layer of compression undone."""

from __future__ import annotations

import contextlib
import gzip
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.net.decoding import BodyReader, UnreadableBodyError, in_units
from tests.support.webserver import pack

ENCODINGS = ["", "gzip", "x-gzip", "deflate", "raw-deflate"]


def read(data: bytes, encoding: str, step: int, max_bytes: int = 1 << 20) -> bytes:
    reader = BodyReader(encoding.removeprefix("raw-"), max_bytes=max_bytes)
    for at in range(0, len(data), step):
        reader.feed(data[at : at + step])
    return reader.finish()


@given(st.binary(max_size=5000), st.sampled_from(ENCODINGS), st.integers(1, 5000))
def test_a_body_comes_out_as_it_went_in(body: bytes, encoding: str, step: int) -> None:
    assert read(pack(body, encoding), encoding, step, max_bytes=5000) == body


@given(st.binary(max_size=3000), st.sampled_from(ENCODINGS), st.integers(1, 999), st.data())
def test_a_known_body_is_not_decoded_and_any_other_is(
    body: bytes, encoding: str, step: int, data: st.DataObject
) -> None:
    def arrived(packed: bytes, known: bytes | None) -> tuple[bytes, BodyReader]:
        reader = BodyReader(encoding.removeprefix("raw-"), max_bytes=5000, known=known)
        for at in range(0, len(packed), step):
            reader.feed(packed[at : at + step])
        return reader.finish(), reader

    _, first = arrived(pack(body, encoding), None)
    again, second = arrived(pack(body, encoding), first.wire_hash)
    assert (again, second.is_known) == (b"", True)
    changed = data.draw(st.binary(max_size=3000).filter(lambda other: other != body))
    other, third = arrived(pack(changed, encoding), first.wire_hash)
    assert (other, third.is_known) == (changed, False)


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_large_body_is_decoded_as_it_comes_and_known_all_the_same(encoding: str) -> None:
    body = random.Random(1).randbytes(600_000)
    packed = pack(body, encoding)

    def arrived(known: bytes | None) -> BodyReader:
        reader = BodyReader(encoding, max_bytes=len(body), known=known)
        for at in range(0, len(packed), 50_000):
            reader.feed(packed[at : at + 50_000])
        assert len(reader) > len(body) - 50_000
        return reader

    assert arrived(b"another").finish() == body
    known = arrived(None).wire_hash
    last = arrived(known)
    assert (last.finish(), last.is_known) == (b"", True)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(1, 300))
def test_gzip_members_are_joined_wherever_the_network_cuts(parts: list[bytes], step: int) -> None:
    assert read(b"".join(map(gzip.compress, parts)), "gzip", step) == b"".join(parts)


@given(st.binary(min_size=1, max_size=3000), st.sampled_from(ENCODINGS[1:]), st.integers(1, 999))
def test_a_body_cut_off_is_never_taken_for_whole(body: bytes, encoding: str, step: int) -> None:
    with pytest.raises(UnreadableBodyError):
        read(pack(body, encoding)[:-1], encoding, step)


@given(
    st.text("<item>ab", min_size=300, max_size=3000).map(str.encode),
    st.sampled_from(["gzip", "deflate"]),
    st.data(),
)
def test_a_damaged_body_is_never_taken_for_another(
    body: bytes, encoding: str, data: st.DataObject
) -> None:
    packed = bytearray(pack(body, encoding))
    at = data.draw(st.integers(10, len(packed) - 1))  # what is before is a label
    packed[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(UnreadableBodyError):  # its checksum told
        assert read(bytes(packed), encoding, 999, max_bytes=5000) == body


@given(st.binary(max_size=3000), st.sampled_from(ENCODINGS), st.integers(1, 999))
def test_any_bytes_are_a_body_or_a_clear_failure(data: bytes, encoding: str, step: int) -> None:
    try:
        assert len(read(data, encoding, step, max_bytes=1000)) <= 1000
    except UnreadableBodyError as exc:
        assert len(str(exc).splitlines()) == 1


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_limit_is_exact(encoding: str) -> None:
    body = bytes(range(256)) * 40
    assert read(pack(body, encoding), encoding, 999, max_bytes=len(body)) == body
    with pytest.raises(UnreadableBodyError, match="larger than"):
        read(pack(body, encoding), encoding, 999, max_bytes=len(body) - 1)


@pytest.mark.parametrize("tail", [b"\0" * 512, b"garbage", b"\n"])
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_padding_after_the_end_is_ignored(tail: bytes, step: int) -> None:
    assert read(gzip.compress(b"<rss/>") + tail, "gzip", step) == b"<rss/>"
    assert read(zlib.compress(b"<rss/>") + tail, "deflate", step) == b"<rss/>"


@pytest.mark.parametrize("label", ["identity", "UTF-8", "none", " ", "identity, gzip", "GZIP"])
def test_harmless_labels_are_harmless(label: str) -> None:
    packed = gzip.compress(b"<rss/>") if "gzip" in label.lower() else b"<rss/>"
    assert read(packed, label, 100) == b"<rss/>"


@pytest.mark.parametrize(
    "body", [b"<html>no such thing</html>", b"\x1f\x8c" + b"x" * 40, b"\0" * 9]
)
def test_what_is_no_gzip_is_called_damaged(body: bytes) -> None:
    with pytest.raises(UnreadableBodyError, match="damaged"):
        read(body, "gzip", 5)


def test_nothing_at_all_is_an_empty_body() -> None:
    assert read(b"", "gzip", 1) == b""


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (16 << 20, "16 MB"),
        (16_000_000, "16 MB"),
        (500_000, "500 KB"),
        (1 << 30, "1 GB"),
        (1234, "1234 bytes"),
        (0, "0 bytes"),
    ],
)
def test_sizes_read_as_people_write_them(size: int, words: str) -> None:
    assert in_units(size) == words
