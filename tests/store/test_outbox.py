"""The state machine between owed and sent, statement by statement."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digestd.core.messages import Debt, Delivery
from digestd.core.outcomes import Broken, Refused, SendOutcome, Sent, TryAgain, Unknown
from digestd.core.retries import RetrySettings, judge
from digestd.core.slots import Slot
from digestd.store import channels, digests, ledger, outbox, owed
from digestd.store.db import Database
from tests.support.nouns import NOW, followed, new, piece, put, seen

SOON = NOW + timedelta(minutes=2)
ME, OTHER = "me", "other"


def take(db: Database, owner: str = ME) -> Delivery | None:
    return outbox.take_next(db, "phone", owner, NOW)


def settle(db: Database, delivery: Delivery, outcome: SendOutcome) -> None:
    verdict = judge(
        outcome,
        attempts=delivery.attempts,
        failing_since=delivery.failing_since,
        channel_failures=channels.failures(db, "phone"),
        now=NOW,
        chance=0.5,
        settings=RetrySettings(),
    )
    outbox.settle(db, delivery, verdict, NOW)


def test_a_delivery_is_taken_only_by_the_holder_of_the_channel(db: Database) -> None:
    put(db, "m1")
    assert channels.take(db, "phone", ME, NOW, SOON)
    assert not channels.take(db, "phone", OTHER, NOW, SOON)
    assert take(db, OTHER) is None
    assert take(db) is not None
    assert take(db) is None  # it is being sent


def test_what_a_dead_process_was_sending_is_tried_again_as_unknown(db: Database) -> None:
    put(db, "m1")
    channels.take(db, "phone", OTHER, NOW, SOON)
    first = take(db, OTHER)
    channels.free_leases_of(db, OTHER)
    channels.take(db, "phone", ME, NOW, SOON)
    assert outbox.resume_interrupted(db, "phone", NOW) == 1
    second = take(db)
    assert first is not None
    assert second is not None
    assert second.piece == first.piece  # the same bytes under the same identity
    assert second.attempts == 2


def test_order_is_kept_and_a_failing_one_yields_after_some_tries(db: Database) -> None:
    for name in ("m1", "m2", "m3"):
        put(db, name)
    channels.take(db, "phone", ME, NOW, SOON)
    tried = []
    for _ in range(5):
        db.conn.execute("UPDATE channels SET resume_at = NULL")
        db.conn.execute("UPDATE deliveries SET due_at = 0")
        delivery = take(db)
        assert delivery is not None
        tried.append(delivery.piece.uid.partition("@")[0])
        settle(db, delivery, TryAgain("busy"))
    assert tried == ["m1", "m1", "m1", "m2", "m3"]


def test_while_a_channel_recovers_nothing_is_taken(db: Database) -> None:
    put(db, "m1")
    put(db, "m2")
    channels.take(db, "phone", ME, NOW, SOON)
    delivery = take(db)
    assert delivery is not None
    settle(db, delivery, TryAgain("slow down", timedelta(seconds=17)))
    assert take(db) is None
    assert outbox.next_due_at(db, "phone", NOW) == NOW + timedelta(seconds=17)


def test_a_broken_channel_parks_everything_and_a_mended_one_frees_it(db: Database) -> None:
    put(db, "m1")
    put(db, "m2")
    channels.take(db, "phone", ME, NOW, SOON)
    delivery = take(db)
    assert delivery is not None
    settle(db, delivery, Broken("535 wrong password"))
    put(db, "m3")
    assert {one.state for one in ledger.listing(db)} == {"parked"}
    [state] = channels.states(db)
    assert state.parked_reason == "535 wrong password"
    assert outbox.next_due_at(db, "phone", NOW) is None
    outbox.unpark(db, "phone", NOW)
    assert {one.state for one in ledger.listing(db)} == {"due"}


def test_a_refused_message_is_dead_and_the_next_goes_on(db: Database) -> None:
    put(db, "m1")
    put(db, "m2")
    channels.take(db, "phone", ME, NOW, SOON)
    first = take(db)
    assert first is not None
    settle(db, first, Refused("550 no such user"))
    second = take(db)
    assert second is not None
    settle(db, second, Sent("250 ok"))
    assert [(one.state, one.last_error) for one in ledger.listing(db)] == [
        ("dead", "550 no such user")
    ]


def test_a_late_answer_counts_unless_something_happened_since(db: Database) -> None:
    put(db, "m1")
    channels.take(db, "phone", ME, NOW, SOON)
    delivery = take(db)
    assert delivery is not None
    settle(db, delivery, Unknown("no answer"))
    outbox.settle_late(db, delivery.id, delivery.attempts - 1, NOW)
    assert [one.state for one in ledger.listing(db)] == ["due"]
    outbox.settle_late(db, delivery.id, delivery.attempts, NOW)
    assert ledger.listing(db) == []


def test_the_same_message_is_put_once(db: Database) -> None:
    put(db, "m1")
    again = outbox.Outgoing("m1", "alert", "m1", [("phone", piece())])
    assert not outbox.put(db, again, NOW)
    assert len(ledger.listing(db)) == 1


def test_a_debt_is_paid_by_one_message_only(db: Database) -> None:
    [feed] = followed(db)
    seen(db, feed, new("1", Debt("alert", "phone", NOW)))
    channels.know(db, ["phone"])
    [debt] = owed.due(db, "alert", NOW)
    one = outbox.Outgoing("a", "alert", "", [("phone", piece())], [debt.entry_id], [debt.pk])
    two = outbox.Outgoing("b", "alert", "", [("phone", piece())], [debt.entry_id], [debt.pk])
    assert outbox.put(db, one, NOW)
    assert not outbox.put(db, two, NOW)
    assert owed.due(db, "alert", NOW) == []


def test_a_slot_is_closed_once_and_keeps_its_members(db: Database) -> None:
    [feed] = followed(db)
    seen(db, feed, new("1", Debt("digest", "daily", NOW)))
    digests.know(db, ["daily"], NOW)
    channels.know(db, ["paper"])
    [debt] = owed.due(db, "digest", NOW, target="daily")
    slot = Slot("2026-11-24T08:00", NOW)
    outgoing = outbox.Outgoing(
        "digest/daily/1", "digest", "t", [("paper", piece())], [debt.entry_id], [debt.pk]
    )
    assert digests.close(db, "daily", slot, outgoing, NOW)
    assert not digests.close(db, "daily", slot, None, NOW)
    assert digests.is_closed(db, "daily", slot.key)
    [listed] = ledger.listing(db)
    assert listed.entries == (debt.entry_id,)


def test_a_slot_whose_debts_were_paid_meanwhile_stays_open(db: Database) -> None:
    [feed] = followed(db)
    seen(db, feed, new("1", Debt("digest", "daily", NOW)))
    digests.know(db, ["daily"], NOW)
    [debt] = owed.due(db, "digest", NOW, target="daily")
    first = outbox.Outgoing("one", "digest", "t", [], [debt.entry_id], [debt.pk])
    late = outbox.Outgoing("two", "digest", "t", [], [debt.entry_id], [debt.pk])
    assert digests.close(db, "daily", Slot("a", NOW), first, NOW)
    assert not digests.close(db, "daily", Slot("b", NOW), late, NOW)
    assert not digests.is_closed(db, "daily", "b")


@pytest.mark.parametrize("kind", ["alert", "digest"])
def test_an_entry_recorded_twice_owes_once(db: Database, kind: str) -> None:
    [feed] = followed(db)
    debt = Debt("alert" if kind == "alert" else "digest", "x", NOW)
    assert seen(db, feed, new("1", debt)) == 1
    assert seen(db, feed, new("1", debt)) == 0
    assert sum(owed.count(db).values()) == 1


@pytest.mark.parametrize("by", [timedelta(days=-400), timedelta(days=20_000)])
def test_a_moved_clock_neither_gives_up_nor_waits_for_years(db: Database, by: timedelta) -> None:
    put(db, "m1")
    channels.take(db, "phone", ME, NOW, SOON)
    delivery = take(db)
    assert delivery is not None
    settle(db, delivery, TryAgain("no network yet"))
    waits_until = outbox.next_due_at(db, "phone", NOW)
    assert waits_until is not None
    outbox.clock_moved(db, by, NOW + by)
    then = waits_until + min(by, timedelta(0))  # after a jump ahead, what was to come is due
    assert outbox.next_due_at(db, "phone", NOW + by) == then
    then = max(then, NOW + by)
    # The lease is that of a process that lives: it keeps it.
    channels.take(db, "phone", ME, then, then + timedelta(minutes=2))
    again = outbox.take_next(db, "phone", ME, then)
    assert again is not None
    verdict = judge(
        TryAgain("no network yet"),
        attempts=again.attempts,
        failing_since=again.failing_since,
        channel_failures=1,
        now=then,
        chance=0.5,
        settings=RetrySettings(),
    )
    assert verdict.state == "due"


def test_what_a_clock_that_was_years_ahead_has_put_off_goes_at_once(db: Database) -> None:
    put(db, "m1")
    ahead = NOW + timedelta(days=4000)
    channels.take(db, "phone", ME, ahead, ahead + timedelta(minutes=2))
    delivery = outbox.take_next(db, "phone", ME, ahead)
    assert delivery is not None
    verdict = judge(
        TryAgain("busy"),
        attempts=1,
        failing_since=None,
        channel_failures=0,
        now=ahead,
        chance=0.5,
        settings=RetrySettings(),
    )
    outbox.settle(db, delivery, verdict, ahead)
    outbox.forget_absurd_waits(db, NOW)
    assert outbox.next_due_at(db, "phone", NOW) == NOW
