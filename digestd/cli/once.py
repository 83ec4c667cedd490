"""`run --once`: one pass over everything that is due, for cron."""

from __future__ import annotations

import asyncio

from digestd.app import App
from digestd.parts import Parts
from digestd.store import feeds, ledger, outbox
from digestd.store.lanes import Store


async def run_once(app: App, *, every: bool) -> int:
    """Poll, make and send what is due; return 0, or 1 if something failed (it was logged).

    What another process has in hand is left to it. What was refused for now
    stays owed; the next pass takes it up.
    """
    store = Store(app.config.store.path)
    try:
        async with app.parts(app.config, store) as parts:
            await store.write(outbox.unpark_all, app.clock())
            if every:
                await store.write(feeds.make_due, app.clock())
            failed = False
            async for reports in parts.poller.batches():
                failed |= any(report.feed.last_error for report in reports)
            await parts.worker.close()  # nothing is read from here on; what draws starts it anew
            await parts.alerts.work()
            await parts.digests.work()
            await _send(parts)
            if await parts.notary.work():
                await _send(parts)
            for lane in parts.lanes.values():
                lane.close()
            troubled = await store.read(ledger.counts)
    finally:
        store.close()
    return 1 if failed or troubled["parked"] or troubled["dead"] else 0


async def _send(parts: Parts) -> None:
    await asyncio.gather(*(lane.work() for lane in parts.lanes.values()))
