"""Commands that do something now: `poll`, `preview`, `send`, `test`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click

from digestd import telemetry
from digestd.app import App
from digestd.cli import Context
from digestd.cli.sending import send_now
from digestd.cli.show import DURATION, ago, safe, since
from digestd.core.links import without_secrets
from digestd.core.messages import Message
from digestd.core.models import Digest
from digestd.delivery.compose import embed_images
from digestd.errors import DigestdError, UsageError
from digestd.parts import Parts
from digestd.services.again import send_again
from digestd.services.digests import Closed, manual_slot
from digestd.services.refresh import PollReport
from digestd.store import feeds as feed_rows
from digestd.store import ledger, pauses
from digestd.store import outbox as outbox_rows
from digestd.store.lanes import Store

T = TypeVar("T")
# How long `send` waits for the service, or for a running daemon, to have it.
_WAIT_FOR_SENDING = 90.0
_LOOK_AGAIN = 0.3


def with_parts(app: App, work: Callable[[Parts], Awaitable[T]]) -> T:
    """Return what `work` makes of all parts, on the owner's database."""

    async def run() -> T:
        store = Store(app.config.store.path)
        try:
            async with app.parts(app.config, store) as parts:
                return await work(parts)
        finally:
            store.close()

    telemetry.log_to_stderr(verbose=False)
    telemetry.only_warnings()
    return asyncio.run(run())


def _digest(app: App, name: str) -> Digest:
    if name not in app.config.digests:
        known = ", ".join(app.config.digests) or "none is configured"
        raise UsageError(f"no digest is called {name!r} ({known})")
    return app.config.digests[name]


@click.command()
@click.argument("feed", nargs=-1, required=True)
@click.pass_obj
def poll(context: Context, feed: tuple[str, ...]) -> int:
    """Ask these feeds now, due or not, and say what happened.

    What is new is owed and will be sent by the daemon, or by the next pass. A
    host that asked for patience (Retry-After, 429, 503) is left alone all the same.
    """
    app = context.app()

    async def work(parts: Parts) -> list[tuple[str, PollReport | None]]:
        asked = []
        for text in feed:
            found = await parts.store.read(feed_rows.find, text)
            reports = await parts.poller.run_once([found.pk])
            asked.append((found.label, reports[0] if reports else None))
        return asked

    failed = False
    for label, report in with_parts(app, work):
        if report is None:
            click.echo(f"{safe(label)}: being asked by another process just now")
            failed = True
            continue
        _say(report, context)
        failed = failed or bool(report.feed.last_error)
    return 1 if failed else 0


def _say(report: PollReport, context: Context) -> None:
    feed, now = report.feed, context.clock()
    click.echo(click.style(safe(feed.label), bold=True))
    click.echo(f"  asked      {safe(without_secrets(feed.url))}")
    click.echo(f"  answer     {safe(report.status)}, after {report.took.total_seconds():.2f} s")
    if report.outcome == "fetched":
        click.echo(f"  entries    {report.listed} listed, {report.new} new")
    if feed.failures:
        since_words = ago(feed.failing_since, now)
        click.echo(f"  failing    {feed.failures} times in a row, first {since_words}")
    next_words = "never" if feed.gone_at else ago(feed.next_poll_at, now)
    click.echo(f"  next poll  {next_words}")


@click.command()
@click.argument("digest")
@click.option(
    "--since",
    "span_back",
    type=DURATION,
    metavar="SPAN",
    help="As if everything seen in the last 7d, 12h … were owed.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file.")
@click.option("--open", "open_it", is_flag=True, help="Show it in the browser.")
@click.option("--text", is_flag=True, help="The text part instead of the HTML.")
@click.pass_obj
def preview(
    context: Context,
    digest: str,
    span_back: timedelta | None,
    out: Path | None,
    open_it: bool,
    text: bool,
) -> None:
    """What the digest would be now, without sending or marking anything."""
    app = context.app()
    chosen = _digest(app, digest)
    with app.database():
        pass  # says that nothing was seen yet, rather than make an empty database

    async def work(parts: Parts) -> Message:
        return await parts.digests.preview(chosen, since=since(context.clock, span_back))

    message = with_parts(app, work)
    count = len(message.entries)
    if span_back is None and count < chosen.at_least:
        few = f"with {count} of at_least = {chosen.at_least} entries"
        click.echo(f"{digest}: {few} it would wait for the next slot", err=True)
    letters = message.letters or (message,)
    contents = [
        letter.text if text else embed_images(letter.html, message.images) for letter in letters
    ]
    if open_it:
        ending = "txt" if text else "html"
        out = out or Path(tempfile.mkdtemp(prefix="digestd-")) / f"{digest}.{ending}"
    if out is None:
        click.echo("\n".join(contents))
        return
    files = [out, *(out.with_stem(f"{out.stem}-{n}") for n in range(2, len(contents) + 1))]
    for file, content in zip(files, contents, strict=True):
        file.write_text(content, encoding="utf-8")
    names = ", ".join(map(str, files))
    click.echo(f"{safe(message.title)}\n{count} entries, written to {names}", err=True)
    if open_it:
        click.launch(str(out))


@click.command()
@click.argument("digest")
@click.option(
    "--again",
    metavar="SLOT",
    help='Send an old one once more, as it was: "2026-11-24T08:00", its beginning, or "last".',
)
@click.pass_obj
def send(context: Context, digest: str, again: str | None) -> int:
    """Close DIGEST's slot now: send what is owed, or an empty one if nothing is."""
    app = context.app()
    chosen = _digest(app, digest)

    async def work(parts: Parts) -> tuple[Closed, list[tuple[str, str, str]]]:
        await _refuse_silence(parts, chosen)
        if again is not None:
            closed = await send_again(parts.store, chosen, again, context.clock)
        else:
            slot = manual_slot(chosen, context.clock())
            made = await parts.digests.close(chosen, slot, force=True)
            if made is None:
                raise DigestdError(f"{digest}: this very slot was closed just now")
            closed = made
        return closed, await _sent(parts, closed.identity, closed.channels)

    closed, states = with_parts(app, work)
    count = closed.entries
    what = f"{count} {'entry' if count == 1 else 'entries'}"
    click.echo(f"{digest}: {f'{closed.slot.key}, once more' if again is not None else what}")
    for channel, state, error in states:
        click.echo(f"  {channel}: {_STATE_WORDS[state]}{f' ({safe(error)})' if error else ''}")
    return 0 if all(state == "sent" for _, state, _ in states) else 1


async def _refuse_silence(parts: Parts, digest: Digest) -> None:
    """Complain if a pause would keep the digest back: it would seem lost."""
    known = await parts.store.read(pauses.in_force, parts.clock())
    for pause in (known.of_digest(digest.name), *map(known.of_channel, digest.to)):
        if pause is not None:
            raise UsageError(f"{pause.what} is paused; `digestd resume {pause.what}` first")


_STATE_WORDS = {
    "sent": "sent",
    "due": "not yet; it will be tried again",
    "sending": "not yet; it is on its way",
    "parked": "not sent: the channel is parked",
    "dead": "refused for ever",
}


async def _sent(
    parts: Parts, identity: str, channels: tuple[str, ...]
) -> list[tuple[str, str, str]]:
    """Send a message's deliveries here, or wait for the daemon that has the channels."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _WAIT_FOR_SENDING
    while True:
        await asyncio.gather(*(parts.lanes[name].work() for name in channels))
        states = await parts.store.read(ledger.states_of_message, identity)
        # One that failed once waits longer than anyone would: say so instead.
        undecided = [s for s in states if s[1] in ("due", "sending") and not s[2]]
        if not undecided or loop.time() > end:
            return states
        await asyncio.sleep(_LOOK_AGAIN)


@click.command()
@click.argument("channel")
@click.pass_obj
def test(context: Context, channel: str) -> int:
    """Send one test message and say what the service answered."""
    app = context.app()
    if channel not in app.config.channels:
        known = ", ".join(app.config.channels) or "none is configured"
        raise UsageError(f"no channel is called {channel!r} ({known})")
    message = app.renderer(app.config).render_test(channel, now=context.clock())
    good = send_now(app, channel, message)
    if good:
        _unpark(app, channel)
    return 0 if good else 1


def _unpark(app: App, channel: str) -> None:
    """A test that went through proves the channel mended: what waited may go."""
    if not app.config.store.path.exists():
        return

    async def run() -> None:
        store = Store(app.config.store.path)
        try:
            if await store.write(outbox_rows.proved, channel, app.clock()):
                click.echo("  what was parked for it will be sent now")
        finally:
            store.close()

    asyncio.run(run())
