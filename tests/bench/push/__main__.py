"""From a post to its alert at a webhook: told by a hub, and found by polls when the hub dies."""

from __future__ import annotations

import argparse
import asyncio
import signal
import tempfile
from pathlib import Path

import click

from tests.support.publisher import Publisher, share

_PAUSE = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench push", description=__doc__)
    parser.add_argument("--posts", type=int, default=500)
    parser.add_argument("--delta", action="store_true", help="the hub delivers new entries alone")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="digestd-bench-") as folder,
        # So that no poll is quicker than the hub; once it is dead, the feed is asked each 2 s.
        Publisher(Path(folder), more='interval = "10m"') as site,
    ):
        asyncio.run(_run(site, chosen.posts, whole=not chosen.delta))


async def _run(site: Publisher, posts: int, *, whole: bool) -> None:
    await site.until(lambda: bool(site.hub.subscribers))
    for number in range(posts):
        await site.publish(f"pushed-{number}", whole=whole)
        await asyncio.sleep(_PAUSE)
    await site.until(lambda: len(site.told) >= posts)
    _say("told by the hub", site, posts)
    site.told.clear()
    site.hub.faults.delivers = False
    site.configure('interval = "2s"')
    site.daemon.signal(signal.SIGHUP)
    for number in range(posts // 10):
        await site.publish(f"kept-{number}", whole=whole)
        await asyncio.sleep(_PAUSE * 4)
    await site.until(lambda: len(site.told) >= posts // 10, 60.0)
    _say("found by polls, each 2 s, the hub dead", site, posts // 10)


def _say(what: str, site: Publisher, posts: int) -> None:
    delays = site.delays()
    twice = sum(len(times) - 1 for times in site.told.values())
    click.echo(
        f"{what}: {len(delays)} of {posts} posts, median {share(delays, 0.5):.3f} s,"
        f" 95 % {share(delays, 0.95):.3f} s, most {delays[-1]:.3f} s; repeated {twice}"
    )


if __name__ == "__main__":
    main()
