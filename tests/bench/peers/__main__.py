"""What following feeds costs: CPU, time and memory of whole processes, beside others.

An embedded server has the feeds, and the sinks for alerts. Each participant follows them from a
state of its own, one pass a process; participants take turns, and each figure is the median of
the runs. CPU is what the kernel accounts to a process and its children, its start included;
memory is the peak of the whole tree (sum of PSS).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import trustme

from tests.bench.peers.history import fill
from tests.bench.peers.measure import Cost, RunFailedError, run
from tests.bench.peers.participants import ALL, DIGESTD, Participant, Setup
from tests.bench.peers.server import HOSTS, address, host, path


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over all feeds, and how they answer in it."""

    name: str
    control: str
    new: int = 0  # new entries of each feed

    @property
    def title(self) -> str:
        return f"{self.name} ({self.new} each)" if self.new > 1 else self.name


@dataclass(slots=True)
class Row:
    """What one pass has cost each participant, run by run."""

    title: str
    costs: dict[str, list[Cost]] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)


def passes(feeds: int, chosen: list[str]) -> list[Pass]:
    """Return the passes in their order: each begins with what the one before has left."""
    many = max(1, round(1_000 / feeds))
    ready = f"make={feeds}"
    every = [
        Pass("first fetch", f"mode=honest&first=0&built=0&{ready}"),
        Pass("nothing new, 304", ""),
        Pass("same bytes, no 304", "mode=deaf"),
        Pass("only the head differs", f"built=7&{ready}"),
        Pass("one new entry of 20, one alert each", f"mode=honest&first=1&{ready}", 1),
        Pass(f"{many * feeds:,} new entries and alerts", f"first={1 + many}&{ready}", many),
    ]
    return [p for n, p in enumerate(every) if n == 0 or not chosen or str(n) in chosen]


class Server:
    """The process of `tests.bench.peers.server`."""

    def __init__(self, folder: Path, *, tls: bool) -> None:
        self.environ: dict[str, str] = {}
        argv = [sys.executable, "-m", "tests.bench.peers.server"]
        if tls:
            authority, ours = trustme.CA(), folder / "ca.pem"
            authority.cert_pem.write_to_path(ours)
            for name in map(host, range(HOSTS)):
                certificate = authority.issue_cert(name).private_key_and_cert_chain_pem
                certificate.write_to_path(folder / f"{name}.pem")
            self.environ = {"SSL_CERT_FILE": str(ours), "REQUESTS_CA_BUNDLE": str(ours)}
            argv += ["--tls", str(folder)]
        self._scheme = "https" if tls else "http"
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        ports = json.loads(self._process.stdout.readline())
        self.port, self.smtp_port = ports["http"], ports["smtp"]
        self.sink = f"http://127.0.0.1:{self.port}/sink"

    def feeds(self, count: int) -> list[str]:
        return [f"{self._scheme}://{address(n)}:{self.port}{path(n)}" for n in range(count)]

    def control(self, query: str) -> None:
        self._get(f"/control?{query}")

    def stats(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self._get("/stats"))
        return found

    def _get(self, path: str) -> bytes:
        answer = urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60)
        with answer:
            return bytes(answer.read())

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


def one_run(
    participant: Participant,
    setup: Setup,
    server: Server,
    rows: list[tuple[Pass, Row]],
    history: int,
    notes: list[str],
) -> None:
    """Let one participant make all passes, from an empty state."""
    server.control("mode=honest&first=0&built=0")
    participant.prepare(setup)
    server.stats()
    for number, (one, row) in enumerate(rows):
        server.control(one.control)
        argv = participant.command(setup, number == 0)
        log = setup.folder / f"pass{number}.log"
        cost = run(argv, environ=setup.environ, log=log, fine=set(participant.fine))
        stats = server.stats()
        row.costs.setdefault(participant.name, []).append(cost)
        row.alerts[participant.name] = stats["posted"] + stats["mailed"]
        asked = stats.get("200", 0) + stats.get("304", 0)
        if asked != len(setup.feeds):
            notes.append(f"{participant.name}, {one.title}: asked {asked:,} times")
        if number == 0 and history and participant is DIGESTD:
            fill(setup.folder / "digestd.db", history)


def measure(chosen: argparse.Namespace, feeds: int, history: int) -> list[Row]:
    """Return the rows for so many feeds."""
    rows = [(p, Row(p.title)) for p in passes(feeds, chosen.rows)]
    participants = [p for p in ALL if p.name in chosen.only]
    notes: list[str] = []
    with scratch(chosen.keep) as folder:
        server = Server(folder, tls=chosen.tls)
        try:
            server.control(f"latency={chosen.latency}")
            for number in range(chosen.runs):
                for participant in participants:
                    own = folder / f"{participant.name}-{feeds}-{history}-{number}"
                    own.mkdir(parents=True)
                    environ = {"PATH": os.environ["PATH"], "HOME": str(own), "LANG": "C.UTF-8"}
                    setup = Setup(
                        server.feeds(feeds),
                        server.sink,
                        server.smtp_port,
                        own,
                        environ | server.environ,
                    )
                    say(f"{feeds:,} feeds, run {number + 1} of {chosen.runs}: {participant.name}")
                    one_run(participant, setup, server, rows, history, notes)
        finally:
            server.close()
    for note in dict.fromkeys(notes):
        click.echo(f"({note})")
    return [row for _, row in rows]


@contextlib.contextmanager
def scratch(keep: Path | None) -> Iterator[Path]:
    folder = keep or Path(tempfile.mkdtemp(prefix="digestd-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def say(line: str) -> None:
    click.echo(line, err=True)


# --- tables ------------------------------------------------------------------------------


def median(costs: list[Cost], what: str) -> float:
    return statistics.median(getattr(cost, what) for cost in costs)


def show(rows: list[Row], feeds: int, names: list[str]) -> None:
    """Print what each pass costs whom, and how we compare."""
    others = [name for name in names if name != DIGESTD.name]
    ratios = [f"/ {name}" for name in others] if DIGESTD.name in names else []
    for what, unit, per in (
        ("cpu", "CPU seconds per 1,000 feeds", 1_000 / feeds),
        ("wall", "wall seconds per 1,000 feeds", 1_000 / feeds),
        ("memory", "peak memory, MB", 1.0),
    ):
        click.echo(f"\n{feeds:,} feeds, {unit}\n")
        click.echo(f"| | {' | '.join([*names, *ratios])} |")
        click.echo("| --- |" + " ---: |" * len([*names, *ratios]))
        for row in rows:
            found = {name: median(row.costs[name], what) * per for name in names}
            digits = 0 if what == "memory" else 2
            cells = [f"{found[name]:.{digits}f}" for name in names]
            if ratios:
                cells += [f"{found[DIGESTD.name] / found[name]:.2f}" for name in others]
            click.echo(f"| {row.title} | {' | '.join(cells)} |")
    click.echo("\nAlerts that arrived:\n")
    for row in rows:
        if any(row.alerts.values()):
            said = ", ".join(f"{name} {row.alerts[name]:,}" for name in names)
            click.echo(f"- {row.title}: {said}")


def show_growth(found: dict[str, list[Row]], names: list[str]) -> None:
    """Print CPU per 1,000 feeds, and memory, as their number or the history grows."""
    for what, unit in (("cpu", "CPU seconds per 1,000 feeds"), ("memory", "peak memory, MB")):
        for name in names:
            click.echo(f"\n{name}: {unit}\n")
            click.echo(f"| | {' | '.join(found)} |")
            click.echo("| --- |" + " ---: |" * len(found))
            for number, row in enumerate(next(iter(found.values()))):
                cells = []
                for size, rows in found.items():
                    per = 1_000 / int(size.split()[0].replace(",", "")) if what == "cpu" else 1.0
                    cells.append(f"{median(rows[number].costs[name], what) * per:.2f}")
                click.echo(f"| {row.title.partition(' (')[0]} | {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench peers", description=__doc__)
    names = [participant.name for participant in ALL]
    parser.add_argument("--feeds", type=int, nargs="+", default=[1_000], help="how many")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=names, choices=names)
    parser.add_argument("--rows", nargs="+", default=[], help="of the passes after the first, 1-5")
    parser.add_argument(
        "--history", type=int, nargs="+", default=[0], help="entries in our database beforehand"
    )
    parser.add_argument("--tls", action="store_true", help="feeds over HTTPS")
    parser.add_argument("--latency", type=float, default=0.0, help="median wait of a feed, seconds")
    parser.add_argument("--keep", type=Path, help="a folder to leave states and logs in")
    parser.add_argument("--quick", action="store_true", help="100 feeds, once")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.feeds, chosen.runs = [100], 1
    found: dict[str, list[Row]] = {}
    try:
        for feeds in chosen.feeds:
            for history in chosen.history:
                size = f"{feeds:,} feeds" + (f", {history:,} old entries" if history else "")
                found[size] = measure(chosen, feeds, history)
                show(found[size], feeds, chosen.only)
    except RunFailedError as exc:
        raise SystemExit(str(exc)) from exc
    if len(found) > 1:
        show_growth(found, chosen.only)


if __name__ == "__main__":
    main()
