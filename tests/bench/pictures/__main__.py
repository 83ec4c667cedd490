"""What drawn formulas cost: `./dev bench pictures`.

A digest of 500 entries from 10 feeds with 200 formulas that HTML cannot say, and with 60
images; then the same again, from the cache; then others, to see whether memory grows.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from html import escape
from io import BytesIO
from pathlib import Path

import click
from PIL import Image

from digestd.app import App
from digestd.clock import system_clock
from digestd.core.mathtext import to_text
from digestd.core.messages import Debt
from digestd.core.owing import NewEntry
from digestd.parts import Parts
from digestd.store.db import Database
from digestd.store.lanes import Store
from tests.support.nouns import followed, new, seen
from tests.support.webserver import WebServer, answer

FEEDS, ENTRIES, FORMULAS, IMAGES = 10, 500, 200, 60
OTHERS = 20
CONFIG = """
[web]
listen = ""
[poll]
allow_private = ["127.0.0.1"]
[channels]
paper = "maildir://{folder}/Mail"
[digests.daily]
when = "manual"
to = "paper"
"""


@dataclass(frozen=True, slots=True)
class _Run:
    seconds: float
    formulas: int
    images: int
    megabytes: int
    html_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.seconds:6.2f} s  {self.formulas:3} formulas  {self.images:2} images"
            f"  {self.html_bytes:6,} bytes of HTML  {self.megabytes:4} MB resident"
        )


def main() -> None:
    """Print one line for each digest."""
    with tempfile.TemporaryDirectory() as folder, WebServer() as web:
        for number in range(IMAGES):
            web.route(f"/{number}.jpg", answer(_photo(number)))
        asyncio.run(_bench(Path(folder), web))


async def _bench(folder: Path, web: WebServer) -> None:
    path = folder / "config.toml"
    path.write_text(CONFIG.format(folder=folder))
    app = App({"STATE_DIRECTORY": str(folder), "LANG": "en", "TZ": "UTC"}, system_clock, str(path))
    store = Store(app.config.store.path)
    async with app.parts(app.config, store) as parts:
        await store.write(_fill, web, 0)
        click.echo(f"first    {await _digest(parts)}")
        click.echo(f"cached   {await _digest(parts)}")
        before = await _digest(parts)
        for number in range(1, OTHERS + 1):
            await store.write(_fill, web, number)
            after = await _digest(parts)
        click.echo(f"{OTHERS} later {after}")
        click.echo(f"memory grew by {after.megabytes - before.megabytes} MB over {OTHERS} digests")
    store.close()


async def _digest(parts: Parts) -> _Run:
    begun = time.monotonic()
    message = await parts.digests.preview(parts.config.digests["daily"])
    drawn = sum(image.mime_type == "image/png" for image in message.images)
    return _Run(
        time.monotonic() - begun,
        drawn,
        len(message.images) - drawn,
        _resident(),
        len(message.html),
    )


def _resident() -> int:
    """Return how many megabytes this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def _fill(db: Database, web: WebServer, number: int) -> None:
    """Owe the digest other entries than before."""
    db.conn.execute("DELETE FROM entries")
    now = system_clock()
    found = followed(db, *(web.url(f"/feed/{i}") for i in range(FEEDS)), now=now)
    for place, feed in enumerate(found):
        few = [
            _entry(web, now, number, place * (ENTRIES // FEEDS) + i)
            for i in range(ENTRIES // FEEDS)
        ]
        seen(db, feed, *few, now=now)


def _entry(web: WebServer, now: datetime, number: int, entry: int) -> NewEntry:
    """Return an entry with a formula in its title and text, or with an image."""
    words = "<p>Some words that stand before and after it, as they do in posts of blogs.</p>"
    title, title_html = f"Post {entry} of {number}", ""
    html = f'{words}<img src="{web.url(f"/{entry % IMAGES}.jpg")}">{words}'
    if entry % ENTRIES * FORMULAS // ENTRIES != (entry - 1) % ENTRIES * FORMULAS // ENTRIES:
        tex = rf"\sum_{{k={number}}}^{{n}} \frac{{x_k^{{{entry}}}}}{{\sqrt{{k+{entry}}}}}"
        attributes = f'class="math" data-tex="{escape(tex)}" data-display="inline"'
        formula = f"<span {attributes}>{escape(to_text(tex))}</span>"
        title, title_html = f"On {to_text(tex)}", f"On {formula}"
        html = f"<p>Then {formula} holds.</p>{words}"
    debt = Debt("digest", "daily", now)
    return new(
        f"{number}-{entry}",
        debt,
        title=title,
        title_html=title_html,
        content_html=html,
        published_at=now,
    )


def _photo(number: int) -> bytes:
    image = Image.linear_gradient("L").resize((900, 600)).convert("RGB")
    image.paste((number * 4 % 256, 80, 120), (100, 100, 500 + number, 400))
    out = BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


if __name__ == "__main__":
    main()
