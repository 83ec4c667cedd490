"""Feeds asked as their owners want it, by the whole program, and nothing secret left behind."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from digestd.cli import main
from tests.services.addresses import rss
from tests.support.internet import Answer, Internet
from tests.support.webserver import WebServer, answer, redirect

CONFIG = """
timezone = "UTC"
[web]
listen = ""
[poll]
allow_private = ["127.0.0.1:{port}", "127.0.0.1:{other}"]
rsshub = "{hub}"
[[feeds]]
id = "basic"
url = "{base}/basic?token=${{TOKEN}}"
user = "me"
password = "${{PW}}"
cookies = {{ s = "${{PW}}" }}
user_agent = "Other/1"
timeout = "7s"
[[feeds]]
id = "literal"
url = "http://me:literal@127.0.0.1:{port}/literal"
[[feeds]]
id = "away"
url = "{base}/away"
token = "${{TOKEN}}"
[[feeds]]
id = "route"
url = "rsshub://some/route"
[[feeds]]
id = "proxied"
url = "http://far.example/feed"
proxy = "{proxy}"
"""

SECRETS = {"TOKEN": "tok-4711", "PW": "pw-4711"}


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def call(*argv: str) -> tuple[int, str]:
        environ = {"STATE_DIRECTORY": str(tmp_path / "state"), **SECRETS}
        code = main(["-c", str(tmp_path / "config.toml"), *argv], environ=environ)
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return call


def test_each_feed_gets_what_is_meant_for_it(
    tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    feed = str(rss().body)
    far = {"http://far.example/feed": Answer(feed, "text/xml")}
    with WebServer() as web, WebServer() as other, Internet(far) as internet:
        web.route("/away", redirect(other.url("/landed")))
        for path in ("/basic", "/literal", "/hub/some/route"):
            web.route(path, answer(feed))
        other.route("/landed", answer(feed))
        (tmp_path / "config.toml").write_text(
            CONFIG.format(
                port=web.port,
                other=other.port,
                base=web.url("").rstrip("/"),
                hub=web.url("/hub"),
                proxy=internet.proxy,
            )
        )
        code, said = run("run", "--once")
        assert code == 0, said
        assert [url for url, _ in internet.asked] == ["http://far.example/feed"]
        asked = {request.path.partition("?")[0]: request for request in web.requests}
        landed = other.requests[0].headers
    basic = asked["/basic"].headers
    assert asked["/basic"].path == "/basic?token=tok-4711"
    assert basic["authorization"] == "Basic " + b64encode(b"me:pw-4711").decode()
    assert (basic["cookie"], basic["user-agent"]) == ("s=pw-4711", "Other/1")
    literal = asked["/literal"].headers["authorization"]
    assert literal == "Basic " + b64encode(b"me:literal").decode()
    assert asked["/away"].headers["authorization"] == "Bearer tok-4711"
    assert "authorization" not in landed
    assert "/hub/some/route" in asked
    said += "".join(run(*words)[1] for words in (["check"], ["feeds"], ["feeds", "--json"]))
    said += run("poll", "basic", "literal", "route")[1]
    said += "".join(path.read_bytes().decode("latin-1") for path in (tmp_path / "state").iterdir())
    assert "rsshub://some/route" in said
    for secret in (*SECRETS.values(), "me:literal", b64encode(b"me:literal").decode()):
        assert secret not in said


def test_a_tag_s_options_hold_while_its_feed_is_found(
    tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    feed = answer(str(rss().body))
    with WebServer() as web, WebServer() as other:
        head = f'<link rel=alternate type=application/rss+xml href="{other.url("/feed")}">'
        web.route("/site", answer(f"<html>{head}", content_type="text/html"))
        other.route("/feed", feed)
        (tmp_path / "config.toml").write_text(
            f'[poll]\nallow_private = ["127.0.0.1:{web.port}", "127.0.0.1:{other.port}"]\n'
            '[tags.work]\ntoken = "${TOKEN}"\n'
        )
        code, said = run("add", web.url("/site"), "--tag", "work", "--dry-run")
        assert (code, other.url("/feed") in said) == (0, True)
        assert web.requests[0].headers["authorization"] == "Bearer tok-4711"
        assert "authorization" not in other.requests[0].headers
