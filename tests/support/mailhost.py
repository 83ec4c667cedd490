"""Postfix and Dovecot on 127.0.0.1, for tests: mail handed in by submission, read back by IMAP.

    with MailHost(folder, authority) as host:
        ...send to anybody@example.org through localhost:{host.smtp_port} (STARTTLS and AUTH)...
        mails = host.read()

Both are started by hand, in `folder`, on ports of their own, and end with the
block; nothing of the machine's own mail is touched. Needs root: Postfix changes users.
"""

from __future__ import annotations

import imaplib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.foreign import free_port
from tests.support.needs import missing, need
from tests.support.webserver import Authority

USER, PASSWORD = "reader@example.org", "correct-horse"
_UID = 5000  # of the mailbox; nobody has to be called so

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_database_type = hash
alias_maps =
local_recipient_maps =
mynetworks =
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {folder}/server.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
virtual_mailbox_domains = example.org
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 1
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
"""
# `postfix start` would see to these, and take two seconds for it.
_QUEUES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
    *("maildrop", "private", "public", "saved", "trace"),
)
_SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_DOVECOT = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:{folder}/mail/inbox
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={folder}/mail
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
"""


class MailHost:
    """See the module."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        postfix, dovecot = need("postfix"), need("dovecot")
        if os.geteuid() != 0:
            missing("needs root, for Postfix changes users")
        self._folder = folder
        self.smtp_port, self._imap_port = free_port(), free_port()
        self._running: list[subprocess.Popen[bytes]] = []
        authority.write_server_pem(folder / "server.pem", "localhost")
        for name in ("data", "mail", "conf", "queue", "queue/pid"):
            (folder / name).mkdir()
        for name in ("data", *(f"queue/{queue}" for queue in _QUEUES)):
            (folder / name).mkdir(exist_ok=True)
            shutil.chown(folder / name, "postfix")
        os.chown(folder / "mail", _UID, _UID)
        conf, daemons = folder / "conf", _daemons(postfix)
        self._commands = (
            [str(daemons / "master"), "-d", "-c", str(conf)],
            [dovecot, "-F", "-c", str(folder / "dovecot.conf")],
        )
        facts = {"folder": folder, "uid": _UID, "password": PASSWORD, "daemons": daemons}
        (conf / "main.cf").write_text(_MAIN.format(**facts))
        (conf / "master.cf").write_text(_SERVICES.format(port=self.smtp_port))
        for name in ("main.cf", "master.cf"):
            os.utime(conf / name, (0, 0))  # Postfix waits until they are some seconds old
        (folder / "dovecot.conf").write_text(_DOVECOT.format(port=self._imap_port, **facts))

    def __enter__(self) -> Self:
        # Every user on the way has to be let through to its own folder.
        for place in (self._folder, *self._folder.parents):
            if place.stat().st_uid == os.geteuid() and place != Path("/"):
                place.chmod(place.stat().st_mode | 0o055)
        self._running = [
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in self._commands
        ]
        try:
            for port in (self.smtp_port, self._imap_port):
                _until(partial(_answers, port), f"nobody at {port}: {self.log()}")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def read(self, count: int, timeout: float = 8.0) -> list[EmailMessage]:
        """Return the mails in the inbox, oldest first, once there are `count`."""
        with imaplib.IMAP4("127.0.0.1", self._imap_port, timeout=timeout) as imap:
            imap.login(USER, PASSWORD)
            imap.select("INBOX")

            def numbers() -> list[bytes]:
                imap.noop()
                return imap.search(None, "ALL")[1][0].split()

            _until(lambda: len(numbers()) >= count, f"mail is missing: {self.log()}", timeout)
            raw = [imap.fetch(number.decode(), "(BODY.PEEK[])")[1][0] for number in numbers()]
        return [
            message_from_bytes(part[1], policy=policy.default)
            for part in raw
            if isinstance(part, tuple)
        ]

    def log(self) -> str:
        """Return what both have written, for whoever looks into a failure."""
        return "".join(
            path.read_text(errors="replace") for path in sorted(self._folder.glob("*.log"))
        )

    def _stop(self) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(10)


def _daemons(postfix: str) -> Path:
    """Return the folder of Postfix's daemons."""
    asked = [str(Path(postfix).with_name("postconf")), "-dh", "daemon_directory"]
    return Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            return bool(connection.recv(1))
    except OSError:
        return False


def _until(true: Callable[[], bool], otherwise: str, timeout: float = 8.0) -> None:
    end = time.monotonic() + timeout
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(0.05)
