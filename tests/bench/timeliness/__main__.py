"""How late posts are seen, in minutes: our planner against others, at equal requests."""

from __future__ import annotations

import argparse
from math import isnan
from pathlib import Path

import click

from tests.bench.timeliness.replay import COLUMNS, DAY, HOUR, TRACES, Policy, load, replay, summary
from tests.bench.timeliness.rivals import EntryFrequency, Fixed, RoundRobin, clairvoyant
from tests.support.planning import Planner


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench timeliness", description=__doc__)
    parser.add_argument("--traces", type=Path, default=TRACES, help="a .jsonl file of histories")
    parser.add_argument(
        "--budget", type=float, nargs="+", default=[24.0, 12.0], help="requests a feed and day"
    )
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--every", type=int, default=1, help="take every n-th source only")
    chosen = parser.parse_args()
    sources = load(chosen.traces)[:: chosen.every]
    days = chosen.days

    def show(name: str, policy: Policy) -> None:
        figures = summary(replay(sources, policy, days), days)
        cells = ["-" if isnan(x) else f"{x:.1f}" for x in figures[:-1]] + [f"{figures[-1]:.0f}"]
        click.echo(f"| {name} | {' | '.join(cells)} |")

    def head(title: str) -> None:
        click.echo(f"\n{title}\n\n| policy | {' | '.join(COLUMNS)} |")
        click.echo("| --- |" + " ---: |" * len(COLUMNS))

    click.echo(f"{len(sources)} feeds over {days} days; delays in minutes, requests a feed and day")
    head("As they are")
    show("fixed, 10 minutes", Fixed(600))
    show("fixed, 60 minutes", Fixed(HOUR))
    show("Miniflux round_robin", RoundRobin())
    show("Miniflux entry_frequency", EntryFrequency())
    show("Miniflux entry_frequency, 1-minute timer", EntryFrequency(60))
    for budget in chosen.budget:
        least, enough = clairvoyant(sources, days, budget)
        head(f"At {budget:g} requests")
        click.echo(f"| all times known; no delay from {enough:.2f} on | {budget:g} | {least:.1f} |")
        show("fixed", Fixed(DAY / budget))
        show("**digestd**", Planner(budget))
        show("digestd, floors of caching headers on", Planner(budget, floors=True))
        for fairness in (0.0, 0.5):
            show(f"digestd, fairness {fairness:g}", Planner(budget, fairness=fairness))


if __name__ == "__main__":
    main()
