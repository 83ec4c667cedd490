"""`run` and `demo`."""

from __future__ import annotations

from datetime import timedelta

import click

from digestd import loop, telemetry
from digestd.cli import Context
from digestd.cli.show import DURATION


@click.command()
@click.option("--once", is_flag=True, help="One pass: poll and send what is due, then exit.")
@click.option("--all", "every", is_flag=True, help="With --once: poll every feed, due or not.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.pass_obj
def run(context: Context, once: bool, every: bool, verbose: bool) -> int:
    """The daemon, in the foreground, until SIGTERM or SIGINT.

    SIGHUP reads the configuration anew; a bad file is refused and the old one
    stays in force.
    """
    if every and not once:
        raise click.UsageError("--all goes with --once")
    telemetry.log_to_stderr(verbose=verbose, under_journal="JOURNAL_STREAM" in context.environ)
    app = context.app()
    app.config  # noqa: B018 (a bad configuration ends us here, before anything is touched)
    if once:
        from digestd.cli.once import run_once

        return loop.run(run_once(app, every=every))
    from digestd.daemon import Daemon

    async def serve() -> None:
        await Daemon(app).run()

    loop.run(serve())
    return 0


@click.command()
@click.option("--for", "span", type=DURATION, metavar="SPAN", help="End by itself: 20s, 5m.")
@click.option("--keep", type=click.Path(file_okay=False), help="Where to leave mail and pages.")
def demo(span: timedelta | None, keep: str | None) -> int:
    """The real daemon on an embedded example: no account, no network.

    A feed server publishes a post every few seconds; each alert appears here,
    a digest lands in a Maildir and as a page.
    """
    from digestd.demo.run import run_demo

    return run_demo(span, keep)
