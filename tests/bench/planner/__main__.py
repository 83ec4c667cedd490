"""What planning costs: very many feeds in memory, and the time of one decision."""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from datetime import UTC, datetime, timedelta

import click

from digestd.core.planner import Bounds, first_price, next_poll_at
from digestd.core.rhythm import Rhythm, Sighting, caught_up, learn
from tests.bench.timeliness.replay import load

_LISTED = 30


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench planner", description=__doc__)
    parser.add_argument("--feeds", type=int, default=100_000)
    count = parser.parse_args().feeds
    before = _megabytes()
    histories = [[datetime.fromtimestamp(t, UTC) for t in s.posts[-_LISTED:]] for s in load()]
    rhythms: list[Rhythm] = []
    times: list[float] = []
    price = first_price(24)
    for number in range(count):
        dates = histories[number % len(histories)]
        now = dates[-1] + timedelta(seconds=number % 100_000)
        rhythm = learn(Rhythm(), Sighting(dates), now - timedelta(hours=1))
        begun = time.perf_counter()
        rhythm = learn(caught_up(rhythm, now - timedelta(minutes=30)), Sighting(), now)
        next_poll_at(rhythm, price, now, 0.5, Bounds(listed=_LISTED))
        times.append(time.perf_counter() - begun)
        rhythms.append(rhythm)
    times.sort()
    stored = statistics.fmean(len(one.to_bytes()) for one in rhythms[:: max(1, count // 1000)])
    click.echo(
        f"{count} feeds planned: median {times[count // 2] * 1000:.2f} ms,"
        f" 95 % {times[count * 95 // 100] * 1000:.2f} ms a decision;"
        f" {_megabytes() - before:.0f} MB in memory, {stored:.0f} bytes a feed in the store"
    )


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
