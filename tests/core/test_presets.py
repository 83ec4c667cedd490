"""The table of presets: each row against its own example, and what must stay as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from digestd.core.presets import Known, Preset, known, read_presets

TABLE = Path(__file__).parents[2] / "digestd" / "presets.toml"
PRESETS = read_presets(TABLE.read_text("utf-8"))
CHANNEL = "UCHnyfMqiRRG1u-2MsSQLbXA"
OWN_ADDRESS = f'<link rel="canonical" href="https://www.youtube.com/channel/{CHANNEL}">'
VIDEOS = "https://www.youtube.com/feeds/videos.xml"


def first(address: str) -> Known:
    return next(known(PRESETS, address))


@pytest.mark.parametrize(
    "preset", PRESETS, ids=[f"{n}-{p.name.replace(' ', '-')}" for n, p in enumerate(PRESETS)]
)
def test_each_row_does_what_its_example_says(preset: Preset) -> None:
    address, expected = preset.example
    found = first(address)
    assert found.preset is preset  # and no row before it takes it away
    asked = [way for _, ways in found.feeds for way in ways] or found.pages
    assert asked[0] == expected


@pytest.mark.parametrize(
    "address",
    [
        "https://www.reddit.com/r/python/.rss",
        "https://github.com/psf/requests/releases.atom",
        "https://github.com/psf/requests/commits/main.atom",
        "https://medium.com/feed/@ev",
        "https://x.substack.com/feed",
        "https://x.medium.com/feed",
        "https://x.wordpress.com/feed/",
        "https://x.wordpress.com/category/a/feed/",
        "https://x.blogspot.com/feeds/posts/default?alt=rss",
        "https://x.tumblr.com/rss",
        "https://dev.to/feed/ben",
        f"{VIDEOS}?channel_id={CHANNEL}",
        "https://lobste.rs/t/rust.rss",
        "https://hnrss.org/newest?q=x",
        "https://gitlab.com/a/b/-/tags?format=atom",
        "https://mastodon.social/@Gargron.rss",
        "https://stackoverflow.com/feeds/tag/python",
        "https://bsky.app/profile/bsky.app/rss",
        "https://vimeo.com/staffpicks/videos/rss",
        "https://codeberg.org/forgejo/forgejo/releases.rss",
    ],
)
def test_a_feed_s_own_address_is_no_page(address: str) -> None:
    """Where a row takes it all the same, it must lead back to it."""
    for found in known(PRESETS, address):
        assert found.preset.guess or address in [w for _, ways in found.feeds for w in ways], (
            found.preset.name
        )


@pytest.mark.parametrize(
    ("page", "source"),
    [
        ("a link tag", f'<link rel="alternate" href="{VIDEOS}?channel_id={CHANNEL}">'),
        ("data of a script", f'{{"externalId":"{CHANNEL}"}}'),
        ("a meta element", f'<meta itemprop="channelId" content="{CHANNEL}">'),
        (
            "its own address, whichever others are mentioned",
            f'"channelId":"UCxxxxxxxxxxxxxxxxxxxxxx" {OWN_ADDRESS}',
        ),
    ],
)
def test_a_handle_s_channel_is_read_off_its_page(page: str, source: str) -> None:
    found = first("https://www.youtube.com/@veritasium")
    assert found.preset.headers == {"Cookie": "SOCS=CAI"}
    assert found.looked_up(source) == [
        ("all videos", (f"{VIDEOS}?channel_id={CHANNEL}",)),
        ("videos without Shorts", (f"{VIDEOS}?playlist_id=UULF{CHANNEL[2:]}",)),
    ]
    assert found.looked_up("<html>nothing</html>") == []


def test_a_tab_of_a_channel_chooses_its_kind() -> None:
    source = f'"channelId":"{CHANNEL}"'
    kinds = {"videos": "UULF", "shorts": "UUSH", "streams": "UULV"}
    for tab, prefix in kinds.items():
        found = first(f"https://www.youtube.com/c/veritasium/{tab}")
        assert found.looked_up(source)[0][1] == (f"{VIDEOS}?playlist_id={prefix}{CHANNEL[2:]}",)


def test_a_podcast_s_feed_is_read_off_apple_s_answer() -> None:
    found = first("https://podcasts.apple.com/gb/podcast/id73330895?l=en")
    assert found.looked_up('{"results":[{"feedUrl":"https:\\/\\/a.example\\/x.rss?a=1&b"}]}') == [
        ("episodes", ("https://a.example/x.rss?a=1&b",))
    ]


def test_a_handle_whose_server_has_another_name_is_looked_up() -> None:
    found = first("https://example.org/@me")
    assert found.pages == ["https://example.org/.well-known/webfinger?resource=acct:me@example.org"]
    answer = (
        '{"links":[{"rel":"http://webfinger.net/rel/profile-page","type":"text/html",'
        '"href":"https://social.example.org/@me"}]}'
    )
    (what, ways), *_ = found.looked_up(answer)
    assert (what, ways[0]) == ("posts", "https://social.example.org/@me.rss")


def test_what_holds_the_same_is_tried_in_turn() -> None:
    (feed,) = first("https://stackoverflow.com/questions/tagged/sqlite").feeds
    assert feed[1] == (
        "https://stackoverflow.com/feeds/tag/sqlite",
        "https://stackoverflow.com/feeds/tag?tagnames=sqlite&sort=newest",
    )


@pytest.mark.parametrize(
    "address", ["", "https://", "ftp://github.com/a/b", "https://[::1", "https://example.org/"]
)
def test_other_addresses_fit_nothing(address: str) -> None:
    assert list(known(PRESETS, address)) == []
