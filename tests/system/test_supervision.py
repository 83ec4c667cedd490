"""The daemon under systemd, on the web port, and when one of its loops crashes."""

from __future__ import annotations

import logging
import socket
import threading
from pathlib import Path

import httpx
import pytest

from digestd.app import App
from digestd.clock import system_clock
from digestd.config.feedsfile import add_feed
from digestd.daemon import Daemon, supervisor
from tests.support.daemon import RunningDaemon


def write_config(folder: Path, listen: str = "") -> Path:
    path = folder / "config.toml"
    path.write_text(f'[web]\nlisten = "{listen}"\n[channels]\nscreen = "terminal://"\n')
    return path


class Listener:
    """Hears what a service tells systemd."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self.words: list[str] = []
        self._heard = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                heard = self._socket.recv(4096).decode()
            except OSError:
                return
            with self._heard:
                self.words += heard.splitlines()
                self._heard.notify_all()

    def hears(self, word: str, seconds: float = 10) -> bool:
        with self._heard:
            return self._heard.wait_for(lambda: word in self.words, seconds)

    def close(self) -> None:
        self._socket.close()


def test_systemd_hears_of_readiness_life_and_the_end(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    daemon = RunningDaemon(
        write_config(tmp_path), NOTIFY_SOCKET=str(listener.path), WATCHDOG_USEC="3000000"
    )
    daemon.start()
    assert listener.hears("READY=1"), daemon.log()
    assert listener.hears("WATCHDOG=1"), daemon.log()
    assert daemon.stop() == 0
    assert listener.hears("STOPPING=1")
    listener.close()


def test_healthz_answers_and_there_is_nothing_else(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    listener = Listener(tmp_path)
    config = write_config(tmp_path, f"127.0.0.1:{port}")
    daemon = RunningDaemon(config, NOTIFY_SOCKET=str(listener.path))
    daemon.start()
    assert listener.hears("READY=1"), daemon.log()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as web:
        transport_retries(web)
        assert web.get("/healthz").text == "ok\n"
        assert web.get("/").status_code == 404
        # A second one finds the port in use: a warning, and the rest runs.
        second = tmp_path / "second"
        second.mkdir()
        neighbour = Listener(second)
        other = RunningDaemon(
            write_config(second, f"127.0.0.1:{port}"),
            NOTIFY_SOCKET=str(neighbour.path),
            WATCHDOG_USEC="3000000",
        )
        other.start()
        assert neighbour.hears("WATCHDOG=1"), other.log()
        assert other.stop() == 0
        assert "web port not opened" in other.log()
        neighbour.close()
    assert daemon.stop() == 0
    listener.close()


def transport_retries(web: httpx.Client) -> None:
    """Wait until the port is open: readiness is told before the web server listens."""
    for _ in range(200):
        try:
            web.get("/healthz")
        except httpx.TransportError:
            threading.Event().wait(0.05)
        else:
            return


class Log(logging.Handler):
    """Keeps what was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


async def test_a_loop_that_crashes_is_logged_and_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_RESTART", 0.01)
    log = Log()
    monkeypatch.setattr(logging.getLogger("digestd"), "handlers", [log])
    daemon = Daemon(App({}, system_clock, str(write_config(tmp_path))))
    runs: list[int] = []

    async def loop() -> None:
        runs.append(len(runs))
        if len(runs) < 3:
            raise ValueError("a bug")

    await daemon._keep_running("poll", loop)
    assert runs == [0, 1, 2]
    crashed = [line for line in log.lines if line.startswith("loop crashed")]
    assert len(crashed) == 2
    assert all("loop=poll" in line for line in crashed)


def test_what_commands_write_is_taken_up_at_once(tmp_path: Path) -> None:
    listener = Listener(tmp_path)
    daemon = RunningDaemon(write_config(tmp_path), NOTIFY_SOCKET=str(listener.path))
    daemon.start()
    assert listener.hears("READY=1"), daemon.log()
    add_feed(tmp_path / "feeds.toml", {"url": "http://127.0.0.1:8/feed"})
    assert listener.hears("STATUS=following 1 feeds"), daemon.log()
    assert daemon.stop() == 0
    listener.close()
