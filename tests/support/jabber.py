"""Prosody on 127.0.0.1, for tests: a server of XMPP with the accounts bot and reader.

with Jabber(folder, authority) as jabber:
    ...send as bot@localhost to reader@localhost at 127.0.0.1:{jabber.port}...
    assert "text" in jabber.kept()
"""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.foreign import ForeignServer, free_port
from tests.support.needs import need
from tests.support.webserver import Authority

PASSWORD = "s3cr3t-word"
_CONFIG = """\
daemonize = false
run_as_root = true
pidfile = "{folder}/pid"
data_path = "{folder}/data"
certificates = "{folder}"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
modules_enabled = {{ "roster"; "saslauth"; "tls"; "offline"; "message"; "disco" }}
modules_disabled = {{ "s2s"; "http"; "admin_shell"; "admin_socket" }}
c2s_require_encryption = true
authentication = "internal_plain"
log = {{ error = "{folder}/log" }}
VirtualHost "localhost"
  ssl = {{ key = "{folder}/server.pem"; certificate = "{folder}/server.pem" }}
Component "rooms.localhost" "muc"
  restrict_room_creation = true
"""


class Jabber:
    """See the module."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self._program = need("prosody")
        self._folder = folder
        self.port = free_port()
        authority.write_server_pem(folder / "server.pem", "localhost")
        accounts = folder / "data" / "localhost" / "accounts"
        accounts.mkdir(parents=True)
        for name in ("bot", "reader"):
            (accounts / f"{name}.dat").write_text(f'return {{ ["password"] = "{PASSWORD}"; }};\n')
        (folder / "prosody.cfg.lua").write_text(_CONFIG.format(folder=folder, port=self.port))
        self._server: ForeignServer | None = None

    def kept(self) -> str:
        """Return what is kept for the reader, who is away."""
        found = (self._folder / "data").glob("localhost/offline/reader.list")
        raw = b"".join(path.read_bytes() for path in found)
        # Lua writes what is not ASCII as its bytes, in decimal.
        return re.sub(rb"\\(\d{3})", lambda sign: bytes([int(sign[1])]), raw).decode()

    def __enter__(self) -> Self:
        config = str(self._folder / "prosody.cfg.lua")
        command = [self._program, "--root", "-F", "--config", config]
        self._server = ForeignServer(command, self.port, self._folder / "log")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.stop()
