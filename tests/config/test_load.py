from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from digestd.config import Config, complaints, load
from digestd.config.keys import KNOWN, NOT_YET
from digestd.core.models import Channel, FirstFetch, MailServer
from digestd.core.slots import describe
from digestd.errors import ConfigError

HOME = {"HOME": "/home/me", "TZ": "UTC"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def read(file: Path, text: str, environ: Mapping[str, str] = HOME) -> Config:
    file.write_text(text)
    file.chmod(0o600)
    return load(file, environ=environ)


def wrong(file: Path, text: str, environ: Mapping[str, str] = HOME) -> list[str]:
    """Return what is wrong, without the file's name."""
    file.write_text(text)
    return [str(one).removeprefix(f"{file}:") for one in complaints(file, environ)]


# --- what is read ----------------------------------------------------------------------


def test_an_empty_file_is_all_defaults(file: Path) -> None:
    config = read(file, "", {"HOME": "/home/me", "TZ": "Europe/Paris", "LANG": "zh_CN.UTF-8"})
    assert config.timezone == ZoneInfo("Europe/Paris")
    assert config.language == "zh-CN"
    assert config.mail is None
    assert (dict(config.channels), dict(config.digests), config.subscriptions) == ({}, {}, ())
    assert config.store.path == Path("/home/me/.local/state/digestd/digestd.db")
    assert config.store.keep == timedelta(days=365)
    assert config.poll.limits.min_interval == timedelta(minutes=5)
    assert config.poll.limits.max_interval == timedelta(hours=24)
    assert (config.poll.concurrency, config.poll.per_host) == (32, 2)
    assert config.poll.timeout == timedelta(seconds=30)
    assert config.poll.max_size == 16_000_000
    assert config.poll.allow_private.entries == ()
    assert (config.poll.proxy, config.poll.contact) == ("", "")
    assert config.delivery.first_retry == timedelta(seconds=10)
    assert config.delivery.give_up == timedelta(days=7)
    assert config.web.listen == ("127.0.0.1", 8787)
    assert config.template_dirs == (file.parent / "templates",)
    assert config.feeds_path == file.parent / "feeds.toml"
    assert config.warnings == ()


def test_everything_can_be_set(file: Path) -> None:
    config = read(
        file,
        """
        timezone = "Asia/Shanghai"
        language = "zh"
        [mail]
        server = "smtp.qq.com"
        port = 465
        security = "tls"
        user = "me@qq.com"
        password = "${MAIL_PASSWORD}"
        from = "digestd <me@qq.com>"
        [channels]
        inbox = "mail:me@qq.com"
        slack = "slack://${SLACK_TOKEN}"
        [channels.phone]
        url = "tgram://${SLACK_TOKEN}/1"
        proxy = "socks5://127.0.0.1:7890"
        prefix = " [feeds] "
        priority = "silent"
        threads = true
        unsubscribe = "mailto:off@example.org"
        [digests.morning]
        when = ["mon-fri 08:00", "sat,sun 10:00"]
        timezone = "Europe/Paris"
        to = "inbox"
        tags = "math"
        at_least = 0
        max_wait = "1d"
        content = "full"
        template = "mine"
        subject = "${not} {{ a }}"
        title = "Good morning"
        [digests.all]
        when = "manual"
        to = ["phone", "inbox"]
        [[feeds]]
        url = "https://kexue.fm/feed"
        id = "kexue"
        name = "科学空间"
        tags = "math"
        alert = "phone"
        digest = "all"
        first = "since:2026-01-01"
        updates = "ignore"
        interval = "1s"
        content = "title"
        [store]
        path = "data/x.db"
        keep = "30d"
        [poll]
        min_interval = "1m"
        max_interval = "2h"
        concurrency = 8
        per_host = 1
        timeout = "5s"
        max_size = "500KB"
        allow_private = "127.0.0.1:8080"
        proxy = "http://u:${MAIL_PASSWORD}@proxy:3128"
        contact = "me@qq.com"
        [delivery]
        first_retry = "1s"
        give_up = "1h"
        [web]
        listen = ""
        """,
        {**HOME, "MAIL_PASSWORD": "se/cret\n", "SLACK_TOKEN": "a b"},
    )
    assert config.timezone == ZoneInfo("Asia/Shanghai")
    assert config.mail == MailServer(
        "smtp.qq.com", 465, "tls", "me@qq.com", "se/cret", "digestd <me@qq.com>"
    )
    assert [one.url for one in config.channels.values()] == [
        "mail:me@qq.com",
        "slack://a%20b",
        "tgram://a%20b/1",
    ]
    phone = config.channels["phone"]
    assert (phone.proxy, phone.prefix) == ("socks5://127.0.0.1:7890", "[feeds]")
    assert (phone.priority, phone.threads) == ("silent", True)
    assert phone.unsubscribe == ("mailto:off@example.org",)
    assert config.channels["inbox"] == Channel("inbox", "mail:me@qq.com")
    morning = config.digests["morning"]
    assert describe(morning.schedule) == "mon-fri 08:00; sat,sun 10:00"
    assert (morning.zone, morning.to, morning.tags) == (
        ZoneInfo("Europe/Paris"),
        ("inbox",),
        ("math",),
    )
    assert (morning.at_least, morning.max_wait, morning.content) == (0, timedelta(days=1), "full")
    assert (morning.template, morning.subject, morning.title) == (
        "mine",
        "${not} {{ a }}",
        "Good morning",
    )
    everything = config.digests["all"]
    assert everything.schedule.manual
    assert everything.zone == config.timezone
    assert (everything.at_least, everything.max_wait) == (1, timedelta(days=7))
    assert (everything.content, everything.template, everything.title) == (
        "excerpt",
        "digest",
        "all",
    )
    (feed,) = config.subscriptions
    assert (feed.url, feed.id, feed.name) == ("https://kexue.fm/feed", "kexue", "科学空间")
    assert (feed.tags, feed.alert, feed.digests) == (("math",), ("phone",), ("all",))
    assert feed.first == FirstFetch("since", day=date(2026, 1, 1))
    assert (feed.updates, feed.interval, feed.content) == ("ignore", timedelta(seconds=1), "title")
    assert config.store.path == file.parent / "data/x.db"
    assert config.store.keep == timedelta(days=30)
    assert config.poll.allow_private.entries == ("127.0.0.1:8080",)
    assert config.poll.proxy == "http://u:se%2Fcret@proxy:3128"
    assert config.poll.max_size == 500_000
    assert config.delivery.give_up == timedelta(hours=1)
    assert config.web.listen is None


def test_the_configuration_is_frozen(file: Path) -> None:
    config = read(file, '[channels]\na = "terminal://"')
    with pytest.raises(FrozenInstanceError):
        config.language = "de"  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.channels["b"] = config.channels["a"]  # type: ignore[index]


def test_the_sender_is_the_user_unless_said(file: Path) -> None:
    mail = read(file, '[mail]\nserver = "smtp.qq.com"\nuser = "me@qq.com"\nfrom = ""').mail
    assert mail is not None
    assert mail.sender == "me@qq.com"
    assert read(file, '[mail]\nserver = "localhost"').mail == MailServer("localhost")


# --- feeds, tags and digests -----------------------------------------------------------

TAGS = """
[channels]
a = "terminal://"
b = "terminal://"
[digests.plain]
when = "08:00"
to = "a"
[digests.maths]
when = "08:00"
to = "a"
tags = ["math", "physics"]
[tags.math]
alert = "a"
interval = "1m"
[tags.slow]
alert = []
interval = "1d"
content = "title"
digest = []
[tags.weekly]
digest = "maths"
first = "all"
"""


@pytest.mark.parametrize(
    ("feed", "alert", "digests", "minutes"),
    [
        pytest.param("", (), ("plain",), None, id="no-tags"),
        pytest.param('tags = "x"', (), ("plain",), None, id="a-tag-of-its-own"),
        pytest.param('tags = "math"', ("a",), ("plain", "maths"), 1, id="tagged"),
        pytest.param('tags = "physics"', (), ("plain", "maths"), None, id="a-tag-without-table"),
        pytest.param('tags = ["math", "slow"]', ("a",), (), 1, id="first-tag-that-has-the-key"),
        pytest.param('tags = ["slow", "math"]', (), (), 1440, id="order-of-tags"),
        pytest.param('tags = ["weekly", "slow"]', (), ("maths",), 1440, id="digest-of-a-tag"),
        pytest.param('tags = "math"\nalert = []', (), ("plain", "maths"), 1, id="own-key-first"),
        pytest.param('tags = "math"\ndigest = []', ("a",), (), 1, id="no-digest"),
        pytest.param('digest = "maths"', (), ("maths",), None, id="named-digest-needs-no-tag"),
    ],
)
def test_what_a_feed_is_in(
    file: Path, feed: str, alert: tuple[str, ...], digests: tuple[str, ...], minutes: int | None
) -> None:
    (one, _) = read(
        file,
        f'{TAGS}[[feeds]]\nurl = "https://x.org/"\n{feed}\n'
        '[[feeds]]\nurl = "https://y.org"\ntags = "math"',
    ).subscriptions
    interval = None if minutes is None else timedelta(minutes=minutes)
    assert (one.alert, one.digests, one.interval) == (alert, digests, interval)


def test_feeds_beside_the_configuration_are_followed_too(file: Path) -> None:
    (file.parent / "feeds.toml").write_text('[[feeds]]\nurl = "https://b.org/"\ntags = "math"\n')
    config = read(file, TAGS + '[[feeds]]\nurl = "https://a.org/"')
    assert [one.url for one in config.subscriptions] == ["https://a.org/", "https://b.org/"]
    assert config.subscriptions[1].alert == ("a",)


def test_a_lone_feed_needs_no_list(file: Path) -> None:
    (feed,) = read(file, '[feeds]\nurl = "https://a.org/"').subscriptions
    assert feed.url == "https://a.org/"


def test_a_tag_that_no_feed_has_is_a_warning(file: Path) -> None:
    config = read(file, '[channels]\na="terminal://"\n[digests.d]\nwhen="08:00"\nto="a"\ntags="x"')
    assert config.warnings == ('digests.d.tags: no feed has the tag "x"',)


def test_feeds_toml_holds_feeds_alone(file: Path) -> None:
    feeds = file.parent / "feeds.toml"
    feeds.write_text('[[feeds]]\nurl = "https://b.org/"\n[tags.x]\ninterval = "1m"\n')
    file.write_text("")
    (one,) = complaints(file, HOME)
    assert (one.file, one.line, one.key) == (str(feeds), 3, "tags")
    assert "alone" in one.reason
    feeds.write_text("[[feeds]\n")
    (one,) = complaints(file, HOME)
    assert (one.file, one.line) == (str(feeds), 1)


def test_a_feed_in_both_files_is_named_with_the_other_place(file: Path) -> None:
    feeds = file.parent / "feeds.toml"
    feeds.write_text(
        '[[feeds]]\nurl = "https://c.org"\n'
        '[[feeds]]\nurl = "https://A.org/x#y"\n[[feeds]]\nurl = "https://d.org"\nid = "i"\n'
    )
    file.write_text('[[feeds]]\nurl = "https://a.org/x"\nid = "i"\n')
    assert [str(one) for one in complaints(file, HOME)] == [
        f"{feeds}:4: feeds[2].url: is that of the feed at config.toml:1 too",
        f"{feeds}:7: feeds[3].id: is that of the feed at config.toml:1 too",
    ]


# --- complaints ------------------------------------------------------------------------

CHANNEL = '[channels]\na = "terminal://"\nphone = "terminal://"\n'
DIGEST = f'{CHANNEL}[digests.morning]\nwhen = "08:00"\nto = "a"\n'
FEED = f'{DIGEST}[[feeds]]\nurl = "https://a.org"\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('timezon = "UTC"', '1: timezon: unknown key; did you mean "timezone"?'),
        ("[feed]", '1: feed: unknown key; did you mean "feeds"?'),
        ("[zzz]", "1: zzz: unknown key; known are timezone, language,"),
        (f'{DIGEST}too = "a"', '7: digests.morning.too: unknown key; did you mean "to"?'),
        ("[poll]\n\n# c\nmax_sise = 1", '4: poll.max_sise: unknown key; did you mean "max_size"?'),
        (
            "[web]\npublik = true\nport = 1",
            '2: web.publik: unknown key; did you mean "public"?',
        ),
        ("timezone = 5", "1: timezone: expects a text in quotes, not a number"),
        ("timezone = true", "1: timezone: expects a text in quotes, not true or false"),
        ("timezone = 2026-01-01", "1: timezone: expects a text in quotes, not a date or time"),
        ('timezone = "Asia/Beijing"', '1: timezone: "Asia/Beijing" is no IANA time zone'),
        ('language = "zh_CN"', '1: language: "zh_CN" is no language tag; did you mean "zh-CN"?'),
        ('mail = "x"', "1: mail: expects a table, [mail], not a text"),
        ("[mail]", "1: mail.server: is missing"),
        ('[mail]\nserver = "smtp.x.org:587"', "2: mail.server: is a host name alone"),
        ('[mail]\nserver = "x.org"\nport = "25"', "3: mail.port: expects a whole number without"),
        ('[mail]\nserver = "x.org"\nport = 0', "3: mail.port: 0 is not between 1 and 65535"),
        ('[mail]\nserver = "x.org"\nport = true', "3: mail.port: expects a whole number"),
        ('[mail]\nserver = "x.org"\nsecurity = "ssl"', '3: mail.security: "ssl" is none of'),
        ('[mail]\nserver = "x.org"\nuser = "apikey"', "1: mail.from: is missing: user is no mail"),
        ('[mail]\nserver = "x.org"\npassword = "x"', "1: mail.user: is missing, though there is"),
        ("channels = 1", "1: channels: expects tables by name, [channels.NAME], not a number"),
        ("[channels]\na = 1", "1: channels: 'a' expects a table, not a number"),
        ("[channels.a]", "1: channels.a.url: is missing"),
        ('[channels]\n"a:b" = "x://"', '2: channels."a:b": "a:b": a name holds no colon'),
        ('[channels]\na = "mail:me@x.org"', "2: channels.a.url: needs a [mail] table"),
        (
            '[channels.a]\nurl = "x://"\npriority = "loud"',
            '3: channels.a.priority: "loud"',
        ),
        (
            '[channels.a]\nurl = "x://"\nthreads = "yes"',
            "3: channels.a.threads: expects",
        ),
        ('[channels.a]\nurl = "x://"\nunsubscribe = "me"', "3: channels.a.unsubscribe: expects"),
        ('[channels.a]\nurl = "x://"\nunsubscribe = "mailto:a@b>,<x"', "3: channels.a.unsub"),
        ('[channels.a]\nurl = "x://"\nproxy = "p"', "3: channels.a.proxy: is no proxy; write"),
        (f"{CHANNEL}[digests.d]\nto = 'a'", "4: digests.d.when: is missing"),
        (f"{CHANNEL}[digests.d]\nwhen = '08:00'", "4: digests.d.to: is missing"),
        (f"{CHANNEL}[digests.d]\nwhen = '08:00'\nto = []", "6: digests.d.to: is missing"),
        (f"{CHANNEL}[digests.d]\nwhen = 8\nto = 'a'", "5: digests.d.when: expects texts in quotes"),
        (f"{CHANNEL}[digests.d]\nwhen = '8:00'\nto = 'a'", '5: digests.d.when: "8:00": write'),
        (f"{DIGEST}at_least = -1", "7: digests.morning.at_least: -1 is not between"),
        (f"{DIGEST}template = '../x'", '7: digests.morning.template: "../x" is no template name'),
        (
            f"{DIGEST}[digests.d]\nwhen = '08:00'\nto = 'fone'",
            '9: digests.d.to: there is no channel "fone"; did you mean "phone"?',
        ),
        (
            f"{DIGEST}[digests.d]\nwhen = '08:00'\nto = 'morning'",
            '9: digests.d.to: there is no channel "morning"; that is a digest',
        ),
        (
            f"{FEED}tags = 'math'\n[digests.d]\nwhen = '08:00'\nto = 'a'\ntags = 'maths'",
            '13: digests.d.tags: no feed has the tag "maths"; did you mean "math"?',
        ),
        (f"{FEED}alert = 'zz'", '9: feeds[1].alert: there is no channel "zz"; defined: a, phone'),
        (f"{FEED}digest = 'mornin'", '9: feeds[1].digest: there is no digest "mornin"; did you'),
        ("[feeds.x]\nname = 'y'", "1: feeds: expects a list of tables: [[feeds]]"),
        ("[[feeds]]", "1: feeds[1].url: is missing"),
        ("[[feeds]]\nurl = ''", "2: feeds[1].url: is missing"),
        ("[[feeds]]\nurl = 'ftp://x'", "2: feeds[1].url: only http and https"),
        ("[[feeds]]\nurl = 'https://x'\nid = 'a b'", '3: feeds[1].id: "a b" is no id'),
        ("[[feeds]]\nurl = 'https://x'\nid = 'all'", '3: feeds[1].id: "all" is no id'),
        ("[[feeds]]\nurl = 'https://x'\nname = '''a\nb'''", "3: feeds[1].name: holds control"),
        ("[[feeds]]\nurl = 'https://x'\ninterval = 15", "3: feeds[1].interval: expects a duration"),
        ("[[feeds]]\nurl = 'https://x'\ninterval = '15'", '3: feeds[1].interval: "15" has no unit'),
        (
            "[[feeds]]\nurl = 'https://x'\ninterval = '0s'",
            '3: feeds[1].interval: "0s" is too short',
        ),
        ("[[feeds]]\nurl = 'https://x'\nfirst = 'new'", '3: feeds[1].first: "new" is none of'),
        ("[[feeds]]\nurl = 'https://x'\ncontent = 'ful'", '3: feeds[1].content: "ful" is none of'),
        ("[tags.x]\nurl = 'https://x'", "2: tags.x.url: belongs to a feed"),
        ("[tags.x]\ntags = 'y'", "2: tags.x.tags: belongs to a feed"),
        ("[poll]\nmin_interval = '25h'", "2: poll.min_interval: is longer than max_interval"),
        ("[poll]\nmax_size = 10", "2: poll.max_size: expects a size with its unit"),
        ("[poll]\nmax_size = '0MB'", '2: poll.max_size: "0MB" is too small'),
        ("[poll]\nconcurrency = 1.5", "2: poll.concurrency: expects a whole number"),
        ("[poll]\nfairness = 2", "2: poll.fairness: 2 is not between 0 and 1"),
        (
            "[push]\ncallback_url = 'me.org'",
            '2: push.callback_url: "me.org" is no address for hubs',
        ),
        ("[push]\nsecret_over_http = 1", "2: push.secret_over_http: expects true or false"),
        (
            "[web]\nlisten = ''\n[push]\ncallback_url = 'https://me.org'",
            "4: push.callback_url: needs the web port, which [web] listen turns off",
        ),
        (
            "[poll]\nrequests_per_feed_per_day = 'x'",
            "2: poll.requests_per_feed_per_day: expects a number without quotes, not a text",
        ),
        ("[poll]\ncontact = '你好'", "2: poll.contact: goes into a request header"),
        ("[poll]\nallow_private = ['x', '10.0.0.0/99']", "2: poll.allow_private: '10.0.0.0/99'"),
        ("[delivery]\ngive_up = '5s'", "2: delivery.give_up: is shorter than first_retry"),
        ("[web]\nlisten = 8787", "2: web.listen: expects a text"),
        ("[web]\nlisten = ':8787'", '2: web.listen: ":8787" names no address'),
        ("[web]\nlisten = '${PORT}'", "2: web.listen: ${PORT} is missing"),
        ("a = ", "1: not TOML: Invalid value"),
    ],
)
def test_a_complaint_names_line_and_key(file: Path, text: str, complaint: str) -> None:
    found = wrong(file, text)
    assert found
    assert found[0].startswith(complaint), found


def test_all_complaints_come_at_once_in_the_order_of_the_file(file: Path) -> None:
    found = wrong(
        file,
        f"{CHANNEL}[digests.d]\nwhen = 'x'\nto = 'b'\n[[feeds]]\nurl = 'x'\n[poll]\ntimeout = 1",
    )
    assert [one.split(": ")[1] for one in found] == [
        "digests.d.when",
        "digests.d.to",
        "feeds[1].url",
        "poll.timeout",
    ]


def test_a_broken_thing_is_not_missing_as_well(file: Path) -> None:
    text = (
        "[channels]\na = '${NO}'\n[digests.d]\nwhen = 'x'\nto = 'a'\n[[feeds]]\nurl='https://x'\n"
    )
    assert len(wrong(file, f"{text}digest = 'd'\nalert = 'a'")) == 2


@pytest.mark.parametrize("key", sorted(NOT_YET))
def test_a_key_that_waits_for_its_feature_says_so(file: Path, key: str) -> None:
    *table, last = key.replace("*", "x").split(".")
    head = "[[feeds]]" if table[:1] == ["feeds"] else f"[{'.'.join(table)}]" if table else ""
    found = wrong(file, f"{head}\n{last} = 1\n")
    assert any(
        one.startswith("2: ") and one.endswith(f"{last}: is not available in this version yet")
        for one in found
    )


def test_every_key_that_waits_is_known() -> None:
    known = {f"{table}.{key}".lstrip(".") for table, keys in KNOWN.items() for key in keys}
    assert known >= NOT_YET


def test_feeds_that_are_wrong_alike_are_each_complained_of(file: Path) -> None:
    rows = [
        f'[[feeds]]\nurl = "https://a.example/{i}"\ntags = ["b"]\nmath = "no"' for i in range(3)
    ]
    found = wrong(file, '[channels]\na = "terminal://"\n' + "\n".join(rows))
    assert [one.partition(":")[0] for one in found] == ["6", "10", "14"], found


def test_load_raises_the_first_complaint(file: Path) -> None:
    file.write_text("language = 1\ntimezone = 1")
    with pytest.raises(ConfigError) as caught:
        load(file, environ=HOME)
    assert (caught.value.key, caught.value.line, caught.value.file) == ("language", 1, str(file))
    with pytest.raises(ConfigError, match="no such file"):
        load(file.parent / "none.toml", environ=HOME)


ODD = [
    "true",
    "-1",
    "1e99",
    "''",
    "'http://[x'",
    "'${'",
    "'\\u0000'",
    '"\\u0000"',
    "[]",
    "[[], {}]",
]
ODD += ["['', 1]", "{}", "{a = {}}", "2026-01-01", "08:00:00", f"'{'9' * 400}d'", f"'{'x' * 9000}'"]


@pytest.mark.parametrize("value", ODD)
def test_no_value_of_any_key_is_more_than_a_complaint(file: Path, value: str) -> None:
    for table, keys in KNOWN.items():
        head = {"": "", "feeds.*": "[[feeds]]"}.get(table, f"[{table.replace('*', 'x')}]")
        for key in keys:
            wrong(file, f"{head}\n{key} = {value}\n")
    for name in KNOWN[""]:
        wrong(file, f"{name} = {value}\n")


# --- secrets ---------------------------------------------------------------------------

SECRET = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        "timezone = '${S}'",
        "language = 'x ${S}'",
        "[mail]\nserver = '${S}/'\nport = '${S}'\nsecurity = '${S}'\nfrom = '${S}'",
        "[channels]\na = { url = 'x://', proxy = '${S}' }",
        f"{DIGEST}[digests.d]\nwhen = '${{S}}'\nto = '${{S}}'\nmax_wait = '${{S}}'",
        f"{DIGEST}template = '${{S}}/'",
        f"{FEED}tags = ['a', '${{S}}/']\nid = '${{S}} x'\nfirst = '${{S}}'\nalert = '${{S}}'",
        "[[feeds]]\nurl = 'ftp://me:${S}@x'\n[[feeds]]\nurl = '${S}'\n[[feeds]]\nurl = '${S}'",
        "[poll]\nallow_private = '${S} /'\nproxy = '${S}'\nmax_size = '${S}'\nconcurrency = '${S}'",
        "[web]\nlisten = '${S}'\n[store]\nkeep = '${S}'",
        "[[feeds]]\nurl = 'ftp://me:hunter2@x'",
        "[channels.a]\nurl = 'mail:hunter2'\nproxy = 'hunter2'",
    ],
)
def test_a_complaint_never_holds_a_secret(file: Path, text: str) -> None:
    file.write_text(text)
    found = complaints(file, {**HOME, "S": SECRET})
    assert found
    for one in found:
        assert SECRET not in str(one)
        assert SECRET not in repr(one)


def test_a_repr_never_holds_a_secret(file: Path) -> None:
    config = read(
        file,
        """
        [mail]
        server = "x.org"
        user = "${S}@x.org"
        from = "me@x.org"
        password = "${S}"
        [channels]
        a = "json://me:${S}@x.org"
        b = { url = "json://x.org", proxy = "http://me:${S}@x.org" }
        [[feeds]]
        url = "https://me:${S}@x.org/"
        [poll]
        proxy = "http://me:${S}@x.org"
        """,
        {**HOME, "S": SECRET},
    )
    assert SECRET in config.channels["a"].url
    assert SECRET not in repr(config)
    assert SECRET not in repr(config.subscriptions)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[channels]\na = "slack://A/B/C"', "channels.a.url"),
        ('[channels]\na = "json://me:pw@x.org"', "channels.a.url"),
        ('[mail]\nserver = "x.org"\nuser = "a@b"\npassword = "pw"', "mail.password"),
        ('[[feeds]]\nurl = "https://me:pw@x.org"', "feeds[1].url"),
        ('[[feeds]]\nurl = "https://x.org/?a=b&token=pw"', "feeds[1].url"),
        ('[poll]\nproxy = "http://me:pw@x.org"', "poll.proxy"),
        ('[channels]\na = "slack://${A}"', None),
        ('[channels]\na = "json://127.0.0.1:80/x"', None),
        ('[channels]\na = "maildir:///x"\nb = "terminal://"', None),
        ('[[feeds]]\nurl = "https://x.org/?monkey=1&page=2"', None),
    ],
)
def test_a_secret_that_others_can_read_is_a_warning(file: Path, text: str, key: str | None) -> None:
    file.write_text(text)
    file.chmod(0o640)
    warnings = load(file, environ={**HOME, "A": "x"}).warnings
    assert [f"{key} holds a secret" in one for one in warnings] == ([True] if key else [])
    assert not any("pw" in one for one in warnings)
    file.chmod(0o600)
    assert load(file, environ={**HOME, "A": "x"}).warnings == ()
