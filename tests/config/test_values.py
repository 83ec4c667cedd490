from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestd.config.values import (
    describe_duration,
    escape,
    has_reference,
    parse_duration,
    parse_first,
    parse_language,
    parse_listen,
    parse_name,
    parse_proxy,
    parse_size,
    parse_zone,
    substitute,
)
from digestd.core.models import FirstFetch


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("7d", 604800), ("0s", 0)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15",
        "m",
        "1h30m",
        "1.5h",
        "-5m",
        "15 m",
        "15min",
        "15M",
        "2w",
        "٣m",
        "1" * 12 + "d",
        "5m\n",
    ],
)
def test_nothing_else_is_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|century"):
        parse_duration(text)


def test_a_bare_number_is_told_to_take_a_unit() -> None:
    with pytest.raises(ValueError, match='"900" has no unit; write "900s"'):
        parse_duration("900")


@given(st.integers(0, 10**8))
def test_a_duration_is_described_as_it_is_written(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert parse_duration(describe_duration(span)) == span


@pytest.mark.parametrize(("text", "size"), [("500KB", 500_000), ("16MB", 16_000_000)])
def test_a_size_is_decimal(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "10", "10mb", "10 MB", "1.5MB", "-1MB", "10MiB"])
def test_nothing_else_is_a_size(text: str) -> None:
    with pytest.raises(ValueError, match="10MB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("none", FirstFetch("none")),
        ("all", FirstFetch("all")),
        ("newest:3", FirstFetch("newest", count=3)),
        ("since:2026-01-01", FirstFetch("since", day=date(2026, 1, 1))),
    ],
)
def test_first_is_read(text: str, first: FirstFetch) -> None:
    assert parse_first(text) == first


@pytest.mark.parametrize(
    "text",
    [
        *("", "None", "newest", "newest:", "newest:0", "newest:-1", "newest:x", "since"),
        *("since:", "since:2026-02-30", "since:2026-1-1", "since:20260101", "all:3"),
    ],
)
def test_nothing_else_is_first(text: str) -> None:
    with pytest.raises(ValueError, match=r"none of|write the day|no such day"):
        parse_first(text)


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("", None),
        ("127.0.0.1:8787", ("127.0.0.1", 8787)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_listen_is_an_address_and_a_port(text: str, listen: tuple[str, int] | None) -> None:
    assert parse_listen(text) == listen


@pytest.mark.parametrize("text", ["8787", ":8787", "localhost", "localhost:", "::1:80", "a:65536"])
def test_nothing_else_is_listened_on(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|names no address"):
        parse_listen(text)


def test_a_zone_is_suggested() -> None:
    with pytest.raises(ValueError, match='did you mean "Asia/Shanghai"'):
        parse_zone("asia/shanghi")
    for text in ("", "Europe", "../etc/passwd", "/etc/localtime", "Europe/Paris\0"):
        with pytest.raises(ValueError, match="IANA"):
            parse_zone(text)


def test_a_language_is_suggested() -> None:
    assert parse_language("zh-Hant-TW") == "zh-Hant-TW"
    with pytest.raises(ValueError, match='did you mean "zh-CN"'):
        parse_language("zh_CN.UTF-8")
    with pytest.raises(ValueError, match="pt-BR"):
        parse_language("English")


@pytest.mark.parametrize("text", ["", " a", "a:b", "a/b", "a,b", 'a"b', "a\nb", "x" * 65])
def test_names_that_commands_could_not_tell_apart_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="name"):
        parse_name(text)


def test_a_proxy_is_never_quoted() -> None:
    assert parse_proxy("socks5://127.0.0.1:7890") == "socks5://127.0.0.1:7890"
    for text in (
        "me:hunter2@host:1",
        "ftp://me:hunter2@host",
        "http://me:hunter2@",
        "http://[h:hunter2",
    ):
        with pytest.raises(ValueError, match="proxy") as caught:
            parse_proxy(text)
        assert "hunter2" not in str(caught.value)


# --- references ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${A}", "p@ss/wörd"),
        ("x ${A}", "x p@ss/wörd"),
        ("slack://${A}/x", "slack://p%40ss%2Fw%C3%B6rd/x"),
        ("mail:${A}", "mail:p%40ss%2Fw%C3%B6rd"),
        ("${A}${A}", "p@ss/wördp@ss/wörd"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$${A}", "$p@ss/wörd"),
        ("$A costs $5 and 5$", "$A costs $5 and 5$"),
        ("$$$", "$$"),
        ("${URL}", "https://x/?a b"),
    ],
)
def test_references_are_replaced(text: str, filled: str) -> None:
    assert substitute(text, {"A": "p@ss/wörd\n", "URL": "https://x/?a b"}) == filled


@pytest.mark.parametrize("text", ["${", "${A", "${}", "${A B}", "${../A}", "${a/b}", "x${-}"])
def test_a_reference_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\$\{NAME\}"):
        substitute(text, {"A": "1"})


def test_a_missing_reference_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no environment variable TOKEN"):
        substitute("${TOKEN}", {})
    with pytest.raises(ValueError, match=f"neither {tmp_path}/TOKEN nor"):
        substitute("${TOKEN}", {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_a_credential_goes_before_the_environment(tmp_path: Path) -> None:
    (tmp_path / "smtp.password").write_text("from file\r\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "smtp.password": "x", "OTHER": "y\n\n"}
    assert substitute("${smtp.password}", environ) == "from file"
    assert substitute("${OTHER}", environ) == "y\n"


def test_a_credential_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "A").write_bytes(b"\xff\xfe")
    (tmp_path / "B").mkdir()
    (tmp_path / "C").write_bytes(b"x" * (1 << 20) + b"x")
    for name in "ABC":
        with pytest.raises(ValueError, match=name):
            substitute(
                "${" + name + "}", {"CREDENTIALS_DIRECTORY": str(tmp_path), name: "not this"}
            )


@given(st.text(alphabet="$${}Ab:/é"))
def test_what_is_escaped_comes_back(text: str) -> None:
    assert substitute(escape(text), {}) == text
    assert not has_reference(escape(text))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")))
def test_a_secret_in_a_url_comes_back_and_adds_nothing_to_it(secret: str) -> None:
    filled = substitute("https://me:${S}@host/", {"S": secret})
    encoded = filled.removeprefix("https://me:").removesuffix("@host/")
    assert unquote(encoded) == secret
    assert not set(encoded) & set("/?#@: \\")
