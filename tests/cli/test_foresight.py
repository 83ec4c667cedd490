"""What `feeds` says of what was learned."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from digestd.cli.foresight import foresight
from digestd.config import load
from digestd.core.models import Subscription
from digestd.core.rhythm import Rhythm, Sighting, learn
from digestd.store import feeds, hubs, rhythms
from digestd.store.db import connect, write_transaction
from tests.core.test_websub import ONE
from tests.support.nouns import NOW, followed

# 09:00 in Shanghai, on the weekdays of four weeks.
MORNINGS = [
    NOW.replace(hour=1) - timedelta(days=n)
    for n in range(1, 29)
    if (NOW - timedelta(days=n)).weekday() < 5
]


def test_rhythm_and_delay_of_a_feed_that_is_polled_pushed_or_fixed(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('timezone = "Asia/Shanghai"')
    config = load(file, environ={"HOME": str(tmp_path)})
    db = connect(tmp_path / "digestd.db")
    (new,) = followed(db)
    with write_transaction(db):
        rhythms.record(db, new.pk, learn(Rhythm(), Sighting(MORNINGS), NOW))
    feed = feeds.at(db, new.url)
    assert feed is not None
    wanted, fixed = Subscription(feed.url), Subscription(feed.url, interval=timedelta(minutes=10))
    polled = foresight(config, db, NOW).of(feed, wanted)
    assert polled["rhythm"].startswith("weekdays around 09:00, about ")
    assert polled["push"] is False
    assert 60 < polled["expected_delay"] < 3600
    assert foresight(config, db, NOW).of(feed, fixed)["expected_delay"] == 300
    with write_transaction(db):
        told = hubs.add(db, replace(ONE, feed_pk=feed.pk, state="pending"))
        hubs.confirm(db, told.pk, NOW + timedelta(days=1), NOW + timedelta(hours=12))
    unproven = foresight(config, db, NOW).of(feed, wanted)
    assert unproven["push"] is True
    assert unproven["expected_delay"] == polled["expected_delay"]
    hubs.heard(db, told.pk, NOW)
    assert foresight(config, db, NOW).of(feed, wanted)["expected_delay"] == 1
    db.conn.close()
