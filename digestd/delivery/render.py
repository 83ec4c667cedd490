"""Messages from entries: the templates, the words, and how a digest is made to fit.

What a template gets is data; what it makes is a `Message` in three forms: HTML for
mail, the small HTML of chats, and text. A template of the owner's that fails is
replaced by ours for that message, and `Message.complaint` says why: the outbox
never waits for a template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digestd.core.models import (
    Digest,
    InlineImage,
    Letter,
    Message,
    MessageEntry,
    MessageKind,
    Subscription,
)
from digestd.core.pictures import Pictures
from digestd.core.selection import (
    LADDER,
    Member,
    Plan,
    Rung,
    Selection,
    first_rung,
    parts,
    select,
)
from digestd.core.stories import Stories, bundle
from digestd.core.text import one_line
from digestd.delivery.around import NOTHING, Around, Life
from digestd.delivery.context import (
    CONTEXT_VERSION,
    AlertView,
    DigestView,
    EntryView,
    Frame,
    GroupView,
    NoticeView,
)
from digestd.delivery.views import Views, facts_of, reading_minutes
from digestd.delivery.words import Words
from digestd.formats.excerpt import shorten

# Gmail shows the first 102 KB of a mail's HTML; the rest of the room is for its headers' whims.
MAX_HTML_BYTES = 90_000
# From so many entries on, of up to so many feeds, a digest opens with the list of their titles.
_CONTENTS_FROM, _CONTENTS_TO = 9, 30
_ALERT_RUNG = Rung(excerpt=320, told=5, listed=60)
_SMALL_ALERT_RUNG = Rung(excerpt=90, told=3, listed=100)
_FORMS = ("html", "txt", "chat.html")


class Renderer:
    """Renders in one language, for one place, with the owner's templates before ours."""

    def __init__(self, template_dirs: Sequence[Path], language: str, zone: ZoneInfo) -> None:
        """Look templates up in `template_dirs`, in order, then among the packaged ones."""
        self._language = language
        self._zone = zone
        ours = FileSystemLoader(_packaged_templates())
        self._ours = _environment(ours)
        self._env = (
            _environment(ChoiceLoader([FileSystemLoader(list(template_dirs)), ours]))
            if template_dirs
            else self._ours
        )

    def render_alert(self, entries: Sequence[Member], *, identity: str, now: datetime) -> Message:
        """Return a message about entries as they appear, newest first."""
        views = self._views(self._zone, now)
        words = views.words
        newest_first = sorted(entries, key=lambda m: (m[0].dated_at, m[0].id), reverse=True)
        small = len(newest_first) > 3
        plan = Plan()
        selection = select(newest_first, _SMALL_ALERT_RUNG if small else _ALERT_RUNG, plan)
        groups = views.groups(selection, plan)
        first = views.entry(*newest_first[0], signs=0)
        title = self._count_title(words, first.title, len(newest_first))
        if len(groups) == 1:
            title = words.say("{feed}: {title}", feed=groups[0].name, title=title)
        frame = self._frame(words, title, now, groups)
        alert = AlertView(groups)
        return self._message(
            "alert",
            "alert",
            {"alert": alert, "frame": frame, "words": words},
            Message(
                "alert",
                identity,
                title,
                text="",
                html="",
                created_at=now,
                entries=tuple(facts_of(*member) for member in newest_first),
                feed=newest_first[0][1].id if len(groups) == 1 else "",
                language=words.language,
            ),
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
        """Return a digest: mails below MAX_HTML_BYTES, one wherever that will do, and a whole text.

        `wishes` are what its owner wants of each feed, by `Feed.pk`. What `pictures` has
        not is noted there, so that another go, with it, is illustrated.
        """
        plan = _plan(digest, wishes or {})
        stories = _stories(digest, members)
        made = partial(
            self._fitted,
            digest,
            members,
            stories,
            plan,
            identity,
            now,
            slot_due_at,
            pictures or Pictures(),
        )
        message = made(around)
        if message.complaint:
            # Ours was used; its reader is the one who can mend it.
            words = Words(self._language, digest.zone)
            note = words.say("Your own template was not used: {why}", why=message.complaint)
            message = made(replace(around, notes=(*around.notes, note)))
        return message

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
        words = Words(self._language, self._zone)
        notice = NoticeView(one_line(title), tuple(paragraphs), link)
        frame = self._frame(words, notice.title, now, (), " ".join(paragraphs))
        context = {"notice": notice, "frame": frame, "words": words}
        blank = Message(
            kind,
            identity,
            notice.title,
            text="",
            html="",
            created_at=now,
            language=words.language,
        )
        return self._message("test" if kind == "test" else "notice", "notice", context, blank)

    def render_test(self, channel_name: str, now: datetime) -> Message:
        """Return the message that `digestd test` sends."""
        words = Words(self._language, self._zone)
        return self.render_notice(
            words.say("A test from digestd to {channel}", channel=channel_name),
            [words.say("If you can read this, the channel {channel} works.", channel=channel_name)],
            identity=f"test/{channel_name}/{now:%Y-%m-%dT%H:%M:%S}",
            now=now,
            kind="test",
        )

    # --- digests -----------------------------------------------------------------------

    def _fitted(
        self,
        digest: Digest,
        members: Sequence[Member],
        stories: Stories,
        plan: Plan,
        identity: str,
        now: datetime,
        slot_due_at: datetime,
        pictures: Pictures,
        around: Around,
    ) -> Message:
        """Return a digest at the most generous rung at which it fits, in several mails at last."""
        words = Words(self._language, digest.zone)
        feeds = {feed.pk: feed for _, feed in members}
        blank = Message(
            "digest",
            identity,
            "",
            text="",
            html="",
            created_at=now,
            digest=digest.name,
            digest_title=digest.title or digest.name,
            feed=next(iter(feeds.values())).id if len(feeds) == 1 else "",
            language=words.language,
        )
        for rung in LADDER[first_rung(stories.shown, plan, MAX_HTML_BYTES) :]:
            selection = select(stories.shown, rung, plan)
            shown = pictures.again()
            views = Views(words, now, around.marks, stories.also, shown)
            view = self._digest_view(digest, selection, views, plan, slot_due_at, around)
            blank = replace(blank, entries=_facts(selection, stories, members))
            message = self._digest_message(digest, view, blank, words)
            if len(message.html.encode()) <= MAX_HTML_BYTES:
                return replace(message, images=_attached(shown))
        budget = MAX_HTML_BYTES
        while True:
            shown = pictures.again()
            views = Views(words, now, around.marks, stories.also, shown)
            split = parts(selection, plan, budget)
            letters = [
                self._digest_message(
                    digest,
                    self._digest_view(
                        digest, part, views, plan, slot_due_at, around, (n, len(split)), selection
                    ),
                    blank,
                    words,
                )
                for n, part in enumerate(split, start=1)
            ]
            longest = max(len(letter.html.encode()) for letter in letters)
            if longest <= MAX_HTML_BYTES or budget < MAX_HTML_BYTES // 4:
                break
            budget = int(budget * 0.95 * MAX_HTML_BYTES / longest)
        return replace(
            message,
            html=letters[0].html,
            images=_attached(shown),
            letters=tuple(Letter(one.title, one.text, one.html) for one in letters),
        )

    def _digest_view(
        self,
        digest: Digest,
        selection: Selection,
        views: Views,
        plan: Plan,
        slot_due_at: datetime,
        around: Around,
        part: tuple[int, int] = (1, 1),
        whole: Selection | None = None,
    ) -> DigestView:
        """Return what the templates see of `selection`, part n of m of `whole`."""
        words = views.words
        groups = views.groups(selection, plan)
        return DigestView(
            name=digest.name,
            title=digest.title or digest.name,
            summary=_summary(words, whole or selection),
            slot=slot_due_at.astimezone(digest.zone),
            groups=groups,
            part=part[0],
            parts=part[1],
            contents=_contents(groups, len(selection.entries)),
            notes=around.notes if part[0] == 1 else (),
            why=_why(words, digest),
            life=_life(words, around.life),
            pause=around.pause,
            pause_link=around.pause_link,
            footer=around.footer,
        )

    def _digest_message(
        self, digest: Digest, view: DigestView, blank: Message, words: Words
    ) -> Message:
        shown = [entry for group in view.groups for entry in group.entries]
        title = self._digest_title(words, view, shown, len(blank.entries))
        frame = self._frame(words, title, blank.created_at, view.groups)
        context = {"digest": view, "frame": frame, "words": words}
        complaint = ""
        if digest.subject:
            title, complaint = self._subject(digest, context, title)
        if view.parts > 1:
            title = f"{title} ({view.part}/{view.parts})"
        message = replace(blank, title=title, complaint=complaint)
        return self._message(digest.template, "digest", context, message)

    def _digest_title(
        self, words: Words, view: DigestView, shown: Sequence[EntryView], count: int
    ) -> str:
        if not shown:
            return words.say("{digest}: nothing new", digest=view.title)
        return self._count_title(words, shown[0].title, count)

    def _subject(
        self, digest: Digest, context: Mapping[str, object], default: str
    ) -> tuple[str, str]:
        """Return the owner's own subject, or the default and what was wrong with theirs."""
        try:
            subject = one_line(self._env.from_string(digest.subject).render(context))
        except Exception as exc:  # noqa: BLE001 - the owner's template may raise anything
            return default, f"digests.{digest.name}.subject: {_reason(exc)}"
        return subject or default, ""

    # --- all messages ------------------------------------------------------------------

    def _views(self, zone: ZoneInfo, now: datetime) -> Views:
        return Views(Words(self._language, zone), now)

    def _count_title(self, words: Words, title: str, count: int) -> str:
        title = shorten(title, 90)
        if count < 2:
            return title
        return words.count("{title} and {n} more", "{title} and {n} more", count - 1, title=title)

    def _frame(
        self,
        words: Words,
        title: str,
        now: datetime,
        groups: Sequence[GroupView],
        preheader: str = "",
    ) -> Frame:
        entries = [entry for group in groups for entry in group.entries]
        # The subject already says the first title.
        rest = entries[1:5] if len(entries) > 1 else entries[:1]
        following = [entry.title if len(entries) > 1 else entry.text for entry in rest]
        return Frame(
            version=CONTEXT_VERSION,
            language=words.language,
            direction=words.direction,
            title=title,
            preheader=shorten(preheader or " · ".join(following), 140),
            now=now.astimezone(words.zone),
            date=words.day(now),
        )

    def _message(
        self, name: str, fallback: str, context: Mapping[str, object], blank: Message
    ) -> Message:
        """Fill the three forms in, each by the owner's template if it works, else by ours."""
        complaints = [blank.complaint] if blank.complaint else []
        forms: dict[str, str] = {}
        for form in _FORMS:
            forms[form], complaint = self._render(name, fallback, form, context)
            if complaint and complaint not in complaints:
                complaints.append(complaint)
        return replace(
            blank,
            text=_tidy(forms["txt"]),
            html=forms["html"],
            chat=forms["chat.html"].strip(),
            complaint="; ".join(complaints),
        )

    def _render(
        self, name: str, fallback: str, form: str, context: Mapping[str, object]
    ) -> tuple[str, str]:
        candidates = [f"{name}.{form}.j2", f"{fallback}.{form}.j2"]
        complaint = ""
        try:
            template = self._env.select_template(candidates)
            if template.name != candidates[0] and form == "html":
                complaint = f"template {candidates[0]}: not found, the built-in one was used"
            return template.render(context), complaint
        except Exception as exc:
            if self._env is self._ours:
                raise
            complaint = f"template {_where(exc, candidates[0])}: {_reason(exc)}"
        return self._ours.select_template(candidates).render(context), complaint


def _attached(pictures: Pictures) -> tuple[InlineImage, ...]:
    """Return the pictures that were shown, as they travel along."""
    return tuple(
        InlineImage(picture.cid, picture.mime_type, picture.content, picture.filename)
        for picture in pictures.used
        if not picture.url
    )


def _packaged_templates() -> Path:
    """Return the folder of the built-in templates: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def _environment(loader: BaseLoader) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=loader,
        # Everything that becomes HTML escapes; text must not.
        autoescape=lambda name: name is not None and name.removesuffix(".j2").endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )


def _reason(exc: Exception) -> str:
    if isinstance(exc, TemplateNotFound):
        return f"{exc.name} was not found"
    text = one_line(str(exc)) if isinstance(exc, TemplateError) else f"{type(exc).__name__}: {exc}"
    return shorten(one_line(text), 200)


def _where(exc: Exception, default: str) -> str:
    """Return the file and line in which a template failed."""
    name, line = getattr(exc, "name", None), getattr(exc, "lineno", None)
    trace = exc.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith(".j2"):
            name, line = Path(file).name, trace.tb_lineno
        trace = trace.tb_next
    return f"{name or default}:{line}" if line else str(name or default)


def _tidy(text: str) -> str:
    """Return a text form without blank ends of lines, and at most two empty lines together."""
    lines: list[str] = []
    empty = 0
    for line in (line.rstrip() for line in text.splitlines()):
        empty = 0 if line else empty + 1
        if empty <= 2:
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"


# --- a digest's own words ----------------------------------------------------------------


def _plan(digest: Digest, wishes: Mapping[int, Subscription]) -> Plan:
    return Plan(
        level=digest.content,
        levels={pk: one.content for pk, one in wishes.items() if one.content is not None},
        grouping=digest.group,
        tags={pk: _tag(digest, one) for pk, one in wishes.items()},
    )


def _tag(digest: Digest, wish: Subscription) -> str:
    """Return the tag that a feed stands under: the first that the digest asks for, else its own."""
    return next((tag for tag in digest.tags if tag in wish.tags), "".join(wish.tags[:1]))


def _stories(digest: Digest, members: Sequence[Member]) -> Stories:
    if digest.same_story == "off":
        return Stories(tuple(members))
    if digest.same_story == "link":
        return bundle(members)
    from digestd.core.likeness import alike  # noqa: PLC0415 - 8 MB that few people ask for

    return bundle(members, alike)


def _facts(
    selection: Selection, stories: Stories, members: Sequence[Member]
) -> tuple[MessageEntry, ...]:
    """Return every entry in the order of the digest, those that tell the same together."""
    known = {entry.id: (entry, feed) for entry, feed in members}
    return tuple(
        facts_of(*member)
        for entry in selection.entries
        for member in (known[entry.id], *stories.also.get(entry.id, ()))
    )


def _summary(words: Words, selection: Selection) -> str:
    entries = selection.entries
    if not entries:
        return words.say("Nothing new this time.")
    parts = [words.count("{n} new entry", "{n} new entries", len(entries))]
    feeds = {entry.feed_pk for entry in entries}
    if len(feeds) > 1:
        parts.append(words.count("{n} feed", "{n} feeds", len(feeds)))
    minutes = sum(reading_minutes(e.content_html or e.summary_html) for e in entries[:200])
    if minutes and len(entries) <= 200:
        parts.append(words.say("{minutes} of reading", minutes=words.minutes(minutes)))
    return " · ".join(parts)


def _contents(groups: Sequence[GroupView], count: int) -> tuple[GroupView, ...]:
    told = sum(len(group.told) for group in groups)
    if any(group.is_dense for group in groups):
        return ()
    # Where there are titles alone, the digest is that list already.
    is_wanted = count >= _CONTENTS_FROM and told > 3 and len(groups) <= _CONTENTS_TO
    return tuple(groups) if is_wanted else ()


def _why(words: Words, digest: Digest) -> str:
    title = digest.title or digest.name
    when = words.schedule(digest.schedule)
    if not when:
        return words.say("You asked for the digest “{title}”.", title=title)
    return words.say("Your digest “{title}” comes {when}.", title=title, when=when)


def _life(words: Words, life: Life | None) -> str:
    if life is None:
        return ""
    parts = [words.count("{n} feed well", "{n} feeds well", life.well)]
    if life.failing:
        parts.append(words.count("{n} failing", "{n} failing", life.failing))
    if life.quiet:
        parts.append(words.count("{n} quieter than usual", "{n} quieter than usual", life.quiet))
    return "; ".join([", ".join(parts), *life.extra])
