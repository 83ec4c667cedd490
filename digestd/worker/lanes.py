"""Two children for documents: a quick one for nearly all, and one for those that take their time.

A document made to be slow would hold up everybody behind it. So each has a moment in the
quick lane; what has not been read by then is read anew in the slow one, where only its
like waits. And feeds known to be well go ahead of those that are new or fail.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from digestd.worker.parent import JobTooLongError, Worker
from digestd.worker.turns import Turns

# Of CPU time. An ordinary feed takes some hundredths of a second.
A_MOMENT = timedelta(seconds=1)
PATIENCE = timedelta(seconds=20)
# Larger documents take longer than a moment anyway.
_LARGE = 1 << 20
# What an honest document of 16 MB takes, and a little more.
_MEMORY = 320 << 20


class Lanes:
    """Runs named jobs as `Worker` does; the first argument is the document."""

    def __init__(self) -> None:
        self.quick = Worker(cpu=A_MOMENT, memory_bytes=_MEMORY)
        self._turns = Turns()
        self.slow = Worker(cpu=PATIENCE, deadline=3 * PATIENCE, memory_bytes=_MEMORY)

    async def run(
        self,
        job: str,
        document: bytes,
        *args: Any,  # noqa: ANN401 (each job has its own arguments and type)
        ahead: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Return the job's value; raise JobFailedError if it has none in time.

        `ahead` of all that are not: who has never been any trouble.
        """
        if len(document) <= _LARGE:
            try:
                async with self._turns.turn(ahead=ahead):
                    return await self.quick.run(job, document, *args, **kwargs)
            except JobTooLongError:
                pass
        return await self.slow.run(job, document, *args, **kwargs)

    async def close(self) -> None:
        """End both children."""
        await self.quick.close()
        await self.slow.close()
