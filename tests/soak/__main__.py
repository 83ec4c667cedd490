"""`./dev soak`: 10,000 deliveries over five channels, of which one hangs and one fails.

Two real daemons send to real webhooks side by side, so that whatever else the
machine does slows both: one to three healthy channels, the other to the same
three beside the ill ones. There the healthy ones may lose a tenth of their rate.
Then the ill ones are healed, and in the end everything has arrived; only what
hung meanwhile may have arrived twice.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from digestd.core.messages import Message
from digestd.core.models import Channel
from digestd.delivery.compose import compose
from digestd.delivery.targets import open_target
from digestd.store import channels, ledger, outbox
from digestd.store.db import connect, write_transaction
from tests.support.daemon import RunningDaemon

HEALTHY = ("one", "two", "three")
ILL = ("hangs", "fails")
_MOST_LOST = 0.10
_MOST_TWICE = 1  # the one that hung while its channel was healed
_PATIENCE = 120.0


def main() -> int:
    """Run it; return 0 if the promise holds."""
    parser = argparse.ArgumentParser(prog="./dev soak")
    parser.add_argument("--each", type=int, default=2000, help="deliveries to each channel")
    parser.add_argument("--tries", type=int, default=3, help="how often, if a machine is restless")
    arguments = parser.parse_args()
    click.echo(f"{arguments.each * 5:,} deliveries to five webhooks, each settled on the disk")
    alone = beside = 0
    for _ in range(arguments.tries):
        with tempfile.TemporaryDirectory(prefix="digestd-soak-") as name:
            one, other, whole = side_by_side(Path(name), arguments.each)
        alone, beside = alone + one, beside + other
        lost = max(0.0, 1 - beside / alone)
        click.echo(f"the healthy ones lost {lost:.1%} of their rate; {_MOST_LOST:.0%} are allowed")
        if not whole:
            return 1
        if lost <= _MOST_LOST:
            return 0
    return 1


def side_by_side(folder: Path, each: int) -> tuple[int, int, bool]:
    """Return what the healthy channels took in one time, alone and beside ill ones.

    And whether, once those are healed, everything has arrived, and once.
    """
    alone = Run(folder / "alone", HEALTHY, each)
    beside = Run(folder / "beside", (*HEALTHY, *ILL), each)
    with alone.sending(), beside.sending():
        alone.wait(HEALTHY)
        beside.wait(HEALTHY)
        meanwhile = beside.arrived()
        beside.heal()
        beside.wait(beside.names)
    both = [run.moments(HEALTHY) for run in (alone, beside)]
    begun, done = max(m[0] for m in both), min(m[-1] for m in both)
    one, other = (sum(begun <= at <= done for at in moments) for moments in both)
    span = done - begun
    click.echo(f"three healthy channels alone           {one / span:5.0f} a second")
    click.echo(f"beside one that hangs, one that fails  {other / span:5.0f} a second")
    click.echo(
        f"  meanwhile they took {meanwhile['hangs']} and {meanwhile['fails']}; healed, all five"
        f" have {sum(beside.arrived().values()):,}, {beside.repeats()} of them twice"
    )
    return one, other, beside.repeats() <= _MOST_TWICE


class Run:
    """A daemon with a full outbox, and the sink that it sends to."""

    def __init__(self, folder: Path, names: Sequence[str], each: int) -> None:
        folder.mkdir()
        self.folder, self.names, self.each = folder, names, each
        self.log = folder / "accepted.log"
        self.log.touch()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Fill the outbox and run the daemon on it."""
        command = [sys.executable, "-m", "tests.soak.sink", str(self.log)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sink:
            assert sink.stdout is not None
            self.port = int(sink.stdout.readline())
            daemon = RunningDaemon(self._config())
            self._fill()
            daemon.start()
            try:
                yield
            finally:
                daemon.stop(signal.SIGTERM)
                self._get("end")

    def _config(self) -> Path:
        lines = "".join(f'{n} = "json://127.0.0.1:{self.port}/{n}"\n' for n in self.names)
        config = self.folder / "config.toml"
        config.write_text(f'[web]\nlisten = ""\n[notices]\nto = []\n[channels]\n{lines}')
        return config

    def _fill(self) -> None:
        db = connect(self.folder / "state" / "digestd.db")
        now = datetime.now(UTC)
        url = f"json://127.0.0.1:{self.port}/"
        targets = {name: open_target(Channel(name, url + name), None) for name in self.names}
        with write_transaction(db):
            channels.know(db, self.names)
            for number in range(self.each):
                message = Message("alert", f"alert/{number}", f"Post {number}", "text", "", now)
                pieces = [
                    (name, piece) for name in targets for piece in compose(targets[name], message)
                ]
                outbox.put(
                    db, outbox.Outgoing(message.identity, "alert", message.title, pieces), now
                )
        db.conn.close()

    def heal(self) -> None:
        """Make the ill channels well, and let nobody wait for their next try."""
        self._get("heal")
        db = connect(self.folder / "state" / "digestd.db")
        with write_transaction(db):
            for one in ledger.listing(db, ["due"], limit=100_000):
                if one.attempts:
                    outbox.retry(db, one.id, datetime.now(UTC))
        db.conn.close()

    def wait(self, names: Sequence[str]) -> None:
        """Wait until everything for these channels has arrived."""
        end = time.monotonic() + _PATIENCE
        while any(self.arrived()[name] < self.each for name in names):
            if time.monotonic() > end:
                sys.exit(f"not all arrived in {_PATIENCE:.0f} s: {dict(self.arrived())}")
            time.sleep(0.1)

    def _lines(self) -> list[tuple[str, str, float]]:
        whole, _, _ = self.log.read_text().rpartition("\n")
        rows = (line.split() for line in whole.splitlines())
        return [(name, key, float(at)) for name, key, at in rows]

    def arrived(self) -> Counter[str]:
        """Return how many different deliveries each channel has accepted."""
        return Counter(name for name, _ in {(name, key) for name, key, _ in self._lines()})

    def repeats(self) -> int:
        """Return how many arrived once more than they should."""
        lines = self._lines()
        return len(lines) - len({(name, key) for name, key, _ in lines})

    def moments(self, names: Sequence[str]) -> list[float]:
        """Return when these channels have accepted something, in order."""
        return sorted(at for name, _, at in self._lines() if name in names)

    def _get(self, path: str) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=10):
            pass


if __name__ == "__main__":
    sys.exit(main())
