"""How long a large digest takes: 500 entries of 40 feeds, 200 formulas; first, and from the cache.

Everything is real: the store, the drawing process, the templates. Two digests are made, each
twice: one of all 500 entries, and one of the 20 that have the formulas, shown whole: it draws
as many as a mail may hold (100), and says the rest in Unicode.
`--check` fails where the first takes 10 s or more of one core, or the second 1 s.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import resource
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click

from digestd import telemetry
from digestd.app import App
from digestd.clock import system_clock
from digestd.core.messages import Debt, Message
from digestd.core.models import Digest, Feed, Subscription
from digestd.core.owing import NewEntry
from digestd.core.parsed import ParsedEntry
from digestd.core.refresh import RefreshPlan
from digestd.formats.html import clean
from digestd.parts import Parts
from digestd.store import feeds, following
from digestd.store.commit import commit_refresh
from digestd.store.db import Database
from digestd.store.lanes import Store

FEEDS, ENTRIES, WHOLE, FORMULAS = 40, 500, 20, 200
_FIRST, _SECOND = 10.0, 1.0  # seconds of one core
_CONFIG = """
timezone = "Asia/Shanghai"
language = "zh"
[web]
listen = ""
[channels]
paper = "maildir://{folder}/Mail"
[digests.all]
when = "manual"
to = "paper"
images = "off"
[digests.whole]
when = "manual"
to = "paper"
content = "full"
images = "off"
"""
_FORMULAS = tuple(
    rf"\frac{{a_{{{n}}}+\sqrt{{x^{{{n % 9}}}+{n}}}}}{{\sum_{{k=1}}^{{{n}}} b_k}}\leq"
    rf"\int_0^{{{n + 1}}}\! f_{{{n % 7}}}(t)\,dt"
    for n in range(FORMULAS)
)


def _entry(n: int) -> ParsedEntry:
    formulas = [_FORMULAS[n * 10 + i] for i in range(10)] if n < WHOLE else []
    text = "<p>" + "".join(f"再看 ${formula}$，" for formula in formulas) + "证毕。</p>"
    more = "这一段不含公式，只是为了让文章有一般的长度，读起来大约要一分钟。" * (
        1 if n < WHOLE else 12
    )
    return ParsedEntry(
        guid=str(n),
        link=f"https://blog{n % FEEDS}.example/archives/{n}",
        title=f"第 {n} 篇：关于一个不等式的几点注记",
        content_html=clean(f"{text}<p>{more}</p>", "https://blog.example/"),
    )


def _fill(db: Database, known: list[Feed]) -> None:
    now = system_clock()
    for at, feed in enumerate(known):
        new = tuple(
            NewEntry(
                _entry(n),
                (str(n).encode().rjust(16, b"0"),),
                now - timedelta(minutes=n),
                False,
                (Debt("digest", "all", now),)
                + ((Debt("digest", "whole", now),) if n < WHOLE else ()),
            )
            for n in range(at, ENTRIES, FEEDS)
        )
        commit_refresh(db, RefreshPlan(feed, "fetched", new), now)


async def _timed(parts: Parts, digest: Digest) -> tuple[float, float, Message]:
    """Return wall and processor seconds, children included, and the digest."""
    await asyncio.sleep(0.01)
    wall, used = time.perf_counter(), _processor()
    message = await parts.digests.preview(digest)
    if parts.illustrator is not None:
        await parts.illustrator.close()  # a child's time is known when it has ended
    return time.perf_counter() - wall, _processor() - used, message


def _processor() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def _measure(app: App, store: Store, rounds: int) -> bool:
    good = True
    async with app.parts(app.config, store) as parts:
        urls = [f"https://blog{n}.example/feed" for n in range(FEEDS)]
        await store.write(following.follow, _subscriptions(urls), system_clock())
        await store.write(_fill, await store.read(feeds.all_active))
        for name in ("all", "whole"):
            digest = parts.config.digests[name]
            first = await _timed(parts, digest)
            second = await _timed(parts, digest)
            message = second[2]
            sizes = [len(one.html.encode()) for one in message.letters or (message,)]
            drawn = len(set(re.findall(r'src="cid:([^"]+)"', message.html)))
            click.echo(
                f"{name}: {len(message.entries)} entries, {drawn} pictures, mails of"
                f" {', '.join(f'{size / 1000:.0f} KB' for size in sizes)}\n"
                f"  first   {first[0]:6.2f} s, {first[1]:6.2f} s of one core\n"
                f"  second  {second[0]:6.2f} s, {second[1]:6.2f} s of one core"
            )
            good = good and first[1] < _FIRST and second[1] < _SECOND and max(sizes) <= 90_000
        before = _resident()
        for _ in range(rounds):
            await _timed(parts, replace(digest, title="once more"))
        click.echo(f"memory: {before:.0f} MB, after {rounds} more digests {_resident():.0f} MB")
        flat = _resident() < before * 1.1 + 5
    return good and flat


def _subscriptions(urls: list[str]) -> list[Subscription]:
    return [Subscription(url, digests=("all", "whole")) for url in urls]


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench digest", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where it is too slow")
    parser.add_argument("--rounds", type=int, default=10, help="digests for the memory's sake")
    options = parser.parse_args()
    telemetry.only_warnings()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.toml"
        config.write_text(_CONFIG.format(folder=folder), encoding="utf-8")
        app = App({"STATE_DIRECTORY": folder}, system_clock, str(config))
        store = Store(app.config.store.path)
        try:
            good = asyncio.run(_measure(app, store, options.rounds))
        finally:
            store.close()
    return 0 if good or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
