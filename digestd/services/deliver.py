"""Lanes: one worker per channel that leases, sends and settles its deliveries, in order."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import random
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from digestd import telemetry
from digestd.clock import Clock
from digestd.core.messages import Delivery
from digestd.core.models import Channel, MailServer
from digestd.core.outcomes import Broken, SendOutcome, Sent, Unknown
from digestd.core.pace import Pace
from digestd.core.retries import RetrySettings, Verdict, judge
from digestd.errors import ConfigError, StoreError
from digestd.services.waiting import LONGEST_WAIT, Bell
from digestd.store import channels, outbox
from digestd.store.db import Database
from digestd.store.lanes import Promise, Store

if TYPE_CHECKING:  # loaded when something is sent
    from digestd.delivery.senders import Sender
    from digestd.delivery.target import Target

# Senders bound their own sockets; this is for the ones that hang all the same.
SEND_DEADLINE = timedelta(seconds=60)
_LEASE = SEND_DEADLINE + timedelta(seconds=60)
# A thread cannot be killed. So many may be left hanging on one channel before
# it waits for one of them to return.
_MOST_ABANDONED = 3
_NOT_OURS = timedelta(seconds=1)
_FULL_DISK = timedelta(seconds=1)


class SendThread:
    """One thread for one channel's blocking calls; left behind when it hangs."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        # A daemon thread: one that never returns must not keep the process alive.
        threading.Thread(target=self._work, name=f"digestd-send-{name}", daemon=True).start()

    def call(self, function: Callable[[], object]) -> None:
        """Run `function` after what was asked before."""
        self._calls.put(function)

    def close(self) -> None:
        """End the thread after its present call."""
        self._calls.put(None)

    def _work(self) -> None:
        while (function := self._calls.get()) is not None:
            try:
                function()
            except BaseException as exc:  # noqa: BLE001 (the next call is another matter)
                telemetry.error("a channel's thread failed", exc=exc)


class _Attempt:
    """One try to send. What it came to says whoever ends it: who sends, or who waited too long."""

    def __init__(self, delivery: Delivery, store: Store) -> None:
        self.delivery = delivery
        self.outcome: SendOutcome = Unknown("the process ended while sending")
        self.recorded: Promise = store.promise()
        self._open = [True]

    def end(self, outcome: SendOutcome) -> bool:
        """Return whether it is the first who says so. For any thread."""
        try:
            self._open.pop()  # only one can have it
        except IndexError:
            return False
        self.outcome = outcome
        return True


class Targets:
    """The configured channels, opened at first need (Apprise costs 300 ms and 40 MB)."""

    def __init__(self, channels: Mapping[str, Channel], mail: MailServer | None) -> None:
        self._channels = channels
        self._mail = mail
        self._open: dict[str, Target] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._channels

    def is_slow_to_open(self, name: str) -> bool:
        """Return whether opening it for the first time loads Apprise."""
        from digestd.delivery.own import OWN_SCHEMES  # noqa: PLC0415 (when one is opened)

        scheme = self._channels[name].url.partition(":")[0].lower() if name in self else ""
        return scheme not in ("", "mail", *OWN_SCHEMES)

    def __getitem__(self, name: str) -> Target:
        """Return the channel's target. Raises ConfigError, without a secret in it."""
        if name not in self._open:
            if name not in self._channels:
                raise ConfigError(f"channels.{name}", "is not configured any more")
            from digestd.delivery.targets import open_target  # noqa: PLC0415 (as above)

            self._open[name] = open_target(self._channels[name], self._mail)
        return self._open[name]


class Lane:
    """One channel's worker. A channel that hangs, fails or is slow delays only itself."""

    def __init__(
        self,
        name: str,
        *,
        store: Store,
        targets: Targets,
        owner: str,
        make_sender: Callable[[Target], Sender],
        settings: RetrySettings,
        clock: Clock,
        on_settled: Callable[[Delivery, Verdict], None] = lambda _delivery, _verdict: None,
        monotonic: Callable[[], float] = time.monotonic,
        is_quiet: Callable[[datetime], bool] = lambda _now: False,
    ) -> None:
        """`is_quiet` says whether alerts wait."""
        self.name = name
        self.bell = Bell()
        self._store = store
        self._targets = targets
        self._owner = owner
        self._make_sender = make_sender
        self._settings = settings
        self._clock = clock
        self._on_settled = on_settled
        self._monotonic = monotonic
        self._is_quiet = is_quiet
        self._pace: Pace | None = None  # known once the target is open
        self._holds = False  # the channel's lease
        self._thread: SendThread | None = None
        self._sender: Sender | None = None
        self._hanging: set[_Attempt] = set()  # whose threads were left behind
        self._stopping = False

    async def run(self) -> None:
        """Send whatever is due, until `stop`."""
        self._warm_up()
        try:
            while not self._stopping:
                await self.work()
                now = self._clock()
                due_at = await self._next_due_at(now)
                # What is due and was not done is in another process's hands, or
                # waits for a hanging thread: look again soon, not at once.
                await self.bell.wait(None if due_at is None else max(due_at - now, _NOT_OURS))
        finally:
            self.close()

    def stop(self) -> None:
        """Let `run` end after the delivery that is on its way."""
        self._stopping = True
        self.bell.ring()

    async def work(self) -> int:
        """Send what is due now, as fast as the service likes; return how many were settled.

        Nothing, if another process has the lease: it does the work.
        """
        settled = 0
        while len(self._hanging) < _MOST_ABANDONED:
            now = self._clock()
            due_at = await self._next_due_at(now)
            if due_at is None or due_at > now:
                break
            if wait := self._wait_for_pace():
                if self._stopping:
                    break
                await self.bell.wait(timedelta(seconds=wait))
                continue
            if not (sent := await self._send_due()):
                break
            settled += sent
            if self._stopping:
                break
        return settled

    async def _next_due_at(self, now: datetime) -> datetime | None:
        return await self._store.read(outbox.next_due_at, self.name, now, quiet=self._is_quiet(now))

    async def _send_due(self) -> int:
        """Send what is due now, until the service's pace says stop."""
        settled = 0
        try:
            delivery = await self._store.write(self._begin, self._clock())
            while delivery is not None:
                verdict, following = await self._send(delivery)
                # A long backlog is no loop that hangs.
                self.bell.touch()
                self._report(delivery, verdict)
                delivery = following
                settled += 1
        finally:
            # Also when cancelled: what we hold, another may take at once.
            if self._holds:
                await asyncio.shield(self._store.write(self._release))
        return settled

    async def _recorded(self, attempt: _Attempt) -> tuple[Verdict, Delivery | None]:
        """Return what was recorded of an attempt, however long the disk is full.

        Whoever forgot it here would send the message again.
        """
        wait = _FULL_DISK
        written: Awaitable[tuple[Verdict, Delivery | None]] = attempt.recorded.written
        while True:
            try:
                return await written
            except StoreError as exc:
                if self._stopping:
                    raise
                telemetry.error(
                    "outcome not recorded yet", channel=self.name, id=attempt.delivery.id, why=exc
                )
            await self.bell.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT)
            written = self._store.write(self._settle, attempt.delivery, attempt.outcome)

    def _wait_for_pace(self) -> float:
        return self._pace.wait(self._monotonic()) if self._pace else 0.0

    def _warm_up(self) -> None:
        """Let what takes long to load be loaded now, not when the first message waits."""
        if self._targets.is_slow_to_open(self.name) and self._thread is None:
            self._thread = SendThread(self.name)
            self._thread.call(self._opened)

    def _opened(self) -> SendOutcome:
        """Runs in the lane's thread: make what sends, unless it is there."""
        try:
            if self._sender is None:
                target = self._targets[self.name]
                per_minute, burst = target.pace
                self._pace = self._pace or Pace.of(per_minute, self._monotonic(), burst)
                self._sender = self._make_sender(target)
        except ConfigError as exc:
            return Broken(exc.reason)
        return Sent()

    def close(self) -> None:
        """Close the connection and end the thread, unless it hangs."""
        if self._thread is not None:
            if self._sender is not None:
                self._thread.call(self._sender.close)
            self._thread.close()
        self._thread = self._sender = None

    def _begin(self, db: Database, now: datetime) -> Delivery | None:
        """Take the lease, see to what a dead process left, mark the first delivery."""
        if not channels.take(db, self.name, self._owner, now, now + _LEASE):
            return None
        self._holds = True
        outbox.resume_interrupted(db, self.name, now)
        return self._take_next(db, now)

    def _take_next(
        self, db: Database, now: datetime, failures: int | None = None
    ) -> Delivery | None:
        quiet = self._is_quiet(now)
        return outbox.take_next(db, self.name, self._owner, now, quiet=quiet, failures=failures)

    def _release(self, db: Database) -> None:
        channels.release(db, self.name, self._owner)
        self._holds = False

    def _settle(
        self, db: Database, delivery: Delivery, outcome: SendOutcome
    ) -> tuple[Verdict, Delivery | None]:
        """Record what an attempt came to; in the same transaction mark the next, or let go."""
        now = self._clock()
        verdict = judge(
            outcome,
            attempts=delivery.attempts,
            failing_since=delivery.failing_since,
            channel_failures=channels.failures(db, self.name),
            now=now,
            chance=random.random(),  # noqa: S311 (jitter, not a secret)
            settings=self._settings,
        )
        settled = outbox.settle(db, delivery, verdict, now, (self._owner, now + _LEASE))
        following = None
        if self._may_go_on():
            failures = verdict.channel_failures if settled else None
            following = self._take_next(db, now, failures)
        if following is None:
            self._release(db)
        return verdict, following

    def _may_go_on(self) -> bool:
        is_held_up = self._stopping or len(self._hanging) >= _MOST_ABANDONED
        return not is_held_up and self._wait_for_pace() <= 0

    def _report(self, delivery: Delivery, verdict: Verdict) -> None:
        facts: dict[str, object] = {
            "channel": self.name,
            "id": delivery.id,
            "title": delivery.piece.title,
            "attempt": delivery.attempts,
        }
        if verdict.state == "sent":
            telemetry.info("delivered", **facts)
        else:
            facts |= {"outcome": verdict.outcome, "why": verdict.answer}
            if verdict.state == "due":
                facts["next"] = verdict.due_at
            telemetry.warning("not delivered", **facts)
        self._on_settled(delivery, verdict)

    async def _send(self, delivery: Delivery) -> tuple[Verdict, Delivery | None]:
        """Send a delivery and record what that came to; return the verdict, and the next."""
        if self._thread is None:
            self._thread = SendThread(self.name)
        attempt = _Attempt(delivery, self._store)
        loop = asyncio.get_running_loop()
        self._thread.call(lambda: self._try(attempt, loop))
        seconds = SEND_DEADLINE.total_seconds()
        try:
            answered, _ = await asyncio.wait((attempt.recorded.written,), timeout=seconds)
        except asyncio.CancelledError:
            attempt.end(attempt.outcome)
            raise
        if not answered and attempt.end(Unknown(f"no answer within {seconds:.0f} s")):
            self._abandon(attempt)
        return await self._recorded(attempt)

    def _try(self, attempt: _Attempt, loop: asyncio.AbstractEventLoop) -> None:
        """Runs in the lane's thread: send, and hand what that came to to the database.

        The loop hears of it when it is recorded: to wake it costs as much as to send.
        """
        try:
            outcome = self._blocking_send(attempt.delivery)
        except BaseException as exc:  # noqa: BLE001 (a sender's bug is that delivery's trouble)
            telemetry.error("sender failed", exc=exc, channel=self.name, id=attempt.delivery.id)
            outcome = Unknown(f"the sender failed ({type(exc).__name__})")
        if attempt.end(outcome):
            attempt.recorded.begin(lambda db: self._settle(db, attempt.delivery, outcome))
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(self._came_late, attempt, outcome)

    def _blocking_send(self, delivery: Delivery) -> SendOutcome:
        """Runs in the lane's thread, which alone touches the sender."""
        opened = self._opened()
        if self._sender is None:
            return opened
        if self._pace is not None:
            self._pace = self._pace.spent(self._monotonic())
        return self._sender.send(delivery.piece)

    def _abandon(self, attempt: _Attempt) -> None:
        """Leave the hanging thread, to end when it returns; a late success still counts."""
        if self._thread is not None:
            self._thread.close()
        self._thread = self._sender = None
        self._hanging.add(attempt)
        delivery, outcome = attempt.delivery, attempt.outcome
        attempt.recorded.begin(lambda db: self._settle(db, delivery, outcome))

    def _came_late(self, attempt: _Attempt, outcome: SendOutcome) -> None:
        """Take note that a thread has returned; nobody waits for one that was cancelled."""
        if attempt not in self._hanging:
            return
        self._hanging.discard(attempt)
        self.bell.ring()
        if isinstance(outcome, Sent):
            delivery = attempt.delivery
            task = asyncio.get_running_loop().create_task(
                self._store.write(outbox.settle_late, delivery.id, delivery.attempts, self._clock())
            )
            _LATE.add(task)
            task.add_done_callback(_LATE.discard)


# Late answers on their way into the database; the loop keeps only weak references to tasks.
_LATE: set[asyncio.Task[None]] = set()
