"""`pause` and `resume`: silence for a feed, a tag, a digest, a channel, or everything."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import click

from digestd.app import App
from digestd.cli import Context
from digestd.cli.acting import with_parts
from digestd.cli.show import DURATION, JSON_OPTION, ago, rfc3339, rows, safe
from digestd.core.pausing import Pause
from digestd.errors import SubscriptionError, UsageError
from digestd.parts import Parts
from digestd.store import feeds, pauses

_KINDS = ("feed", "tag", "digest", "channel")


@click.command()
@click.argument("what", required=False)
@click.option("--for", "span", type=DURATION, metavar="SPAN", help="Ends by itself: 7d, 12h.")
@click.option("--until", metavar="DATE", help='Ends by itself: 2026-12-01, "2026-12-01 08:00".')
@click.option("--drop", is_flag=True, help="What comes meanwhile is not wanted at all.")
@JSON_OPTION
@click.pass_obj
def pause(
    context: Context,
    what: str | None,
    span: timedelta | None,
    until: str | None,
    drop: bool,
    as_json: bool,
) -> None:
    """Silence WHAT: a feed, tag:NAME, a digest, a channel, or all. Without WHAT, list pauses.

    Feeds are asked on; what comes meanwhile waits for the next digest, or, where
    there is none, goes out as one message afterwards.
    """
    app = context.app()
    if what is None:
        _list(app, context.clock(), as_json=as_json)
        return
    if span is not None and until is not None:
        raise UsageError("--for and --until say the same; give one of them")
    now = context.clock()
    end = now + span if span is not None else _moment(until, app.config.timezone)
    if end is not None and end <= now:
        raise UsageError(f"{until} is past")

    async def work(parts: Parts) -> str:
        named = await _named(parts, what)
        await parts.store.write(pauses.begin, Pause(named, now, end, drop))
        return named

    named = with_parts(app, work)
    ends = f"until {end.astimezone(app.config.timezone):%Y-%m-%d %H:%M}" if end else ""
    fate = "is dropped" if drop else "waits for the next digest"
    click.echo(f"paused {safe(named)} {ends or f'until `digestd resume {safe(what)}`'}")
    click.echo(f"  what comes meanwhile {fate}")


@click.command()
@click.argument("what")
@click.pass_obj
def resume(context: Context, what: str) -> None:
    """End a pause of WHAT, as `pause` names it."""
    app = context.app()
    with app.database():
        pass  # says that nothing was seen yet, rather than make an empty database

    async def work(parts: Parts) -> tuple[Pause, int, int]:
        known = {pause.what: pause for pause in await parts.store.read(pauses.everything)}
        named = what if what in known else await _named(parts, what)
        if named not in known:
            rest = ", ".join(known) or "nothing is"
            raise UsageError(f"{named} is not paused ({rest})")
        now = context.clock()
        dropped, waited = await parts.store.write(pauses.end, known[named], parts.followed, now)
        return known[named], dropped, waited

    ended, dropped, waited = with_parts(app, work)
    click.echo(f"resumed {safe(ended.what)}")
    if dropped:
        click.echo(f"  dropped, as you asked: {dropped} of what came meanwhile")
    if waited:
        click.echo(f"  alerts that have waited: {waited}")


async def _named(parts: Parts, text: str) -> str:
    """Return what `text` means as `Pause.what`; a UsageError if that is nothing, or several."""
    if text == "all":
        return "all"
    kind, colon, name = text.partition(":")
    if not colon or kind not in _KINDS:
        kind, name = "", text
    config = parts.config
    tags = {tag for subscription in config.subscriptions for tag in subscription.tags}
    found = [
        f"{group}:{name}"
        for group, names in (
            ("tag", tags if kind else ()),  # a bare word is never a tag
            ("digest", config.digests),
            ("channel", config.channels),
        )
        if kind in ("", group) and name in names
    ]
    if kind in ("", "feed"):
        found += await _feed(parts, name, exact=bool(found))
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{text!r} could be any of {', '.join(found)}")
    if kind == "tag":
        raise UsageError(
            f"no feed has the tag {name!r} ({', '.join(sorted(tags)) or 'none is used'})"
        )
    raise UsageError(f"{text!r} is no feed, digest or channel, and neither tag:NAME nor all")


async def _feed(parts: Parts, name: str, *, exact: bool) -> list[str]:
    try:
        feed = await parts.store.read(feeds.find, name)
    except SubscriptionError:
        return []
    except UsageError:
        if exact:
            return []
        raise
    if exact and name not in (feed.id, feed.name, feed.url):
        return []  # the beginning of a feed's name is less than a digest's whole one
    return [f"feed:{feed.id}"]


def _moment(text: str | None, zone: ZoneInfo) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f'{text!r} is no date; write 2026-12-01 or "2026-12-01 08:00"') from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _list(app: App, now: datetime, *, as_json: bool) -> None:
    with app.database() as db:
        known = pauses.in_force(db, now)
    records = [
        {
            "what": one.what,
            "since": rfc3339(one.since),
            "until": rfc3339(one.until),
            "drop": one.dropping,
            "_ends": ago(one.until, now) if one.until else "when resumed",
        }
        for one in known
    ]
    columns = [("what", "WHAT"), ("since", "SINCE"), ("_ends", "ENDS"), ("drop", "DROPS")]
    rows(records, columns, as_json=as_json, empty="nothing is paused")
