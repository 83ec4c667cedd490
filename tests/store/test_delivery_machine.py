"""The state machine of deliveries against a model, over any history of two processes.

The model is what the promises say: a message that was accepted and noted is never
sent again, none is lost, one channel sends one message at a time, in order, to
one process, and says nothing while it is parked, paused or asked to wait.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from digestd.core.messages import Delivery
from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.core.pausing import Pause
from digestd.core.retries import PATIENCE, RetrySettings, judge
from digestd.store import channels, outbox, pauses
from digestd.store.db import connect, stamp, write_transaction
from tests.support.nouns import NOW, put

CHANNELS = ("phone", "desk")
PROCESSES = ("one", "other")
SETTINGS = RetrySettings(first_retry=timedelta(seconds=10), give_up=timedelta(hours=3))
LEASE = timedelta(minutes=2)

outcomes = st.one_of(
    st.just(Sent("ok")),
    st.just(TryAgain("busy")),
    st.just(TryAgain("busy", timedelta(seconds=30))),
    st.just(Unknown("reset")),
    st.just(Refused("550")),
    st.just(Broken("401")),
)


@dataclass
class Message:
    """A delivery as the model sees it."""

    channel: str
    state: str = "due"
    due_at: datetime = NOW
    attempts: int = 0
    since: datetime | None = None
    accepted: int = 0  # how often the service said yes
    doubts: int = 0  # how often nobody knows what it said
    dropped: bool = False


@dataclass
class Road:
    """A channel as the model sees it."""

    failures: int = 0
    resume_at: datetime | None = None
    parked: bool = False
    paused: bool = False
    holder: str | None = None
    until: datetime = NOW


class DeliveryMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.db = connect(Path(self.folder.name) / "digestd.db")
        self.db.conn.execute("PRAGMA synchronous = OFF")
        channels.know(self.db, CHANNELS)
        self.now = NOW
        self.messages: dict[int, Message] = {}
        self.roads = {name: Road() for name in CHANNELS}
        # What a process is sending just now, by process and channel.
        self.in_hand: dict[tuple[str, str], Delivery] = {}

    def teardown(self) -> None:
        self.db.conn.close()
        self.folder.cleanup()

    # --- what happens ------------------------------------------------------------------

    @rule(channel=st.sampled_from(CHANNELS))
    def owe(self, channel: str) -> None:
        number = len(self.messages) + 1
        with write_transaction(self.db):
            put(self.db, f"m{number}", [channel], self.now)
        state = "parked" if self.roads[channel].parked else "due"
        self.messages[number] = Message(channel, state, self.now)

    @rule(process=st.sampled_from(PROCESSES), channel=st.sampled_from(CHANNELS))
    def take(self, process: str, channel: str) -> None:
        """Take the lease and a delivery, as a lane begins its work."""
        if (process, channel) in self.in_hand:
            return  # a lane does one thing at a time
        road = self.roads[channel]
        with write_transaction(self.db):
            got = channels.take(self.db, channel, process, self.now, self.now + LEASE)
            taken = None
            if got:
                outbox.resume_interrupted(self.db, channel, self.now)
                taken = outbox.take_next(self.db, channel, process, self.now)
        assert got == (road.holder in (None, process) or road.until < self.now)
        if not got:
            return
        road.holder, road.until = process, self.now + LEASE
        for message in self.messages.values():
            if message.channel == channel and message.state == "sending":
                message.state, message.doubts = "due", message.doubts + 1
        expected = self._next(channel)
        assert (taken.id if taken else None) == expected
        if taken is not None:
            message = self.messages[taken.id]
            message.state, message.attempts = "sending", message.attempts + 1
            assert taken.piece.uid == f"m{taken.id}@{channel}"
            assert taken.attempts == message.attempts
            self.in_hand[process, channel] = taken

    def _next(self, channel: str) -> int | None:
        road = self.roads[channel]
        if road.parked or road.paused or (road.resume_at and road.resume_at > self.now):
            return None
        due = [
            (message.attempts if road.failures >= PATIENCE else 0, number)
            for number, message in self.messages.items()
            if message.channel == channel and message.state == "due" and message.due_at <= self.now
        ]
        return min(due)[1] if due else None

    @rule(channel=st.sampled_from(CHANNELS), outcome=outcomes)
    def send(self, channel: str, outcome: SendOutcome) -> None:
        """Take and settle, as most of the time."""
        self.take(PROCESSES[0], channel)
        if (PROCESSES[0], channel) in self.in_hand:
            self._settle((PROCESSES[0], channel), outcome)

    @precondition(lambda self: self.in_hand)
    @rule(outcome=outcomes)
    def sleep_until_another_has_taken_over(self, outcome: SendOutcome) -> None:
        process, channel = min(self.in_hand)
        self.now += LEASE * 2
        self.take(PROCESSES[1 - PROCESSES.index(process)], channel)
        self._settle((process, channel), outcome)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data(), outcome=outcomes)
    def settle(self, data: st.DataObject, outcome: SendOutcome) -> None:
        self._settle(data.draw(st.sampled_from(sorted(self.in_hand))), outcome)

    def _settle(self, key: tuple[str, str], outcome: SendOutcome) -> None:
        delivery = self.in_hand.pop(key)
        message, road = self.messages[delivery.id], self.roads[delivery.channel]
        verdict = judge(
            outcome,
            attempts=delivery.attempts,
            failing_since=delivery.failing_since,
            channel_failures=road.failures,
            now=self.now,
            chance=0.5,
            settings=SETTINGS,
        )
        in_time = message.state == "sending" and message.attempts == delivery.attempts
        with write_transaction(self.db):
            assert outbox.settle(self.db, delivery, verdict, self.now) == in_time
        message.accepted += isinstance(outcome, Sent)
        if not in_time:
            # Another process has taken it over while this one slept.
            was_last = message.state == "due" and message.attempts == delivery.attempts
            if isinstance(outcome, Sent) and was_last:
                message.state, message.since = "sent", None
            return
        message.doubts += isinstance(outcome, Unknown)
        message.state, message.due_at = verdict.state, verdict.due_at
        message.since = verdict.failing_since
        road.failures, road.resume_at = verdict.channel_failures, verdict.resume_at
        if verdict.state == "parked":
            road.parked = True
            for other in self.messages.values():
                if other.channel == delivery.channel and other.state == "due":
                    other.state = "parked"

    @precondition(lambda self: self.in_hand)
    @rule(process=st.sampled_from(PROCESSES), accepted=st.booleans())
    def die(self, process: str, accepted: bool) -> None:
        """kill -9: the service may have accepted what was in hand; nobody will know."""
        for key in [key for key in self.in_hand if key[0] == process]:
            self.messages[self.in_hand.pop(key).id].accepted += accepted
        for name, road in self.roads.items():
            channels.free_leases_of(self.db, process)
            if road.holder == process:
                self.roads[name].holder = None

    @rule(seconds=st.sampled_from([1, 9, 31, 200, 3700, 12_000]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(channel=st.sampled_from(CHANNELS))
    def mend(self, channel: str) -> None:
        with write_transaction(self.db):
            outbox.unpark(self.db, channel, self.now)
        self._freed(channel)

    def _freed(self, channel: str) -> None:
        road = self.roads[channel]
        road.parked, road.failures, road.resume_at = False, 0, None
        for message in self.messages.values():
            if message.channel == channel and message.state == "parked":
                message.state, message.due_at, message.since = "due", self.now, None

    @rule(channel=st.sampled_from(CHANNELS))
    def pause_or_resume(self, channel: str) -> None:
        road, pause = self.roads[channel], Pause(f"channel:{channel}", self.now)
        with write_transaction(self.db):
            if road.paused:
                pauses.end(self.db, pause, {}, self.now)
            else:
                pauses.begin(self.db, pause)
        road.paused = not road.paused

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), again=st.booleans())
    def by_hand(self, data: st.DataObject, again: bool) -> None:
        """The owner retries or drops a delivery."""
        number = data.draw(st.sampled_from(sorted(self.messages)))
        message = self.messages[number]
        free = message.state in ("due", "parked", "dead")
        with write_transaction(self.db):
            if again:
                done = outbox.retry(self.db, number, self.now)
            else:
                done = str(outbox.drop(self.db, [number], "by hand") or "")
        assert bool(done) == (free and (again or not message.dropped))
        if not done:
            return
        message.dropped = not again
        if again:
            message.state, message.due_at, message.since = "due", self.now, None
            self._freed(message.channel)
        else:
            message.state = "dead"

    # --- what must always hold ---------------------------------------------------------

    @invariant()
    def the_database_is_as_the_model_says(self) -> None:
        rows = self.db.conn.execute(
            "SELECT id, state, attempts, due_at, failing_since, dropped <> '' FROM deliveries"
        ).fetchall()
        assert {row[0]: row[1:] for row in rows} == {
            number: (
                m.state,
                m.attempts,
                stamp(m.due_at),
                None if m.since is None else stamp(m.since),
                m.dropped,
            )
            for number, m in self.messages.items()
        }

    @invariant()
    def one_message_of_a_channel_is_on_its_way(self) -> None:
        for name in CHANNELS:
            sending = [
                m for m in self.messages.values() if (m.channel, m.state) == (name, "sending")
            ]
            assert len(sending) <= 1

    @invariant()
    def nothing_arrives_more_often_than_it_must(self) -> None:
        for message in self.messages.values():
            assert message.accepted <= 1 + message.doubts + (message.state == "sending")
            if message.state == "sent":
                assert message.accepted >= 1


DeliveryMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDeliveries = DeliveryMachine.TestCase
