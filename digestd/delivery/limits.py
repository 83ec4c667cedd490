"""What each service takes: markup, length, unit, pace. The one place where these numbers stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from digestd.frozen import dataclass, replace

# text: plain; telegram: its HTML, lines by newline; html: HTML; markdown: as chats read it,
# lines by newline; commonmark: lines by hard break; robot: the Markdown of Chinese chats, which
# knows no escapes; page: the mail's own HTML, whole.
Markup = Literal["text", "telegram", "html", "markdown", "commonmark", "robot", "page"]
Unit = Literal["characters", "utf16", "bytes"]


@dataclass(frozen=True, slots=True)
class Shape:
    """How a service wants its text.

    `limit` counts `unit`s of what is sent, or of what is shown where `shown`
    (Telegram counts after its entities are parsed); 0 is no limit. `title` is the
    longest title that has a field of its own; 0 puts the title into the text.
    `names`: it calls people whose name stands after an @. `margin` is kept free for
    what the library adds. `declared` is what Apprise is told it is, where that is
    not the markup: "text" passes through as it is.
    `per_minute` is the service's own pace, 0 if unknown, `burst` what it takes at
    once after a silence, 0 if it does not say; `signing` how a message proves where
    it comes from, "" if the secret address is all.
    """

    markup: Markup = "text"
    limit: int = 0
    unit: Unit = "characters"
    shown: bool = False
    title: int = 0
    names: bool = False
    margin: int = 0
    declared: str = ""
    per_minute: int = 0
    burst: int = 0
    signing: str = ""
    source: str = ""


_MAIL = Shape("page", title=200, source="mail by HTTP: as long as a mail")

_TABLE: dict[tuple[str, ...], Shape] = {
    ("tgram",): Shape(
        "telegram", 4096, "utf16", shown=True, names=True, per_minute=60,
        source="core.telegram.org/bots/api#sendmessage; FAQ: one a second to a chat",
    ),
    ("discord", "guilded"): Shape(
        "markdown", 2000, per_minute=30,
        source="docs.discord.com, execute webhook: content",
    ),
    # Apprise turns CommonMark into mrkdwn, where & < > become entities: hence the margin.
    ("slack",): Shape(
        "markdown", 35000, margin=3000, per_minute=60,
        source="docs.slack.dev: 40,000 characters; one message a second to a channel",
    ),
    ("ntfy", "ntfys"): Shape(
        # 4,096 bytes become an attachment; Apprise sends JSON, which the server reads up to 7,800.
        "text", 3900, "bytes", title=200, per_minute=12, burst=60,
        source="docs.ntfy.sh/config: message-size-limit 4K; one request in 5 s after 60",
    ),
    ("pover",): Shape(
        "html", 1024, title=200, per_minute=60, source="pushover.net/api#limits",
    ),
    ("matrix", "matrixs"): Shape(
        "html", 20000, "bytes", margin=2000,
        source="spec.matrix.org: event of 65,536 bytes, which holds text and HTML",
    ),
    ("gotify", "gotifys"): Shape("text", 32768, title=200, source="Apprise 2.2"),
    ("mqtt", "mqtts"): Shape("text", 262144, "bytes", source="MQTT 3.1.1: 256 MB; brokers: less"),
    ("xmpps",): Shape("text", 10000, "bytes", source="RFC 6120, 4.9.3.18: stanzas of 10,000 bytes"),
    ("mmost", "mmosts"): Shape(
        "markdown", 4000, names=True, source="Mattermost: 16,383; older: 4,000",
    ),
    ("rocket", "rockets"): Shape("markdown", 1000, names=True, source="Apprise 2.2"),
    ("gchat",): Shape("markdown", 4000, "bytes", per_minute=60, source="developers.google.com"),
    ("workflow", "workflows"): Shape("commonmark", 1000, title=150, source="Apprise 2.2"),
    ("zulip",): Shape("text", 10000, title=60, source="zulip.com/api/send-message"),
    ("bsky", "bluesky"): Shape("text", 280, source="300 graphemes; Apprise 2.2: 280"),
    ("signal", "signals"): Shape("text", 2000, source="Signal: 2,000 before it becomes a file"),
    ("whatsapp",): Shape("text", 1024, source="developers.facebook.com: template body"),
    # What Chinese readers use.
    ("wecombot",): Shape(
        "text", 2048, "bytes", per_minute=20,
        source="developer.work.weixin.qq.com/document/path/91770: text 2,048 bytes",
    ),
    ("dingtalk",): Shape(
        "text", 20000, "bytes", margin=600, per_minute=20,
        signing="HMAC-SHA256 in the query: dingtalk://SECRET@TOKEN",
        source="open.dingtalk.com, custom robot: 20,000 bytes, 20 messages a minute",
    ),
    ("feishu", "lark"): Shape(
        "text", 20480, "bytes", margin=2000, per_minute=100,
        signing="HMAC-SHA256 in the body: feishu://TOKEN?secret=SECRET",
        source="open.feishu.cn, custom bot: request of 20 KB, 100 a minute, 5 a second",
    ),
    ("bark", "barks"): Shape(
        "text", 2500, "bytes", title=200,
        source="Apple push: payload of 4,096 bytes, which holds title, link and group too",
    ),
    ("schan",): Shape(
        "commonmark", 32000, "bytes", title=32, declared="text", per_minute=5,
        source="sct.ftqq.com: title 32, text 32 KB",
    ),
    ("pushplus",): Shape(
        "html", 20000, title=100, per_minute=5, source="pushplus.plus: content 20,000",
    ),
    ("pushdeer", "pushdeers"): Shape("text", 32768, title=200, source="Apprise 2.2"),
    ("wxpusher",): Shape("text", 40000, title=20, source="wxpusher: content 40,000, summary 20"),
    ("qq",): Shape("text", 1400, "bytes", source="qmsg.zendee.cn: 500 Han signs or so"),
    # Mail by HTTP.
    (
        "azure", "o365", "brevo", "groundmail", "mailersend", "mailgun", "pingram", "postmark",
        "resend", "sendgrid", "sendpulse", "ses", "smtp2go", "sparkpost",
    ): _MAIL,
}  # fmt: skip

# Where the owner's address says ?format=markdown.
_IN_MARKDOWN: dict[tuple[str, ...], Shape] = {
    ("wecombot",): Shape(
        "robot", 4096, "bytes", per_minute=20,
        source="developer.work.weixin.qq.com/document/path/91770: markdown 4,096 bytes",
    ),
    ("dingtalk",): replace(_TABLE["dingtalk",], markup="robot"),
    ("feishu", "lark"): replace(_TABLE["feishu", "lark"], markup="robot"),
    ("schan",): replace(_TABLE["schan",], declared=""),
    ("ntfy", "ntfys"): replace(_TABLE["ntfy", "ntfys"], markup="markdown"),
    ("gotify", "gotifys"): replace(_TABLE["gotify", "gotifys"], markup="commonmark"),
}  # fmt: skip

LIMITS: Mapping[str, Shape] = {
    scheme: shape for schemes, shape in _TABLE.items() for scheme in schemes
}
MARKDOWN_LIMITS: Mapping[str, Shape] = {
    scheme: shape for schemes, shape in _IN_MARKDOWN.items() for scheme in schemes
}


def shape_of(scheme: str, declared: Shape, *, in_markdown: bool = False) -> Shape:
    """Return how the service behind `scheme` wants its text; `declared` is what Apprise says.

    Where both know a limit of the same unit, the smaller holds.
    """
    known = (MARKDOWN_LIMITS.get(scheme) if in_markdown else None) or LIMITS.get(scheme)
    if known is None:
        return declared
    if known.unit == declared.unit and declared.limit and not known.shown and known.limit:
        return replace(known, limit=min(known.limit, declared.limit))
    return known
