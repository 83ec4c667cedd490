"""Messages from entries: what is said, in three forms, in the reader's language.

What a template gets is data; what it makes is a `Message`: HTML for mail, the small
HTML of chats, and text. `delivery.templating` fills them in, `delivery.digestmail`
makes digests fit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from digestd.core.messages import Message, MessageKind
from digestd.core.models import Digest, Subscription
from digestd.core.pictures import Pictures
from digestd.core.selection import Member, Plan, Rung, select
from digestd.core.text import one_line
from digestd.delivery.around import NOTHING, Around
from digestd.delivery.context import AlertView, NoticeView
from digestd.delivery.frames import count_title, frame_of
from digestd.delivery.target import STYLES, Style
from digestd.delivery.templating import Templates
from digestd.delivery.views import Views
from digestd.delivery.words import Words

_ALERT_RUNG = Rung(excerpt=320, told=5, listed=60)
_SMALL_ALERT_RUNG = Rung(excerpt=90, told=3, listed=100)


class Renderer:
    """Renders in one language, for one place, with the owner's templates before ours."""

    def __init__(self, template_dirs: Sequence[Path], language: str, zone: ZoneInfo) -> None:
        """Look templates up in `template_dirs`, in order, then among the packaged ones."""
        self._language = language
        self._zone = zone
        self._templates = Templates(template_dirs)

    @cached_property
    def _words(self) -> Words:
        return Words(self._language, self._zone)

    def render_alert(
        self,
        entries: Sequence[Member],
        *,
        identity: str,
        now: datetime,
        styles: Collection[Style] = STYLES,
        pictures: Pictures | None = None,
    ) -> Message:
        """Return a message about entries as they appear, newest first, in these styles.

        `styles` are those that its channel will look at; the others stay empty.
        """
        words = self._words
        shown = pictures or Pictures()
        views = Views(words, now, pictures=shown)
        newest_first = sorted(entries, key=lambda m: (m[0].dated_at, m[0].id), reverse=True)
        small = len(newest_first) > 3
        plan = Plan()
        selection = select(newest_first, _SMALL_ALERT_RUNG if small else _ALERT_RUNG, plan)
        groups = views.groups(selection, plan)
        title = count_title(words, views.title(*newest_first[0]), len(newest_first))
        if len(groups) == 1:
            title = words.say("{feed}: {title}", feed=groups[0].name, title=title)
        frame = frame_of(words, title, now, groups)
        context = {"alert": AlertView(groups), "frame": frame, "words": words}
        filled = self._templates.fill("alert", "alert", context, styles)
        return Message(
            "alert",
            identity,
            title,
            text=filled.text,
            html=filled.html,
            created_at=now,
            entries=tuple(views.facts(*member) for member in newest_first),
            images=shown.attached,
            feed=newest_first[0][1].id if len(groups) == 1 else "",
            language=words.language,
            chat=filled.chat,
            complaint=filled.complaint,
        )

    def render_digest(
        self,
        digest: Digest,
        members: Sequence[Member],
        *,
        identity: str,
        now: datetime,
        slot_due_at: datetime,
        wishes: Mapping[int, Subscription] | None = None,
        around: Around = NOTHING,
        pictures: Pictures | None = None,
    ) -> Message:
        """Return a digest: mails of bounded size, one wherever that will do, and a whole text.

        `wishes` are what its owner wants of each feed, by `Feed.pk`. What `pictures` has
        not is noted there, so that another go, with it, is illustrated.
        """
        from digestd.delivery.digestmail import DigestMail, Occasion  # noqa: PLC0415 (most are alerts)

        mail = DigestMail(
            self._templates,
            Words(self._language, digest.zone),
            digest,
            members,
            wishes or {},
            Occasion(identity, now, slot_due_at),
            pictures or Pictures(),
        )
        return mail.message(around)

    def render_notice(
        self,
        title: str,
        paragraphs: Sequence[str],
        *,
        identity: str,
        now: datetime,
        link: str = "",
        kind: MessageKind = "notice",
    ) -> Message:
        """Return a message to the owner about digestd itself; texts are the caller's."""
        words = self._words
        notice = NoticeView(one_line(title), tuple(paragraphs), link)
        frame = frame_of(words, notice.title, now, (), " ".join(paragraphs))
        context = {"notice": notice, "frame": frame, "words": words}
        filled = self._templates.fill("test" if kind == "test" else "notice", "notice", context)
        return Message(
            kind,
            identity,
            notice.title,
            text=filled.text,
            html=filled.html,
            created_at=now,
            language=words.language,
            chat=filled.chat,
            complaint=filled.complaint,
        )

    def render_test(self, channel_name: str, now: datetime) -> Message:
        """Return the message that `digestd test` sends."""
        words = self._words
        return self.render_notice(
            words.say("A test from digestd to {channel}", channel=channel_name),
            [words.say("If you can read this, the channel {channel} works.", channel=channel_name)],
            identity=f"test/{channel_name}/{now:%Y-%m-%dT%H:%M:%S}",
            now=now,
            kind="test",
        )
