"""Mosquitto on 127.0.0.1, for tests: a broker with one user.

with Broker(folder) as broker:
    ...publish to mqtt://reader:secret@127.0.0.1:{broker.port}/topic...
    broker.wait_for(1)
    assert broker.inbox[0] == ("topic", "text")
"""

from __future__ import annotations

import queue
import ssl
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.foreign import ForeignServer, free_port
from tests.support.needs import need

USER, PASSWORD = "reader", "s3cr3t-word"


class Broker:
    """See the module. With `pem` (key and certificates) it speaks TLS."""

    def __init__(self, folder: Path, pem: Path | None = None) -> None:
        program = need("mosquitto")
        self.port = free_port()
        self._arrived: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        words = folder / "passwords"
        tool = need("mosquitto_passwd")
        subprocess.run([tool, "-b", "-c", str(words), USER, PASSWORD], check=True)
        words.chmod(0o644)
        tls = f"certfile {pem}\nkeyfile {pem}\n" if pem else ""
        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\n{tls}allow_anonymous false\npassword_file {words}\n"
            "user root\npersistence false\n"
        )
        self._command = [program, "-c", str(config)]
        self._tls = pem is not None
        self._server: ForeignServer | None = None
        self._reader: Any = None

    def next(self, timeout: float = 5.0) -> tuple[str, str]:
        """Return topic and text of the next message; queue.Empty if none comes."""
        return self._arrived.get(timeout=timeout)

    def __enter__(self) -> Self:
        self._server = ForeignServer(self._command, self.port)
        self._subscribe()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.disconnect()
        self._reader.loop_stop()
        self.stop()

    def stop(self) -> None:
        """End the broker."""
        assert self._server is not None
        self._server.stop()

    def _subscribe(self) -> None:
        ready: queue.SimpleQueue[bool] = queue.SimpleQueue()
        reader: Any = paho.Client(CallbackAPIVersion.VERSION2)
        reader.username_pw_set(USER, PASSWORD)
        if self._tls:
            reader.tls_set(cert_reqs=ssl.CERT_NONE)
            reader.tls_insecure_set(True)
        reader.on_connect = lambda *_: reader.subscribe("#", qos=1)
        reader.on_subscribe = lambda *_: ready.put(True)
        reader.on_message = lambda _c, _d, got: self._arrived.put((got.topic, got.payload.decode()))
        reader.connect("127.0.0.1", self.port)
        reader.loop_start()
        self._reader = reader
        ready.get(timeout=5)
