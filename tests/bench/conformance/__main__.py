"""How documents of other parsers' test suites are read: title, link, id, date, content.

The suites are fetched from the package index at run time into a cache folder.
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


@dataclass(frozen=True)
class Suite:
    """One suite: where it comes from, how it is read, and the share that must be good."""

    name: str
    fetch: Callable[[Path], Path]
    cases: Callable[[Path], Iterator[Case]]
    least: float = 95.0


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
    Suite(others.READER, lambda cache: fetch(others.READER, cache), others.reader, 88.0),
)


def main() -> int:
    """Run the suites; 1 if one of them falls short."""
    parser = argparse.ArgumentParser(prog="./dev bench conformance", description=__doc__)
    parser.add_argument("--cache", type=Path, default=cache_folder(), help="the archives' folder")
    chosen = parser.parse_args()
    short = False
    for suite in SUITES:
        try:
            source = suite.fetch(chosen.cache)
        except UnavailableError as exc:
            click.echo(f"{suite.name}: left out ({exc})")
            continue
        begun = time.perf_counter()
        score = judge(suite.name, suite.cases(source), MEANT)
        took = time.perf_counter() - begun
        figures = f"{score.good} of {score.cases}, {score.share:.2f} % (bar {suite.least:g} %)"
        click.echo(f"{score.name}: {figures}, {took:.1f} s")
        for line in score.failed:
            click.echo(f"  {line}")
        for line in score.meant:
            click.echo(f"  on purpose: {line}")
        short = short or score.share < suite.least
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
