"""Which alerts go out now, which wait, and which become one list: nothing is ever lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from digestd.core.alerting import AlertPlan, Manners, Waiting, plan_alerts
from digestd.core.pausing import ENDLESS, Pause
from digestd.core.quiet import Quiet

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIVE = Manners(burst=5)


def plan(
    due: list[Waiting], manners: Manners = FIVE, told: list[tuple[datetime, int]] | None = None
) -> AlertPlan:
    return plan_alerts(due, manners, told=told or [], now=NOW, zone=UTC)


def waiting(count: int, start: int = 1) -> list[Waiting]:
    return [Waiting(pk) for pk in range(start, start + count)]


def test_few_alerts_go_out_one_by_one() -> None:
    assert plan(waiting(5)).messages == ((1,), (2,), (3,), (4,), (5,))


def test_many_at_once_are_one_list() -> None:
    assert plan(waiting(8)).messages == ((1, 2, 3, 4, 5, 6, 7, 8),)


def test_those_above_the_limit_wait_until_the_window_has_passed() -> None:
    made = plan(waiting(4), told=[(NOW - 8 * MINUTE, 1), (NOW - MINUTE, 2)])
    assert made.messages == ((1,), (2,))
    assert made.held == ((3, NOW + 2 * MINUTE, "burst"), (4, NOW + 2 * MINUTE, "burst"))


def test_what_was_told_before_the_window_does_not_count() -> None:
    assert len(plan(waiting(5), told=[(NOW - 10 * MINUTE, 90)]).messages) == 5


def test_what_has_waited_goes_as_one_list_with_what_is_new() -> None:
    due = [Waiting(1, was_held=True), Waiting(2, was_held=True), Waiting(3)]
    assert plan(due, told=[(NOW - MINUTE, 9)]).messages == ((1, 2, 3),)


def test_in_quiet_hours_everything_waits_for_their_end() -> None:
    made = plan(waiting(2), Manners(Quiet.parse(["11:00-13:30"])))
    assert made.messages == ()
    assert {(until, why) for _, until, why in made.held} == {(NOW + 90 * MINUTE, "quiet")}


def test_a_pause_leaves_to_the_digest_what_has_one_and_holds_the_rest() -> None:
    pause = Pause("all", NOW - MINUTE)
    made = plan([Waiting(1, pause=pause, in_digest=True), Waiting(2, pause=pause)])
    assert [pk for pk, _ in made.dropped] == [1]
    assert made.held == ((2, ENDLESS, "paused"),)


def test_a_dropping_pause_drops() -> None:
    made = plan([Waiting(1, pause=Pause("feed:x", NOW, NOW + MINUTE, dropping=True)), Waiting(2)])
    assert (made.messages, made.dropped) == (((2,),), ((1, "feed:x was paused"),))


@given(
    st.lists(
        st.builds(
            Waiting,
            pk=st.integers(1, 10**6),
            was_held=st.booleans(),
            pause=st.none()
            | st.builds(Pause, st.just("all"), st.just(NOW), dropping=st.booleans()),
            in_digest=st.booleans(),
        ),
        unique_by=lambda one: one.pk,
        max_size=300,
    ),
    st.builds(
        Manners,
        quiet=st.sampled_from([Quiet(), Quiet.parse(["11:00-13:00"])]),
        burst=st.integers(0, 9),
    ),
    st.lists(st.tuples(st.integers(0, 30).map(lambda n: NOW - n * MINUTE), st.integers(1, 5))),
)
def test_every_alert_has_exactly_one_fate_and_waits_only_for_the_future(
    due: list[Waiting], manners: Manners, told: list[tuple[datetime, int]]
) -> None:
    made = plan(due, manners, told)
    fates = [pk for message in made.messages for pk in message]
    fates += [pk for pk, _, _ in made.held] + [pk for pk, _ in made.dropped]
    assert sorted(fates) == sorted(one.pk for one in due)
    assert all(until > NOW for _, until, _ in made.held)
    flat = [pk for message in made.messages for pk in message]
    assert flat == [one.pk for one in due if one.pk in set(flat)]  # order is kept
