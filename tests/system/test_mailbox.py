"""Mail as it lies in a mailbox: through Postfix into Dovecot, and out again by IMAP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.mailhost import PASSWORD, USER, MailHost
from tests.support.webserver import Authority, WebServer, answer

CONFIG = """\
[mail]
server = "localhost"
port = {smtp}
security = "starttls"
user = "{user}"
password = "${{MAIL_PASSWORD}}"
from = "数学简报 <digestd@example.org>"

[channels.inbox]
url = "mail:reader@example.org"
threads = true

[digests.daily]
when = "manual"
to = ["inbox"]

[[feeds]]
url = "{feed}"
id = "growing"
alert = ["inbox"]
first = "all"

[poll]
allow_private = ["127.0.0.1:{web}"]

[web]
listen = ""
"""


def digestd(config: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    known = {**os.environ, "STATE_DIRECTORY": str(config.parent / "state"), **environ}
    command = [sys.executable, "-X", "faulthandler", "-m", "digestd", "-c", str(config)]
    with subprocess.Popen(
        [*command, *arguments],
        env=known,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=45)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # it says where it is
            out, err = process.communicate()
            pytest.fail(f"{arguments} does not end: {out}\n{err}")
        return subprocess.CompletedProcess(command, process.returncode, out, err)


def publish(web: WebServer, *posts: str) -> None:
    """Let the feed hold `posts`; nothing in it leads away from this machine."""
    date = format_datetime(datetime.now(UTC))
    items = "".join(
        f"<item><guid>{post}</guid><title>{post}</title><pubDate>{date}</pubDate>"
        f"<link>{web.url('/' + post)}</link><description>text</description></item>"
        for post in reversed(posts)
    )
    web.route(
        "/feed", answer(f'<rss version="2.0"><channel><title>Feed</title>{items}</channel></rss>')
    )


def test_a_real_mailbox_shows_every_header(tmp_path: Path) -> None:
    authority = Authority()
    home = tmp_path / "home"
    home.mkdir()
    authorities = home / "ca.pem"
    authorities.write_bytes(authority.pem)
    # Postfix's own user has to get in, where pytest lets nobody: whoever starts another run
    # closes the folder of all runs.
    with (
        TemporaryDirectory() as host,
        MailHost(Path(host), authority) as mailhost,
        WebServer() as web,
    ):
        publish(web, "first")
        config = home / "config.toml"
        facts = {"smtp": mailhost.smtp_port, "web": web.port, "user": USER}
        config.write_text(CONFIG.format(feed=web.url("/feed"), **facts), "utf-8")
        config.chmod(0o600)
        secrets = {"MAIL_PASSWORD": PASSWORD, "SSL_CERT_FILE": str(authorities)}
        told = digestd(config, "run", "--once", "--all", **secrets)
        assert told.returncode == 0, told.stderr
        publish(web, "first", "second", "third")
        told = digestd(config, "run", "--once", "--all", **secrets)
        assert told.returncode == 0, told.stderr
        told = digestd(config, "send", "daily", **secrets)
        assert told.returncode == 0, told.stderr
        mails = mailhost.read(3)

        refused = digestd(config, "test", "inbox", **{**secrets, "MAIL_PASSWORD": "wrong"})
        assert refused.returncode == 1
        assert "535" in refused.stdout
        assert "wrong" not in refused.stdout + refused.stderr

    alerts, (digest,) = mails[:2], mails[2:]
    assert len({mail["Message-ID"] for mail in mails}) == 3
    for mail in mails:
        assert mail["Message-ID"].endswith("@example.org>")
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["X-Auto-Response-Suppress"] == "All"
        assert mail["Precedence"] == "bulk"
        assert mail["List-Unsubscribe"].startswith("<mailto:digestd@example.org?subject=")
        assert mail["From"].addresses[0].display_name == "数学简报"
        assert mail["To"] == "reader@example.org"
        assert mail["Date"].datetime
        assert mail["Return-Path"] == "<digestd@example.org>"
        assert not mail.defects
        assert next(part.get_content_type() for part in mail.iter_parts()) == "text/plain"
        page = mail.get_body(("html",))
        assert page is not None
        assert "</html>" in page.get_content()
    assert {str(mail["Subject"]) for mail in alerts} == {"Feed: second", "Feed: third"}
    assert {str(mail["List-Id"]) for mail in alerts} == {"<growing.alert.digestd.example.org>"}
    assert alerts[0]["References"] == alerts[1]["References"] == alerts[0]["In-Reply-To"]
    assert digest["List-Id"] == "<daily.digest.digestd.example.org>"
    assert digest["References"] is None
