"""What very many feeds cost: the start of the daemon, and its rest.

The daemon starts on a list of feeds as an import leaves it, with a database that is empty,
and with one that has followed them all for a while; the latter then runs on, at its budget,
against an embedded server that has nothing new.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from tests.bench.peers.__main__ import Server
from tests.bench.peers.measure import tree_memory
from tests.bench.scale.state import grow, spread, write_config

_PROGRAM = str(Path(sys.executable).with_name("digestd"))
_SEED = 1_000  # feeds that are really fetched; the others are their copies
_SETTLED = 15.0  # seconds after which a start is over


@dataclass(slots=True)
class Found:
    """What one start, and the rest after it, has cost."""

    title: str
    ready: float  # seconds from exec to "running"
    polled: float  # seconds from exec to the first poll
    cpu: float  # CPU seconds until ready
    peak: float  # MB until ready
    settled: float = 0.0  # MB in the end
    share: float = 0.0  # CPU of one core, in percent, at rest
    asked: float = 0.0  # requests a feed and day, at rest


class Daemon:
    """`digestd run` as a process, and what its log says."""

    def __init__(self, config: Path) -> None:
        environ = {"PATH": os.environ["PATH"], "HOME": str(config.parent), "LANG": "C.UTF-8"}
        self.begun = time.monotonic()
        self._process = subprocess.Popen(
            [_PROGRAM, "-c", str(config), "run"], stderr=subprocess.PIPE, text=True, env=environ
        )
        self.polls = 0
        self.peak = 0.0
        self._seen: dict[str, threading.Event] = {
            event: threading.Event() for event in ("running", "polled")
        }
        self._at: dict[str, tuple[float, float]] = {}
        self._last: list[str] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            event = line.split()[2] if len(line.split()) > 2 else ""
            self.polls += event == "polled"
            if event in self._seen and event not in self._at:
                self._at[event] = time.monotonic() - self.begun, self.cpu()
                self._seen[event].set()
            self._last = [*self._last[-4:], line]

    def wait_for(self, event: str) -> tuple[float, float]:
        """Return the wall and CPU seconds after which the log said `event`."""
        while not self._seen[event].wait(0.1):
            if self._process.poll() is not None:
                raise SystemExit("".join(self._last))
            self.peak = max(self.peak, self.memory())
        return self._at[event]

    def cpu(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        return tree_memory(self._process.pid) / 1024

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._thread.join()


@contextmanager
def running(config: Path) -> Iterator[Daemon]:
    daemon = Daemon(config)
    try:
        yield daemon
    finally:
        daemon.stop()


def started(daemon: Daemon, title: str) -> Found:
    ready, cpu = daemon.wait_for("running")
    polled, _ = daemon.wait_for("polled")
    return Found(title, ready, polled, cpu, daemon.peak)


def rested(daemon: Daemon, found: Found, feeds: int, seconds: float) -> None:
    """Let the daemon do its daily work for a while; note what that costs."""
    time.sleep(_SETTLED)
    polls, cpu, begun = daemon.polls, daemon.cpu(), time.monotonic()
    time.sleep(seconds)
    span = time.monotonic() - begun
    found.share = (daemon.cpu() - cpu) / span * 100
    found.asked = (daemon.polls - polls) / span * 86_400 / feeds
    found.settled = daemon.memory()


def addresses(server: Server, count: int) -> list[str]:
    """Return so many addresses: those of the first feeds, then others of the same documents."""
    first = server.feeds(min(count, _SEED))
    return [first[n % _SEED] + (f"/{n // _SEED}" if n >= _SEED else "") for n in range(count)]


def measure(
    folder: Path, server: Server, feeds: int, seed: Path, chosen: argparse.Namespace
) -> list[Found]:
    urls = addresses(server, feeds)
    own = folder / f"{feeds}"
    config = write_config(own, urls, port=server.port, budget=chosen.budget)
    say(f"{feeds:,} feeds, an empty database")
    with running(config) as daemon:
        found = [started(daemon, f"{feeds:,}, empty")]
    for old in own.glob("digestd.db*"):
        old.unlink()
    shutil.copy(seed, own / "digestd.db")
    grow(own / "digestd.db", urls)
    spread(own / "digestd.db")
    say(f"{feeds:,} feeds, followed already; then {chosen.watch:g} s of rest")
    with running(config) as daemon:
        found.append(started(daemon, f"{feeds:,}, followed already"))
        if chosen.watch:
            rested(daemon, found[-1], feeds, chosen.watch)
    return found


def seeded(folder: Path, server: Server, budget: float) -> Path:
    """Return a database that has fetched the first feeds, and found their price."""
    config = write_config(folder, addresses(server, _SEED), port=server.port, budget=budget)
    say(f"{_SEED:,} feeds fetched for a beginning")
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    argv = [_PROGRAM, "-c", str(config), "run", "--once", "--all"]
    subprocess.run(argv, check=True, stderr=subprocess.DEVNULL, env=environ)
    return folder / "digestd.db"


def show(found: list[Found]) -> None:
    click.echo("| feeds | ready, s | first poll, s | CPU s | peak MB | settled MB | % of a core |")
    click.echo("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for one in found:
        cells = f"{one.ready:.2f} | {one.polled:.2f} | {one.cpu:.2f} | {one.peak:.0f}"
        rest = f"{one.settled:.0f} | {one.share:.2f}" if one.settled else "|"
        click.echo(f"| {one.title} | {cells} | {rest} |")
    for one in found:
        if one.asked:
            click.echo(f"{one.title}: {one.asked:.1f} requests a feed and day")


def say(line: str) -> None:
    click.echo(line, err=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench scale", description=__doc__)
    parser.add_argument("--feeds", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--watch", type=float, default=60.0, help="seconds at rest (0: none)")
    parser.add_argument("--budget", type=float, default=24.0, help="requests a feed and day")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="digestd-bench-"))
    server = Server(folder, tls=False)
    try:
        seed = seeded(folder / "seed", server, chosen.budget)
        found = []
        for feeds in chosen.feeds:
            found += measure(folder, server, feeds, seed, chosen)
        show(found)
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
