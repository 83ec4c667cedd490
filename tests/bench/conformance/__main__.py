"""How documents of other parsers' test suites are read: title, link, id, date, content.

And whether a first fetch, which leaves entries unread, finds in them what reading finds. The
suites are fetched from the package index at run time into a cache folder.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from tests.bench.conformance import feedparsers, others
from tests.bench.conformance.archives import (
    UnavailableError,
    cache_folder,
    fetch,
    fetch_debian,
)
from tests.bench.conformance.glances import Tally
from tests.bench.conformance.judge import Case, judge

_RELATIVE = "a relative id stays as it is: made absolute, it would change with the feed's address"
_PLAYER = "what stands in an iframe is for programs that know none"
_HTML5 = "HTML 5 has moved these two names to other characters"
MEANT = {
    "wellformed/base/http_entry_id_base_content_location.xml": _RELATIVE,
    "wellformed/base/http_entry_id_base_docuri.xml": _RELATIVE,
    "relative.rss": _RELATIVE,
    "wellformed/sanitize/entry_content_iframe.xml": _PLAYER,
    "wellformed/sanitize/entry_summary_iframe.xml": _PLAYER,
    "entities/lang.xml": _HTML5,
    "entities/rang.xml": _HTML5,
    "no_guid.rss": "a link is no guid",
}
_GOFEED = "golang-github-mmcdole-gofeed-dev"
_GOFEED_TESTS = "usr/share/gocode/src/github.com/mmcdole/gofeed/testdata"


_LEAST_OF_OTHERS = 95.0


@dataclass(frozen=True)
class Suite:
    """One suite: where it comes from, and how it is read. `least`: the share that must be good.

    Suites without one are held to `_LEAST_OF_OTHERS` together: some have a dozen cases.
    """

    name: str
    fetch: Callable[[Path], Path]
    cases: Callable[[Path], Iterator[Case]]
    least: float | None = None


SUITES = (
    Suite(
        feedparsers.ARCHIVE,
        lambda cache: fetch(feedparsers.ARCHIVE, cache),
        feedparsers.cases,
        99.0,
    ),
    Suite("gofeed", lambda cache: fetch_debian(_GOFEED, _GOFEED_TESTS, cache), others.gofeed),
    Suite(
        others.PODCASTPARSER,
        lambda cache: fetch(others.PODCASTPARSER, cache),
        others.podcastparser,
    ),
    Suite(others.RSS_PARSER, lambda cache: fetch(others.RSS_PARSER, cache), others.rss_parser),
    Suite(others.READER, lambda cache: fetch(others.READER, cache), others.reader),
)


def main() -> int:
    """Run the suites; 1 if one of them falls short."""
    parser = argparse.ArgumentParser(prog="./dev bench conformance", description=__doc__)
    parser.add_argument("--cache", type=Path, default=cache_folder(), help="the archives' folder")
    chosen = parser.parse_args()
    short, good, cases = False, 0, 0
    glances = Tally()
    for suite in SUITES:
        try:
            source = suite.fetch(chosen.cache)
        except UnavailableError as exc:
            click.echo(f"{suite.name}: left out ({exc})")
            continue
        begun = time.perf_counter()
        score = judge(suite.name, suite.cases(source), MEANT)
        took = time.perf_counter() - begun
        glances.add(suite.cases(source))
        click.echo(f"{score.name}: {_share(score.good, score.cases, suite.least)}, {took:.1f} s")
        for line in score.failed:
            click.echo(f"  {line}")
        for line in score.meant:
            click.echo(f"  on purpose: {line}")
        if suite.least is not None:
            short = short or score.share < suite.least
        else:
            good, cases = good + score.good, cases + score.cases
    if cases:
        click.echo(f"the others together: {_share(good, cases, _LEAST_OF_OTHERS)}")
        short = short or 100 * good < _LEAST_OF_OTHERS * cases
    differing = glances.differing
    click.echo(
        f"at a glance: {glances.glanced} of {glances.seen} documents, {len(differing)} otherwise"
    )
    for line in differing:
        click.echo(f"  {line}")
    return 1 if short or differing else 0


def _share(good: int, cases: int, least: float | None) -> str:
    bar = f" (bar {least:g} %)" if least is not None else ""
    return f"{good} of {cases}, {100 * good / max(cases, 1):.2f} %{bar}"


if __name__ == "__main__":
    sys.exit(main())
