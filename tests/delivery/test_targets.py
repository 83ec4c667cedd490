"""What an owner may write for a channel, and what he is told of what he may not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import apprise
import pytest
from apprise.plugins.email.templates import EMAIL_TEMPLATES

from digestd.core.models import Channel, MailServer
from digestd.delivery.mailservers import Route, Security, guess_routes
from digestd.delivery.target import Hook, Smtp
from digestd.delivery.targets import open_target
from digestd.errors import ConfigError
from tests.support.messages import target

SERVER = MailServer("smtp.qq.com", user="me@qq.com", password="hunter22", sender="Me <me@qq.com>")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "no address"),
        ("me@qq.com", "no address"),
        ("terminal", "no address"),
        ("terminal://x", "takes nothing"),
        ("maildir://relative", "absolute path"),
        ("maildir:///a/../../etc", "absolute path"),
        ("file:///a%00b", "absolute path"),
        ("mail:", "needs a mail address"),
        ("mail:nobody", "no mail address"),
        ("mail:a@b@c", "no mail address"),
        ("mail:a@example.org%0d%0abcc", "mail address"),
        ("mail:a b@example.org", "mail address"),
        ("xmpp://user:secretpw@host", "use xmpps://"),
        ("json://", "expected json://host/path"),
        ("json://host:port/x", "expected json://host/path"),
        ("json://ho st/secret", "expected json://host/path"),
        ("jsons://[::1/secret", "expected jsons://host/path"),
        ("json://host/?method=secret", "method is none of"),
        ("bark://127.0.0.1:99999/secretkey", "99999 is no port"),
        ("dingtalk://abcdefghijklmnopq/secret", "Dropped invalid phone"),
        ("46elks://secretsecret", "not understood as 46elks://"),
        ("twilio://secretsid:secrettoken@+5/+0", "Twilio Account SID"),
        ("slakc://token", "did you mean slack://?"),
        ("zzzz://secretsecret", "no service that Apprise knows"),
        ("tgram://secretsecret", "not understood as tgram://"),
        ("mailto://u:secretpw@gmail.com?to=x", "no mail address"),
        ("smpps://u:secretpw@host/12025550123/12025550124", "pip install smpplib"),
    ],
)
def test_a_bad_address_is_refused_in_words_without_secrets(url: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        target(url, SERVER)
    assert caught.value.key == "channels.here.url"
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)


def test_mail_without_a_server_says_what_is_missing() -> None:
    with pytest.raises(ConfigError, match="needs the \\[mail\\] table"):
        target("mail:a@example.org")


@pytest.mark.parametrize("scheme", ["mqtt", "xmpps"])
def test_a_missing_library_is_named_with_its_extra(scheme: str) -> None:
    library = {"mqtt": "paho", "xmpps": "slixmpp"}[scheme]
    try:
        __import__(library)
    except ImportError:
        extra = {"mqtt": "mqtt", "xmpps": "xmpp"}[scheme]
        with pytest.raises(ConfigError, match=f"digestd\\[{extra}\\]"):
            target(f"{scheme}://user:pw@localhost/x")
    else:
        assert target(f"{scheme}://user:pw@localhost/x").form == "apprise"


def test_recipients_are_rows_of_their_own() -> None:
    assert target("mail:a@example.org,b@example.org,A@example.org", SERVER).recipients == (
        "a@example.org",
        "b@example.org",
    )
    url = "mailto://localhost?from=x@example.org&to=a@example.org,b@example.org&bcc=c@example.org"
    assert target(url).recipients == ("a@example.org", "b@example.org", "c@example.org")
    token = "123456789:ABCdefghijklmnop_ABCdefghijklmnop12"
    assert target(f"tgram://{token}/12345/678:9").recipients == ("12345", "678:9")
    assert target(f"tgram://{token}/12345").recipients == ("",)


@pytest.mark.parametrize(
    "url",
    [
        "tgram://123456789:ABCdefghijklmnop_ABCdefghijklmnop12/12345",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "bark://127.0.0.1/DEVICEKEY12345",
        "dingtalk://SECdeadbeefdeadbeef@abcdefghijklmnopq",
        "wecombot://12345678-1234-1234-1234-123456789abc",
        "schan://SCT12345abcdefg",
        "ntfys://tk_abcdefghijklmnopqrstuvwxyz012@ntfy.example/topic?auth=token",
        "matrixs://bot:hunter22@matrix.example/#room",
        "jsons://me:hunter22@example.org/in/Hk8sdf7sdf?%2BAuthorization=Bearer%20abcdef",
        "mailto://me:hunter22@qq.com",
    ],
)
def test_what_may_be_shown_holds_no_secret(url: str) -> None:
    to = target(url)
    for secret in (
        "ABCdefghij", "TIiajkdn", "JHMHI8", "DEVICEKEY", "SECdead", "abcdefghijklm",
        "123456789abc", "hunter22", "Hk8sdf7sdf", "Bearer", "abcdefg",
    ):  # fmt: skip
        assert secret not in to.masked + repr(to)


def test_the_presets_of_providers_hold() -> None:
    via = target("mailto://me:pw@qq.com?to=you@example.org").via
    assert isinstance(via, Smtp)
    assert (via.host, via.user) == ("smtp.qq.com", "me@qq.com")
    via = target("mailto://me:pw@163.com").via
    assert isinstance(via, Smtp)
    assert via.routes == (Route(465, "tls"),)


def test_port_465_means_tls_at_once() -> None:
    via = target("mailtos://me:pw@mx.example.org:465?to=you@example.org").via
    assert isinstance(via, Smtp)
    assert via.routes == (Route(465, "tls"),)


@pytest.mark.parametrize(
    ("server", "port", "security", "first"),
    [
        ("smtp.qq.com", None, None, Route(587, "starttls")),
        ("smtp.163.com", None, None, Route(465, "tls")),
        ("mx.example.org", None, None, Route(587, "starttls")),
        ("mx.example.org", 465, None, Route(465, "tls")),
        ("mx.example.org", 587, None, Route(587, "starttls")),
        ("mx.example.org", 25, None, Route(25, "auto")),
        ("mx.example.org", 2525, "tls", Route(2525, "tls")),
        ("mx.example.org", None, "tls", Route(465, "tls")),
        ("localhost", None, None, Route(25, "auto")),
        ("127.0.0.1", 1025, None, Route(1025, "auto")),
        ("::1", None, "none", Route(25, "none")),
    ],
)
def test_port_and_protection_are_guessed(
    server: str, port: int | None, security: str | None, first: Route
) -> None:
    routes = guess_routes(server, port, security)  # type: ignore[arg-type]
    assert routes[0] == first


def test_a_server_elsewhere_is_never_guessed_to_be_open() -> None:
    assert {road.security for road in guess_routes("mx.example.org")} == {"tls", "starttls"}


def test_the_guess_agrees_with_apprises_presets() -> None:
    modes: dict[str, Security] = {"ssl": "tls", "starttls": "starttls"}
    presets: list[Any] = [facts for *_, facts in EMAIL_TEMPLATES]
    presets = [facts for facts in presets if facts.get("smtp_host")]
    assert len(presets) > 10
    for facts in presets:
        road = Route(facts["port"], modes[facts["secure_mode"]])
        assert guess_routes(facts["smtp_host"])[0] == road, facts["smtp_host"]


def test_own_schemes_are_known_to_apprise(tmp_path: Path) -> None:
    target("ntfy://localhost/topic")
    plugin = apprise.Apprise.instantiate(f"maildir://{tmp_path}/Mail")
    assert plugin is not None
    assert plugin.notify(body="x", title="y")
    assert apprise.Apprise.instantiate("maildir://relative") is None


@pytest.mark.parametrize(
    ("url", "proxy", "told"),
    [
        ("mail:a@example.org", "https://127.0.0.1:1", "mail, MQTT and XMPP take an http://"),
        ("mailto://u:p@qq.com", "https://127.0.0.1:1", "mail, MQTT and XMPP take an http://"),
        ("syslog://", "http://127.0.0.1:1", "syslog:// cannot go through a proxy"),
        ("terminal://", "http://127.0.0.1:1", "needs no proxy"),
        ("json://example.org", "ftp://127.0.0.1", "must begin with"),
    ],
)
def test_a_proxy_that_cannot_serve_is_refused(url: str, proxy: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        open_target(Channel("here", url, proxy=proxy), SERVER)
    assert caught.value.key == "channels.here.proxy"


@pytest.mark.parametrize(
    ("url", "wish", "told"),
    [
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", {"priority": "high"}, "has no"),
        ("tgram://123456789:ABCdefghijklmnop_ABCdefghijklmnop12/1", {"priority": "high"},
         "knows silent, normal"),
        ("terminal://", {"priority": "low"}, "has no priorities"),
        ("terminal://", {"prefix": "x"}, "has no place"),
        ("ntfy://localhost/x", {"threads": True}, "is for mail"),
        ("json://localhost/x", {"unsubscribe": ("https://x",)}, "is for mail"),
    ],
)  # fmt: skip
def test_a_wish_that_a_service_cannot_fulfil_is_refused(
    url: str, wish: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        open_target(Channel("here", url, **wish), SERVER)
    assert caught.value.key == f"channels.here.{next(iter(wish))}"


@pytest.mark.parametrize(
    "url",
    [
        "json://localhost",
        "json://localhost/",
        "JSON://Example.ORG/Path/To",
        "jsons://example.org:8443/a%20b/c?verify=no",
        "json://me@example.org",
        "json://me:pa%20ss%40@example.org:8080/in/Deep",
        "json://[::1]:8080/x",
        "json://10.0.0.1/?method=put&+X-Key=k1&-q=1&:title=subject&:type=&:room=a%26b",
        "json://example.org/hook?%2BAuthorization=Bearer%20abc&retry=3;-x=y",
        "json://example.org/a/b/?+X+Y=z",
    ],
)
def test_a_webhooks_address_is_read_as_apprise_reads_it(url: str) -> None:
    plugin: Any = apprise.Apprise.instantiate(url)
    via = target(url).via
    assert isinstance(via, Hook)
    host = f"{plugin.host}:{plugin.port}" if plugin.port else plugin.host
    address = f"{'https' if plugin.secure else 'http'}://{host}{plugin.fullpath or ''}"
    assert via.url.lower().rstrip("/") == address.lower().rstrip("/")
    assert via.method == plugin.method
    assert dict(via.headers) == plugin.headers
    assert dict(via.params) == plugin.params
    assert dict(via.payload) == plugin.payload_extras
    assert (via.user, via.password) == (plugin.user or "", plugin.password or "")
    assert via.verify == plugin.verify_certificate


def test_apprise_is_loaded_only_by_channels_that_need_it(tmp_path: Path) -> None:
    program = f"""
import sys
from digestd.core.models import Channel, MailServer
from digestd.delivery.senders import make_sender
from digestd.delivery.targets import open_target
import ssl
mail = MailServer("smtp.example.org", user="me@example.org", password="x", sender="me@example.org")
for url in ("mail:a@example.org", "json://localhost/", "maildir://{tmp_path}", "terminal://"):
    make_sender(open_target(Channel("x", url), mail), tls=ssl.create_default_context).close()
print(*(name for name in ("apprise", "requests") if name in sys.modules))
"""
    told = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60
    )
    assert (told.stdout, told.stderr) == ("\n", "")
