"""`check`: what is wrong with the configuration, and what would happen."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

import click

from digestd.app import App
from digestd.cli import Context
from digestd.cli.show import ago, safe
from digestd.config import Config, complaints, located
from digestd.config.values import describe_duration
from digestd.core.alerting import Manners
from digestd.core.links import without_secrets
from digestd.core.slots import describe, next_slot
from digestd.errors import ConfigError
from digestd.services.deliver import Targets

_SLOTS_SHOWN = 3


@click.command()
@click.pass_obj
def check(context: Context) -> int:
    """Read the configuration; say what is wrong, then what would happen."""
    app = context.app()
    wrong = complaints(app.config_path, app.environ)
    if wrong:
        for complaint in wrong:
            click.echo(f"{click.style('wrong', fg='red', bold=True)}  {complaint}", err=True)
        return 2
    config = app.config
    targets = Targets(config.channels, config.mail)
    unusable = _unusable(config, targets)
    click.echo(f"{config.path} reads well{', but not all of it can work' if unusable else ''}")
    for complaint in unusable.values():
        click.echo(f"{click.style('wrong', fg='red', bold=True)}  {safe(str(complaint))}", err=True)
    for warning in config.warnings:
        click.echo(f"{click.style('note', fg='yellow', bold=True)}   {safe(warning)}", err=True)
    _channels(config, targets, unusable)
    _digests(context, config)
    _feeds(config)
    _rules(config)
    _rest(app)
    return 2 if unusable else 0


def _unusable(config: Config, targets: Targets) -> dict[str, ConfigError]:
    """Return what is wrong with the channels that can never work, by their names."""
    wrong = {}
    for name in config.channels:
        try:
            _ = targets[name]
        except ConfigError as exc:
            place = ("channels", name, exc.key.rpartition(".")[2])
            wrong[name] = located(exc, config.path, place)
    return wrong


def _channels(config: Config, targets: Targets, unusable: Collection[str]) -> None:
    click.echo(click.style("\nchannels", bold=True))
    for name in config.channels:
        if name in unusable:
            told = f"{click.style('wrong', fg='red', bold=True)}, see above"
        else:
            told = f"{safe(targets[name].masked)}{_recipients(targets, name)}"
        click.echo(f"  {name:<12} {told}")
        if manners := _manners(config.channels[name].manners):
            click.echo(f"  {'':<12} {manners}")
    if not config.channels:
        click.echo("  none: nothing can be sent")


def _manners(manners: Manners) -> str:
    """Say when alerts wait."""
    said = [f"quiet {', '.join(map(str, manners.quiet.spans))}"] if manners.quiet.spans else []
    if manners.burst:
        window = describe_duration(manners.burst_window)
        said.append(f"more than {manners.burst} alerts in {window} become one message")
    return "; ".join(said)


def _recipients(targets: Targets, name: str) -> str:
    people = [recipient for recipient in targets[name].recipients if recipient]
    return f" to {safe(', '.join(people))}" if people else ""


def _digests(context: Context, config: Config) -> None:
    now = context.clock()
    for digest in config.digests.values():
        click.echo(
            click.style(f"\ndigest {digest.name}", bold=True)
            + f": {describe(digest.schedule)} ({digest.zone.key}) to {', '.join(digest.to)}"
        )
        after = now
        for _ in range(_SLOTS_SHOWN):
            slot = next_slot(digest.schedule, digest.zone, after)
            if slot is None:
                click.echo("  only when `digestd send` asks for it")
                break
            click.echo(f"  {slot.key.replace('T', ' ')}  {ago(slot.due_at, now)}")
            after = slot.due_at


def _feeds(config: Config) -> None:
    count = len(config.subscriptions)
    click.echo(click.style(f"\n{count} feed{'' if count == 1 else 's'}", bold=True))
    for subscription in islice(config.subscriptions, 200):
        told = f"alert {', '.join(subscription.alert)}" if subscription.alert else ""
        listed = f"digest {', '.join(subscription.digests)}" if subscription.digests else ""
        owed = "; ".join(filter(None, (told, listed))) or "kept, but sent nowhere"
        label = subscription.name or subscription.id or without_secrets(subscription.url)
        click.echo(f"  {safe(label)}: {owed}")
    if len(config.subscriptions) > 200:
        click.echo(f"  … and {len(config.subscriptions) - 200} more")


def _rules(config: Config) -> None:
    count = len(config.rules.rules)
    if count:
        click.echo(click.style(f"\n{count} rule{'' if count == 1 else 's'}", bold=True))
    for rule in islice(config.rules.rules, 200):
        click.echo(f"  {safe(rule)}")
    if count > 200:
        click.echo(f"  … and {count - 200} more")


def _rest(app: App) -> None:
    config = app.config
    click.echo(f"\nstore    {config.store.path}")
    listen = config.web.listen
    click.echo(f"web      {'off' if listen is None else f'http://{listen[0]}:{listen[1]}/'}")
    push = f"hubs call {config.push.base}…" if config.push.callback_url else "off"
    click.echo(f"push     {safe(push)}")
    click.echo(f"formulas {_formulas()}")
    click.echo(f"images   {_images(config)}")


def _formulas() -> str:
    from digestd.formats import mathpicture

    if mathpicture.is_available():
        return "drawn where HTML cannot say them"
    return "as text; to have them drawn: pip install 'digestd[math]'"


def _images(config: Config) -> str:
    from digestd.formats import thumbnail

    wanted = any(digest.images == "attach" for digest in config.digests.values())
    if wanted and not thumbnail.is_available():
        return "left out; to have them sent along: pip install 'digestd[math]'"
    modes = sorted({digest.images for digest in config.digests.values()})
    return ", ".join(modes) or "none"
