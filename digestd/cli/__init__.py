"""The command line: `digestd [-c FILE] COMMAND`."""

from __future__ import annotations

import importlib
import keyword
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from digestd import __version__
from digestd.clock import Clock, system_clock
from digestd.errors import DigestdError
from digestd.frozen import dataclass

if TYPE_CHECKING:
    from digestd.app import App

# name: (module, one line for the list). A command's module is imported when it is called.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("digestd.cli.running", "The daemon: polls, alerts, digests, until it is told to stop."),
    "demo": ("digestd.cli.running", "The daemon on an embedded example, to see it at work."),
    "check": (
        "digestd.cli.checking",
        "Read the configuration; say what is wrong and what would happen.",
    ),
    "add": ("digestd.cli.adding", "Find the feed behind any address, and follow it."),
    "remove": ("digestd.cli.following", "Follow a feed no longer."),
    "import": ("digestd.cli.lists", "Follow the feeds of an OPML file."),
    "export": ("digestd.cli.lists", "Write all feeds as OPML."),
    "move": ("digestd.cli.following", "Follow a feed at another address; what was seen stays."),
    "feeds": ("digestd.cli.looking", "What is followed, how it fares, and when it is asked next."),
    "poll": ("digestd.cli.acting", "Ask feeds now and say what happened."),
    "entries": ("digestd.cli.looking", "What was seen."),
    "preview": ("digestd.cli.acting", "What a digest would be now."),
    "send": ("digestd.cli.acting", "Close a digest's slot now and send it."),
    "test": ("digestd.cli.acting", "Send one test message and say what the service answered."),
    "outbox": ("digestd.cli.outbox", "What is owed, to whom, and how it fares: list, retry, drop."),
    "why": ("digestd.cli.why", "The story of one entry: fetched when, told to whom, each attempt."),
    "pause": ("digestd.cli.pausing", "Silence a feed, tag:NAME, a digest, a channel, or all."),
    "resume": ("digestd.cli.pausing", "End a pause."),
    "rules": ("digestd.cli.rules", "What the rules would have done with what was seen."),
    "held": ("digestd.cli.held", "What the flood breaker holds: list, release or drop it."),
    "status": ("digestd.cli.status", "One screen: how the daemon, feeds and channels fare."),
}


@dataclass(frozen=True, slots=True)
class Context:
    """What a command starts from."""

    environ: Mapping[str, str]
    clock: Clock
    config_path: str | None

    def app(self) -> App:
        """Return the program, not yet running."""
        from digestd.app import App

        return App(self.environ, self.clock, self.config_path)


class _Lazy(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), name)
        assert isinstance(command, click.Command)  # noqa: S101 (for the type checker)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-c", "--config", metavar="FILE", help="The configuration file.")
@click.version_option(__version__, prog_name="digestd")
@click.pass_context
def root(ctx: click.Context, config: str | None) -> None:
    """New posts as they happen, and the rest as a calm digest.

    The configuration is the first that exists of: -c FILE, $DIGESTD_CONFIG,
    $XDG_CONFIG_HOME/digestd/config.toml, /etc/digestd/config.toml.
    """
    environ, clock = ctx.obj
    ctx.obj = Context(environ, clock, config)


def main(
    argv: Sequence[str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock = system_clock,
) -> int:
    """Run one command; return its exit code.

    0 done, 1 something failed (it was named), 2 usage or configuration.
    """
    try:
        value = root.main(
            args=argv,
            prog_name="digestd",
            obj=(os.environ if environ is None else environ, clock),
            standalone_mode=False,
        )
    except DigestdError as exc:
        click.echo(f"digestd: {exc}", err=True)
        return exc.exit_code
    except click.ClickException as exc:
        exc.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # `digestd entries | head`: the reader has enough. Nothing may be flushed into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return value if isinstance(value, int) else 0
