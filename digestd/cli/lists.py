"""Lists of feeds from and for other readers: `import` and `export`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import click

from digestd.app import App
from digestd.cli import Context
from digestd.cli.show import safe
from digestd.config.feedsfile import Row, add_feeds
from digestd.config.listing import (
    fit,
    joined,
    ours_of,
    public_url,
    row_of,
    rows_of,
    shelved,
    tags_of,
    without_requests,
)
from digestd.config.values import has_reference, known_as
from digestd.core.links import canonical_link
from digestd.core.models import Feed
from digestd.errors import SubscriptionError
from digestd.formats.opml import MAX_BYTES, Outline, UnreadableOpmlError, read_opml, write_opml
from digestd.store import feeds as feed_rows

_NOTES_SHOWN = 20


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="One more tag for all of them.")
@click.option("--own", is_flag=True, help="Your own export: take its secrets and proxies too.")
@click.option("--dry-run", "-n", is_flag=True, help="Say what would happen, change nothing.")
@click.pass_obj
def import_(
    context: Context, file: BinaryIO, tags: tuple[str, ...], own: bool, dry_run: bool
) -> int:
    """Follow the feeds of an OPML file, as other readers export it; "-" is standard input.

    Folders become tags. What is followed already stays as it is. The feeds are
    written into feeds.toml; the daemon asks them one after the other.
    """
    app = context.app()
    config = app.config
    try:
        outlines = read_opml(file.read(MAX_BYTES + 1))
    except UnreadableOpmlError as exc:
        raise SubscriptionError(f"{file.name} {exc}") from None
    with click.progressbar(
        length=3 * len(outlines), label="importing", file=sys.stderr, hidden=not _is_terminal()
    ) as bar:
        rows = []
        for outline in outlines:
            rows.append(row_from(outline, tags))
            bar.update(1)
        rows, notes = _trusted(joined(rows), own=own)
        there = {canonical_link(known_as(str(row.get("url", "")))) for row in rows_of(config.path)}
        fresh = [row for row in rows if canonical_link(str(row["url"])) not in there]
        fitted = fit(fresh, config.path, app.environ, verbatim=own)
        bar.update(len(outlines))
        if fitted.rows and not dry_run:
            add_feeds(config.feeds_path, fitted.rows, verbatim=own)
        bar.update(len(outlines))
    verb = "would be imported" if dry_run else "imported"
    known = len(rows) - len(fresh)
    click.echo(
        f"{len(fitted.rows)} feeds {verb} into {config.feeds_path}"
        + (f", {known} were followed already" if known else "")
    )
    _say([*notes, *fitted.notes])
    return 0 if fitted.rows or known else 1


def _is_terminal() -> bool:
    return sys.stderr.isatty()


def row_from(outline: Outline, tags: Sequence[str] = ()) -> Row:
    """Return a feed of a list as `[[feeds]]` has it, with these tags too."""
    row = row_of(
        outline.url,
        outline.title,
        outline.folders,
        outline.ours,
        outline.kept,
        outline.folders_kept,
    )
    return {**row, "tags": list(dict.fromkeys([*tags_of(row), *tags]))} if tags else row


def _trusted(rows: Sequence[Row], *, own: bool) -> tuple[list[Row], list[str]]:
    """Leave out what no stranger may say: where our secrets go, and a way into our network."""
    if own:
        return list(rows), []
    rows, stripped = without_requests(rows)
    kept = [row for row in rows if not _refers(row)]
    left = len(rows) - len(kept)
    notes = []
    if stripped:
        notes.append(
            f"{stripped} feeds without their passwords, headers, proxies; --own keeps them"
        )
    if left:
        notes.append(f"left out: {left} feeds with ${{…}} in them; --own takes them as references")
    return kept, notes


def _refers(row: Row) -> bool:
    values: list[object] = []
    for value in row.values():
        values += value.values() if isinstance(value, Mapping) else [value]
    return any(isinstance(value, str) and has_reference(value) for value in values)


def _say(notes: Sequence[str]) -> None:
    for note in notes[:_NOTES_SHOWN]:
        click.echo(f"  {safe(note)}", err=True)
    if len(notes) > _NOTES_SHOWN:
        click.echo(f"  … and {len(notes) - _NOTES_SHOWN} more", err=True)


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def export(context: Context, file: Path | None) -> None:
    """Write all feeds as OPML into FILE, or to standard output.

    A feed stands in a folder for each of its tags, or where the list that it was
    imported from had it. Other readers take it; digestd's own settings are in it
    too, and come back with `import`. Secrets stay here.
    """
    app = context.app()
    known = _known_feeds(app)
    secrets = 0
    outlines: list[Outline] = []
    rows = rows_of(app.config.path)
    for row in rows:
        feed = known.get(known_as(str(row.get("url", ""))))
        found, left_out = outlines_of(row, feed)
        outlines += found
        secrets += left_out
    document = write_opml(outlines, title="Feeds of digestd", now=context.clock())
    if file is None:
        click.echo(document.decode("utf-8"), nl=False)
    else:
        file.write_bytes(document)
        click.echo(f"{len(rows)} feeds written to {file}", err=True)
    if secrets:
        note = (
            f"left out: {secrets} passwords and the like; written as ${{NAME}} they would go along"
        )
        click.echo(f"  {note}", err=True)


def outlines_of(row: Row, feed: Feed | None) -> tuple[list[Outline], int]:
    """Return a feed as a list has it, once in each of its folders, and how many secrets stay.

    Readers with several folders for a feed write it so, and those with one take the first.
    All of them are told everything: which is met first depends on the folders.
    """
    url, had_password = public_url(row)
    ours, secret = ours_of(row)
    place = shelved(row)
    if feed is not None and feed.home_url:
        place.kept.setdefault("htmlUrl", feed.home_url)
    title = str(row.get("name") or (feed.title if feed else ""))
    outlines = [
        Outline(url, title, folders, ours, place.kept, place.folders_kept)
        for folders in place.folders
    ]
    return outlines, len(secret) + had_password


def _known_feeds(app: App) -> dict[str, Feed]:
    if not app.config.store.path.exists():
        return {}
    with app.database() as db:
        return {feed.url: feed for feed in feed_rows.all_active(db)}
