"""How a feed is asked, as its owner writes it: in the feed or in a tag, secrets elsewhere."""

from __future__ import annotations

from base64 import b64decode
from datetime import timedelta
from pathlib import Path

import pytest

from digestd.config import Config, complaints, load
from digestd.core.models import Subscription
from digestd.core.parsed import PageSelectors

ENVIRON = {"HOME": "/home/me", "TZ": "UTC", "KEY": "k1", "PW": "p:w ö", "TOKEN": "t/1"}


def read(folder: Path, text: str) -> Config:
    file = folder / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    return load(file, environ=ENVIRON)


def feed(folder: Path, text: str) -> Subscription:
    return read(folder, f'[[feeds]]\nurl = "https://a.example/feed"\n{text}').subscriptions[0]


def test_a_feed_s_own_key_goes_before_its_tags(tmp_path: Path) -> None:
    text = """
        tags = ["one", "two"]
        headers = { X-Key = "${KEY}" }
        [tags.one]
        user = "me"
        password = "${PW}"
        proxy = ""
        [tags.two]
        token = "${TOKEN}"
        headers = { X-Other = "o" }
        cookies = { a = "1", b = "${KEY}" }
        user_agent = "Mozilla/5.0"
        proxy = "socks5://p.example:1080"
        timeout = "2m"
    """
    options = feed(tmp_path, text).request
    headers = dict(options.headers)
    assert headers.keys() == {"X-Key", "Cookie", "Authorization", "User-Agent"}
    assert headers["X-Key"] == "k1"
    assert headers["Cookie"] == "a=1; b=k1"
    kind, _, secret = headers["Authorization"].partition(" ")
    assert (kind, b64decode(secret).decode()) == ("Basic", "me:p:w ö")
    assert (options.proxy, options.timeout) == ("", timedelta(minutes=2))


def test_what_is_written_out_goes_before_what_is_made(tmp_path: Path) -> None:
    options = feed(tmp_path, 'token = "${TOKEN}"\nheaders = { authorization = "Own x" }').request
    assert options.headers == (("authorization", "Own x"),)
    assert feed(tmp_path, 'token = "${TOKEN}"').request.headers == (
        ("Authorization", "Bearer t/1"),
    )


def test_no_secret_is_in_what_a_feed_is_known_by_nor_in_its_repr(tmp_path: Path) -> None:
    text = """
        poll.rsshub = "http://localhost:1200/"
        [[feeds]]
        url = "https://me:${PW}@a.example/feed?token=${TOKEN}"
        [[feeds]]
        url = "https://me:hidden@b.example/feed"
        [[feeds]]
        url = "rsshub://github/trending"
        password = "${PW}"
        user = "me"
        [[feeds]]
        url = "https://c.example/$$a"
    """
    config = read(tmp_path, text)
    assert [(one.url, one.secret_url) for one in config.subscriptions] == [
        (
            "https://me:${PW}@a.example/feed?token=${TOKEN}",
            "https://me:p%3Aw%20%C3%B6@a.example/feed?token=t%2F1",
        ),
        ("https://me@b.example/feed", "https://me:hidden@b.example/feed"),
        ("rsshub://github/trending", "http://localhost:1200/github/trending"),
        ("https://c.example/$a", ""),
    ]
    assert not {"hidden", "t%2F1", "p%3Aw"} & set(repr(config).replace("'", " ").split())
    assert all(word not in repr(config) for word in ("hidden", "t%2F1", "cDp3", "p%3Aw"))
    assert config.poll.is_own("http://localhost:1200/a")
    assert not config.poll.is_own("http://localhost:12000/a")
    assert config.poll.allow_private.names("localhost", 1200)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('headers = { Host = "x" }', "feeds[1].headers: cannot hold Host"),
        ('headers = { "a b" = "x" }', "holds a name that no header can have"),
        ('headers = { A = "x\\ny" }', "holds control characters"),
        ('headers = "A: b"', "expects a table of texts"),
        ("headers = { A = 1 }", "expects a table of texts"),
        ('cookies = { a = "x; y" }', "that no cookie can have"),
        ('password = "x"', "feeds[1].user: is missing"),
        ('user = "a:b"\npassword = "x"', "cannot hold a colon"),
        ('proxy = "ftp://x"', "is no proxy"),
        ('timeout = "1h"', "too long"),
        ('headers = { A = "${NONE}" }', "${NONE} is missing"),
    ],
)
def test_what_cannot_be_meant_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[[feeds]]\nurl = "https://a.example/feed"\n{line}')
    (only,) = complaints(file, ENVIRON)
    assert complaint in str(only)


def test_a_route_needs_an_rsshub(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[[feeds]]\nurl = "rsshub://a/b"')
    (only,) = complaints(file, ENVIRON)
    assert '[poll] rsshub = "http://localhost:1200"' in str(only)
    file.write_text('poll.rsshub = "localhost:1200"')
    assert "poll.rsshub: is no address" in str(complaints(file, ENVIRON)[0])


def test_secrets_that_others_can_read_are_warned_of(tmp_path: Path) -> None:
    lines = {
        "password": 'user = "me"\npassword = "x"',
        "token": 'token = "x"',
        "cookies": 'cookies = { a = "x" }',
        "headers": 'headers = { X-Api-Key = "x" }',
    }
    file = tmp_path / "config.toml"
    for key, line in lines.items():
        file.write_text(f'[[feeds]]\nurl = "https://a.example/feed"\n{line}')
        file.chmod(0o644)
        (warning,) = load(file, environ=ENVIRON).warnings
        assert f"feeds[1].{key} holds a secret" in warning
    file.write_text('[[feeds]]\nurl = "https://a.example/"\nheaders = { Accept-Language = "de" }')
    assert load(file, environ=ENVIRON).warnings == ()


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ('{ entri = "li" }', 'has no key "entri"; did you mean "entry"?'),
        ('{ title = "h2" }', "needs an entry"),
        ('{ entry = "li >" }', "is no CSS selector"),
        ('"li"', "expects a table of texts"),
    ],
)
def test_selectors_of_a_page_are_checked(tmp_path: Path, page: str, complaint: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[[feeds]]\nurl = "https://a.example/"\npage = {page}')
    (only,) = complaints(file, ENVIRON)
    assert complaint in str(only)
    text = 'tags = ["t"]\n[tags.t]\npage = { entry = "li", link = "a[href$=\\".html\\"]" }'
    assert feed(tmp_path, text).page == PageSelectors("li", link='a[href$=".html"]')
