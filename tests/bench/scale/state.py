"""Very many feeds that have been followed for a while, made in seconds."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from digestd.config.feedsfile import as_text
from digestd.core.feedids import free_id

_CONFIG = """\
timezone = "UTC"

[mail]
server = "localhost"
user = "me@example.org"
password = "secret"

[channels]
inbox = "mail:me@example.org"
phone = "tgram://123456789:AAF3n9Jk2-abcdefghijklmnopqrstuvwxyz/123456789"
hook = "json://127.0.0.1:{port}/sink"

[digests.morning]
when = "08:00"
to = "inbox"

[poll]
allow_private = ["127.0.0.0/8"]
requests_per_feed_per_day = {budget}

[store]
path = "digestd.db"

[web]
listen = ""
"""


def write_config(folder: Path, urls: Sequence[str], *, port: int, budget: float) -> Path:
    """Write a configuration, and beside it the list of feeds as `digestd import` leaves one."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"url": url, "name": _name(n), "tags": [f"folder-{n % 30}"]} for n, url in enumerate(urls)
    ]
    (folder / "feeds.toml").write_text(as_text(rows), "utf-8")
    path = folder / "config.toml"
    path.write_text(_CONFIG.format(port=port, budget=budget), "utf-8")
    return path


def _name(number: int) -> str:
    return f"Feed number {number}"


def grow(database: Path, urls: Sequence[str]) -> None:
    """Let `database`, which has polled the first of `urls`, have done so with all of them.

    Feed n is like feed n % m of the m that it knows. All are due within the waits that
    the planner gave them, as they would be in the middle of a day.
    """
    with closing(sqlite3.connect(database)) as db, db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(feeds)")]
        known = db.execute("SELECT pk, id, url FROM feeds ORDER BY pk").fetchall()
        by_url = {url: pk for pk, _, url in known}
        models = [by_url[url] for url in urls[: len(known)]]
        taken = {row[1] for row in known}
        clones = []
        for n in range(len(known), len(urls)):
            feed_id = free_id(urls[n], taken)
            taken.add(feed_id)
            clones.append((n + 1_000_000, feed_id, urls[n], _name(n), models[n % len(models)]))
        own = {"pk": "?1", "id": "?2", "url": "?3", "name": "?4"}
        chosen = ", ".join(own.get(name, name) for name in columns)
        db.executemany(
            f"INSERT INTO feeds ({', '.join(columns)}) SELECT {chosen} FROM feeds WHERE pk = ?5",
            clones,
        )
        db.executemany(
            "INSERT INTO rhythms SELECT ?1, state FROM rhythms WHERE feed_pk = ?2",
            [(pk, model) for pk, _, _, _, model in clones],
        )


def spread(database: Path) -> None:
    """Let each feed be due some time within its wait from now on."""
    with closing(sqlite3.connect(database)) as db, db:
        db.execute(
            "UPDATE feeds SET next_poll_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000000"
            " + abs(random()) % (next_poll_at - last_polled_at)"
        )
