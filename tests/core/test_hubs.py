"""Which hubs are won, kept and left. Names carry the rows of the checklist."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from digestd.core.hubs import VERIFY_WITHIN, Agenda, Standing, Wish, agenda, missed_by_hub
from digestd.core.websub import HubSubscription, Offer
from tests.core.test_websub import BASE, DAY, FEED, HOUR, HUB, MINUTE, ONE, OTHER, PENDING
from tests.support.nouns import NOW

STANDING = Standing(7, Offer((HUB, OTHER), FEED))


def todo(
    *living: HubSubscription, standing: Standing | None = STANDING, now: datetime = NOW
) -> Agenda:
    return agenda([standing] if standing else [], living, BASE, now)


def test_a_feed_with_a_hub_is_subscribed_to() -> None:
    assert todo().wishes == [Wish(STANDING, HUB)]
    assert todo(PENDING).wishes == []
    assert todo(ONE).wishes == []
    assert todo(ONE).look_at == ONE.renew_at


def test_d5_after_a_refusal_the_next_hub_is_tried_at_once_and_all_of_them_later() -> None:
    second = STANDING.failed("HTTP 500", NOW, 0.0)
    assert todo(standing=second).wishes == [Wish(second, OTHER)]
    third = second.failed("HTTP 500", NOW, 0.0)
    assert third.try_at
    assert todo(standing=third).wishes == []
    assert todo(standing=third).look_at == third.try_at
    assert todo(standing=third, now=third.try_at).wishes == [Wish(third, HUB)]


def test_s9_a_hub_that_does_not_verify_is_given_up() -> None:
    later = NOW + VERIFY_WITHIN
    assert todo(PENDING, now=later - MINUTE).silent == []
    assert todo(PENDING, now=later).silent == [PENDING]


def test_v4_a_lease_is_renewed_once_under_a_new_callback() -> None:
    due = ONE.renew_at
    assert due
    assert todo(ONE, now=due).wishes == [Wish(STANDING, HUB, ONE)]
    renewal = replace(PENDING, pk=2, replaces=1, asked_at=due)
    assert todo(ONE, renewal, now=due).wishes == []


def test_v4_a_renewal_that_stays_silent_leaves_time_for_another() -> None:
    short = replace(ONE, lease_until=NOW + 30 * MINUTE, renew_at=NOW)
    renewal = replace(PENDING, pk=2, replaces=1)
    assert todo(short, renewal, now=NOW + 10 * MINUTE).silent == [renewal]
    assert todo(short, now=NOW + 10 * MINUTE).wishes == [Wish(STANDING, HUB, short)]


def test_v4_a_lease_that_ran_out_is_over() -> None:
    ended = ONE.lease_until
    assert ended
    assert todo(ONE, now=ended).lapsed == [ONE]


def test_v6_a_feed_that_is_not_followed_any_more_is_unsubscribed() -> None:
    assert todo(ONE, standing=None).leave == [ONE]
    assert todo(PENDING, standing=None).end == [PENDING]


def test_c5_another_topic_or_hub_is_a_migration() -> None:
    moved = Standing(7, Offer((HUB,), "https://example.org/new"))
    assert todo(ONE, standing=moved).leave == [ONE]
    assert todo(ONE, standing=moved).wishes == [Wish(moved, HUB)]
    elsewhere = Standing(7, Offer((OTHER,), FEED))
    assert todo(ONE, standing=elsewhere).leave == [ONE]


def test_another_callback_address_is_subscribed_anew() -> None:
    old = replace(ONE, callback="https://old.example/push/t")
    assert todo(old).leave == [old]
    assert todo(old).wishes == [Wish(STANDING, HUB)]


def test_f1_a_hub_that_kept_a_post_is_replaced_by_the_next() -> None:
    suspect = replace(ONE, suspect_at=NOW)
    assert todo(suspect).wishes == [Wish(STANDING, OTHER, suspect)]
    alone = Standing(7, Offer((HUB,), FEED))
    assert todo(suspect, standing=alone).wishes == []


def test_f1_only_posts_that_the_hub_had_time_for_count() -> None:
    def missed(
        date: datetime | None, known: HubSubscription = ONE, up_since: datetime = NOW - 30 * DAY
    ) -> bool:
        return missed_by_hub(known, [date], NOW, up_since)

    assert missed(NOW - HOUR)
    assert missed(None)
    assert not missed(NOW - MINUTE)  # may be on its way
    assert not missed(NOW - 30 * DAY)  # from before the lease
    assert not missed(NOW - HOUR, up_since=NOW - MINUTE)  # we were not there to be told
    assert not missed(None, up_since=NOW - MINUTE)
    assert not missed(None, replace(ONE, asked_at=NOW - MINUTE))
    assert not missed(NOW - HOUR, PENDING)


def test_a_hub_is_trusted_once_it_has_told_of_a_post_and_while_it_lives() -> None:
    assert not ONE.is_trusted(NOW)
    heard = replace(ONE, pushed_at=NOW)
    assert heard.is_trusted(NOW)
    assert not heard.is_trusted(NOW + 30 * DAY)
    assert not replace(heard, suspect_at=NOW).is_trusted(NOW)
