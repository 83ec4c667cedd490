"""Noise, damage and malice for whatever reads a stranger's bytes: no exception escapes.

Documents are damaged samples, or are put together from what parsers stumble over. What
fails is shrunk to the least that fails, and printed with the call that repeats it.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

import click
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.bench.fuzz import targets
from tests.bench.fuzz.documents import documents, markup, selectors

# What a reader may take for one document of this size, machine under load included; the
# worker process has its own limit for those that are made to be slow.
LONGEST = 30


@dataclass
class Target:
    """One reader, and how it fared."""

    name: str
    run: Callable[[bytes], None]
    inputs: st.SearchStrategy[bytes]
    examples: int = 0
    slowest: float = 0.0
    failure: str = ""


TARGETS = [
    Target("documents", targets.read, documents("feeds")),
    Target("news of documents", targets.read_twice, documents("feeds")),
    Target("sanitising", targets.sanitise, markup()),
    Target("titles", targets.titles, markup()),
    Target("OPML", targets.opml, documents("opml")),
    Target("pages by selectors", targets.pages, selectors()),
    Target("proposals and discovery", targets.discover, documents("pages")),
    Target("full texts", targets.articles, documents("pages")),
    Target("dates, links, encodings", targets.small, documents("small")),
]


class TooSlowError(Exception):
    """A reader took longer than `LONGEST` seconds."""


@contextmanager
def in_time() -> Iterator[None]:
    """Raise TooSlowError in what takes too long."""

    def ring(_number: int, _frame: FrameType | None) -> NoReturn:
        raise TooSlowError(f"took longer than {LONGEST} s")

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)


def attack(target: Target, begin: int, examples: int) -> None:
    """Run a batch of examples; note the first failure, shrunk."""

    @seed(begin)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(target.inputs)
    def one(body: bytes) -> None:
        target.examples += 1
        since = time.perf_counter()
        with in_time():
            target.run(body)
        target.slowest = max(target.slowest, time.perf_counter() - since)

    try:
        one()
    except Exception as exc:  # noqa: BLE001 (whatever it is, it is what we look for)
        notes = "\n".join(getattr(exc, "__notes__", ()))
        target.failure = f"seed {begin}\n{''.join(traceback.format_exception(exc))}\n{notes}"


def main() -> int:
    """Attack every target in turn until the time is up; 1 if one of them gave way."""
    parser = argparse.ArgumentParser(prog="./dev bench fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None, help="to repeat a run")
    parser.add_argument("--only", default="", help="targets whose name holds this")
    chosen = parser.parse_args()
    first = random.SystemRandom().randrange(1 << 32) if chosen.seed is None else chosen.seed
    aims = [target for target in TARGETS if chosen.only in target.name]
    end = time.monotonic() + 60 * chosen.minutes
    click.echo(f"seed {first}, {chosen.minutes:g} minutes, {len(aims)} targets")
    turn = 0
    while time.monotonic() < end and (left := [aim for aim in aims if not aim.failure]):
        attack(left[turn % len(left)], first + turn, examples=60)
        turn += 1
    for aim in aims:
        verdict = "FAILED" if aim.failure else "good"
        click.echo(f"{aim.name}: {aim.examples} examples, slowest {aim.slowest:.2f} s, {verdict}")
    for aim in aims:
        if aim.failure:
            click.echo(f"\n{aim.name}: {aim.failure}")
    return 1 if any(aim.failure for aim in aims) else 0


if __name__ == "__main__":
    sys.exit(main())
