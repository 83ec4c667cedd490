"""How commands speak: tables for people, plain columns for pipes, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from digestd.clock import Clock
from digestd.config.values import parse_duration
from digestd.core.links import without_secrets
from digestd.garbage import collect_seldom

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="As one array of objects.")


class Duration(click.ParamType[timedelta]):
    """A span as the configuration writes it: 90s, 15m, 2h, 7d."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the span; fail with its own complaint."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as exc:
            self.fail(str(exc), param, ctx)


DURATION = Duration()


def rfc3339(moment: datetime | None) -> str | None:
    """Return a time as programs read it: RFC 3339, UTC."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def ago(moment: datetime | None, now: datetime) -> str:
    """Return a time as people say it on a terminal: "3 min ago", "in 2 h", "never"."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    words = span(abs(seconds))
    if abs(seconds) < 1:
        return "now"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def span(seconds: float) -> str:
    """Return a span in its largest fitting unit: "45 s", "3 min", "2 h", "6 d"."""
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 1.5 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def brief(seconds: float) -> str:
    """Return a short span as people say it: "60 ms", "2.4 s", else as `span` does."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else span(seconds)


def rows(
    records: Iterable[Mapping[str, Any]],
    columns: Sequence[tuple[str, str]],
    *,
    as_json: bool,
    empty: str = "nothing",
) -> None:
    """Print `records`: all of them as JSON, or the `columns` (key, heading) as a table.

    Keys for people begin with "_" and are left out of the JSON.
    """
    if as_json:
        _array(records)
        return
    lines = [tuple(_cell(record.get(key)) for key, _ in columns) for record in records]
    if not lines:
        click.echo(empty, err=True)
        return
    headings = [heading for _, heading in columns]
    if sys.stdout.isatty():
        _table(headings, lines)
    else:
        _aligned([headings, *lines])


def _array(records: Iterable[Mapping[str, Any]]) -> None:
    """Print one array, each record as soon as it is known."""
    collect_seldom()  # an encoder that indents leaves a cycle behind for each
    begun = False
    for record in records:
        public = {k: v for k, v in record.items() if not k.startswith("_")}
        text = json.dumps(public, ensure_ascii=False, indent=2).replace("\n", "\n  ")
        click.echo((",\n  " if begun else "[\n  ") + text, nl=False)
        begun = True
    click.echo("\n]" if begun else "[]")


def _table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
    Console(highlight=False).print(table)


def _aligned(lines: Sequence[Sequence[str]]) -> None:
    """Print every column whole, in a pipe: a program, or grep, reads it."""
    from digestd.formats.borders import display_width

    widths = [max(map(display_width, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            cell + " " * (width - display_width(cell))
            for cell, width in zip(line, widths, strict=True)
        )
        click.echo("  ".join(cells))


def _cell(value: object) -> str:
    """Return a value on one line, without what could drive a terminal."""
    if value is None:
        return "–"
    return "".join(c if c.isprintable() else " " for c in str(value))


def safe(text: object) -> str:
    """Return text from outside as it may stand on a terminal."""
    return _cell(text)


def since(clock: Clock, span_back: timedelta | None) -> datetime | None:
    """Return the moment `span_back` before now."""
    return None if span_back is None else clock() - span_back


@contextmanager
def telling_of_requests() -> Iterator[Callable[[str], None]]:
    """Give a function that shows on a terminal, for a moment, what is being asked."""
    import shutil

    terminal = sys.stderr.isatty()

    def say(url: str) -> None:
        if terminal:
            line = safe(without_secrets(url))[: shutil.get_terminal_size().columns - 10]
            click.echo(f"\r\x1b[K  asking {line}", nl=False, err=True)

    try:
        yield say
    finally:
        if terminal:
            click.echo("\r\x1b[K", nl=False, err=True)
