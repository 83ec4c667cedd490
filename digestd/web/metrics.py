"""`/metrics` in the text format of Prometheus: read from the store, so true over restarts too.

By hand: a page of gauges and summaries needs no client library in every start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from digestd.clock import Clock
from digestd.core.latency import Latency, Quantiles, latency
from digestd.errors import StoreError
from digestd.store import feeds, hubs, ledger, passages, rhythms
from digestd.store.db import Database
from digestd.store.lanes import Store

_WINDOW = timedelta(days=7)
_WAYS: tuple[tuple[str, str, Callable[[Latency], Quantiles | None]], ...] = (
    ("published_to_seen", "publication to our seeing it", lambda of: of.seen),
    ("seen_to_accepted", "our seeing it to a channel's taking the alert", lambda of: of.accepted),
)
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


class Metrics:
    """Answers `/metrics`, to those who reach the port itself; a proxy serves strangers."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def answer(self, request: Request) -> Response:
        """Answer one scrape."""
        if any(name in request.headers for name in _FORWARDED):
            return PlainTextResponse("not found\n", status_code=404)
        try:
            text = await self._store.read(_page, self._clock())
        except StoreError as exc:
            return PlainTextResponse(f"{exc}\n", status_code=503)
        return Response(
            text,
            headers={"Cache-Control": "no-store"},
            media_type="text/plain; version=0.0.4; charset=utf-8",
        )


def _page(db: Database, now: datetime) -> str:
    whole, each = latency(passages.since(db, now - _WINDOW))
    names = feeds.ids(db)
    by_feed = {names[pk]: figures for pk, figures in each.items() if pk in names}
    told = hubs.told(db, now)
    proven = sum(told.values())
    price = rhythms.price(db)
    lines = [
        *_head("digestd_feeds", "gauge", "Feeds by how they fare."),
        *_counts("digestd_feeds", "state", feeds.counts(db)),
        *_head("digestd_deliveries", "gauge", "Deliveries that are not done, by state."),
        *_counts("digestd_deliveries", "state", ledger.counts(db)),
        *_head("digestd_pushed_feeds", "gauge", "Feeds under a hub's live lease."),
        *_counts("digestd_pushed_feeds", "hub", {"proven": proven, "new": len(told) - proven}),
    ]
    for way, words, part in _WAYS:
        said = f"From {words}, posts of seven days"
        lines += _head(f"digestd_{way}_seconds", "summary", f"{said}.")
        lines += _summary(f"digestd_{way}_seconds", "", part(whole))
        lines += _head(f"digestd_feed_{way}_seconds", "summary", f"{said}, by feed.")
        for feed, figures in sorted(by_feed.items()):
            lines += _summary(f"digestd_feed_{way}_seconds", f"feed={_quoted(feed)}", part(figures))
    if price is not None:
        lines += _head("digestd_price", "gauge", "What a request must save, in posts x days.")
        lines.append(f"digestd_price {price[0].value:.6g}")
    return "\n".join(lines) + "\n"


def _head(name: str, kind: str, words: str) -> list[str]:
    return [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]


def _counts(name: str, label: str, values: Mapping[str, int]) -> Iterator[str]:
    for key, value in values.items():
        yield f"{name}{{{label}={_quoted(key)}}} {value}"


def _summary(name: str, label: str, found: Quantiles | None) -> Iterator[str]:
    if found is None:
        return
    for quantile, value in (("0.5", found.median), ("0.9", found.p90)):
        labels = ",".join(filter(None, [label, f'quantile="{quantile}"']))
        yield f"{name}{{{labels}}} {value.total_seconds():.6g}"
    yield f"{name}_count{f'{{{label}}}' if label else ''} {found.count}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'
