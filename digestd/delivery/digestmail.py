"""A digest as a message: arranged, shortened until it fits, split where it must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from digestd.core.messages import Letter, Message, MessageEntry
from digestd.core.models import Digest, Subscription
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
from digestd.delivery.around import Around, Life
from digestd.delivery.context import DigestView, GroupView
from digestd.delivery.frames import count_title, frame_of
from digestd.delivery.templating import Templates
from digestd.delivery.views import Views, facts_of, reading_minutes
from digestd.delivery.words import Words
from digestd.frozen import dataclass, replace

# Gmail shows the first 102 KB of a mail's HTML; the rest of the room is for its headers' whims.
MAX_HTML_BYTES: Final = 90_000
# From so many entries on, of up to so many feeds, a digest opens with the list of their titles.
_CONTENTS_FROM, _CONTENTS_TO = 9, 30
# In a chat that many titles are a wall: a few of each feed, and the rest counted.
_CHAT_FROM, _CHAT_RUNG = 60, Rung(excerpt=0, told=0, listed=4)


@dataclass(frozen=True, slots=True)
class Occasion:
    """When and as what a digest is made."""

    identity: str
    now: datetime
    slot_due_at: datetime


class DigestMail:
    """Makes one digest's message of its entries."""

    def __init__(
        self,
        templates: Templates,
        words: Words,
        digest: Digest,
        members: Sequence[Member],
        wishes: Mapping[int, Subscription],
        occasion: Occasion,
        pictures: Pictures,
    ) -> None:
        """`wishes` are what its owner wants of each feed, by `Feed.pk`."""
        self._templates = templates
        self._words = words
        self._digest = digest
        self._members = members
        self._plan = _plan(digest, wishes)
        self._stories = _stories(digest, members)
        self._occasion = occasion
        self._pictures = pictures

    def message(self, around: Around) -> Message:
        """Return it at the most generous rung at which it fits, in several mails at last."""
        message = self._fitted(around)
        if not message.complaint:
            return message
        # Ours was used; its reader is the one who can mend it.
        note = self._words.say("Your own template was not used: {why}", why=message.complaint)
        return self._fitted(replace(around, notes=(*around.notes, note)))

    def _fitted(self, around: Around) -> Message:
        start = first_rung(self._stories.shown, self._plan, MAX_HTML_BYTES)
        for rung in LADDER[start:]:
            selection = select(self._stories.shown, rung, self._plan)
            shown = self._pictures.again()
            view = self._view(selection, around, self._views(around, shown))
            message = self._filled(view, selection, MAX_HTML_BYTES)
            if len(message.html.encode()) <= MAX_HTML_BYTES:
                message = replace(message, images=shown.attached)
                break
        else:
            message = self._several(self._filled(view, selection), selection, around)
        if len(selection.entries) > _CHAT_FROM:
            return replace(message, chat=self._chat(around))
        return message

    def _several(self, whole: Message, selection: Selection, around: Around) -> Message:
        """Return `whole` as mails that each fit."""
        budget = MAX_HTML_BYTES
        while True:
            shown = self._pictures.again()
            views = self._views(around, shown)
            split = parts(selection, self._plan, budget)
            letters = [
                self._filled(self._view(part, around, views, (n, len(split)), selection), selection)
                for n, part in enumerate(split, start=1)
            ]
            longest = max(len(letter.html.encode()) for letter in letters)
            if longest <= MAX_HTML_BYTES or budget < MAX_HTML_BYTES // 4:
                break
            budget = int(budget * 0.95 * MAX_HTML_BYTES / longest)
        return replace(
            whole,
            html=letters[0].html,
            images=shown.attached,
            letters=tuple(Letter(one.title, one.text, one.html) for one in letters),
        )

    def _chat(self, around: Around) -> str:
        selection = select(self._stories.shown, _CHAT_RUNG, self._plan)
        view = self._view(selection, around, self._views(around, Pictures()))
        frame = frame_of(self._words, view.title, self._occasion.now, view.groups)
        context = {"digest": view, "frame": frame, "words": self._words}
        return self._templates.chat(self._digest.template, "digest", context)[0]

    # --- one mail ------------------------------------------------------------------------

    def _views(self, around: Around, pictures: Pictures) -> Views:
        return Views(self._words, self._occasion.now, around.marks, self._stories.also, pictures)

    def _view(
        self,
        selection: Selection,
        around: Around,
        views: Views,
        part: tuple[int, int] = (1, 1),
        whole: Selection | None = None,
    ) -> DigestView:
        """Return what the templates see of `selection`, part n of m of `whole`."""
        digest, words = self._digest, self._words
        groups = views.groups(selection, self._plan)
        return DigestView(
            name=digest.name,
            title=digest.title or digest.name,
            summary=_summary(words, whole or selection),
            slot=self._occasion.slot_due_at.astimezone(digest.zone),
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

    def _filled(self, view: DigestView, whole: Selection, room: int = 0) -> Message:
        """Return one mail; without text and chat form where its HTML is longer than `room`."""
        digest, words, now = self._digest, self._words, self._occasion.now
        shown = [entry for group in view.groups for entry in group.entries]
        title = words.say("{digest}: nothing new", digest=view.title)
        if shown:
            title = count_title(words, shown[0].title, len(whole.entries))
        frame = frame_of(words, title, now, view.groups)
        context = {"digest": view, "frame": frame, "words": words}
        complaints: list[str] = []
        if digest.subject:
            subject, why = self._templates.line(digest.subject, context)
            title = subject or title
            complaints += [f"digests.{digest.name}.subject: {why}"] if why else []
        if view.parts > 1:
            title = f"{title} ({view.part}/{view.parts})"
        filled = self._templates.fill(digest.template, "digest", context, room=room)
        feeds = {feed.pk: feed for _, feed in self._members}
        return Message(
            "digest",
            self._occasion.identity,
            title,
            text=filled.text,
            html=filled.html,
            created_at=now,
            entries=_facts(whole, self._stories, self._members),
            digest=digest.name,
            digest_title=digest.title or digest.name,
            feed=next(iter(feeds.values())).id if len(feeds) == 1 else "",
            language=words.language,
            chat=filled.chat,
            complaint="; ".join(filter(None, [*complaints, filled.complaint])),
        )


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
