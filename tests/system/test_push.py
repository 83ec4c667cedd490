"""Directly as they happen: the whole daemon, a publisher with a hub, and a webhook."""

from __future__ import annotations

from pathlib import Path

from tests.support.publisher import Publisher, share


async def test_a_pushed_post_is_told_within_a_second_and_none_is_lost_when_the_hub_dies(
    tmp_path: Path,
) -> None:
    with Publisher(tmp_path, more='interval = "1h"') as site:
        await site.until(lambda: bool(site.hub.subscribers))
        for number in range(40):
            await site.publish(f"pushed-{number}")
            await site.until(lambda: site.posts[-1] in site.told)
        assert share(site.delays(), 0.95) < 1.0
    # The hub is dead; the daemon starts again, and finds by itself what was posted meanwhile.
    site = Publisher(tmp_path)
    with site:
        site.hub.faults.status = 500
        site.posts = [f"kept-{number}" for number in range(10)]
        await site.until(lambda: len(site.told) == 10)
        assert [len(times) for times in site.told.values()] == [1] * 10


async def test_without_push_the_alert_leaves_within_a_second_of_the_poll_that_saw_the_post(
    tmp_path: Path,
) -> None:
    with Publisher(tmp_path, more='interval = "1s"') as site:
        site.hub.faults.status = 404
        await site.until(lambda: site.polls > 1)  # its first fetch is over
        for number in range(2):
            site.posts.append(f"post-{number}")
            await site.until(lambda: len(site.told) == len(site.posts))
        for guid, told in site.told.items():
            assert told[0] - site.shown[guid] < 1.0
