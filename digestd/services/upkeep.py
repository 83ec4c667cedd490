"""What keeps the database small and quick: old bodies dropped, statistics renewed."""

from __future__ import annotations

from datetime import timedelta

from digestd import telemetry
from digestd.clock import Clock
from digestd.store import fulltexts, pictures, pruning
from digestd.store.lanes import Store

_CHUNK = 500


async def tidy(store: Store, clock: Clock, keep: timedelta) -> int:
    """Drop the bodies of entries older than `keep`, and sent payloads; return how many rows.

    In small steps, so that nobody waits long for the database. Seen keys stay.
    What is still owed, or on its way, is kept whatever its age.
    """
    before = clock() - keep
    dropped = 0
    while True:
        step = await store.write(pruning.drop_bodies, before, _CHUNK)
        step += await store.write(pruning.drop_payloads, before, _CHUNK)
        dropped += step
        if not step:
            break
    dropped += await store.write(pictures.drop_unused, clock())
    dropped += await store.write(fulltexts.drop_before, before)
    await store.write(pruning.optimise)
    if dropped:
        telemetry.info("tidied", rows=dropped, before=before)
    return dropped
