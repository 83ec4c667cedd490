"""Changes on trial: a feed's new address and new title are believed once they have lasted.

A redirect may be a parked domain's, a hotel's or a mistake, and so may be a title. Three
good fetches in a row must show a change before it is adopted; a page that is no feed is
no good fetch. The configured address stays its owner's, and is asked again when the
adopted one fails as often.
"""

from __future__ import annotations

from digestd.core.links import without_password
from digestd.core.models import Feed, Trial
from digestd.frozen import replace

ADOPTED_AFTER = 3
_GIVEN_UP_AFTER = 3  # failures at an adopted address


def after_good_fetch(feed: Feed, moved_to: str | None, title: str | None) -> Feed:
    """Return `feed` after a good fetch that was redirected for good, or had a new title.

    `moved_to` is None where it was not redirected; `title` None where there was none to
    read (the same bytes as before), which speaks for what is on trial.
    """
    watch = feed.watch
    if moved_to:
        moved_to = without_password(moved_to)
        if moved_to == without_password(feed.address):
            moved_to = ""
    moving = _seen(watch.moving, moved_to or "")
    adopted = moving.count >= ADOPTED_AFTER
    if adopted:
        home = without_password(feed.url)
        watch = replace(watch, moved_to=moving.value if moving.value != home else "")
    on_trial = watch.title.value if title is None else title
    naming = _seen(watch.title, "" if on_trial == feed.title else on_trial)
    if not feed.title or naming.count >= ADOPTED_AFTER:
        feed, naming = replace(feed, title=on_trial or feed.title), Trial()
    if adopted:
        moving = Trial()
    if (moving, naming) != (watch.moving, watch.title):
        watch = replace(watch, moving=moving, title=naming)
    return feed if watch is feed.watch else replace(feed, watch=watch)


def after_failure(feed: Feed) -> Feed:
    """Return `feed` after one more failure in a row: back to the owner's address in the end."""
    if feed.watch.moved_to and feed.failures >= _GIVEN_UP_AFTER:
        return replace(feed, watch=replace(feed.watch, moved_to="", moving=Trial()))
    return feed


def is_taken_over(feed: Feed, title: str, *, overlaps: bool) -> bool:
    """Tell whether a document may be somebody else's: another title, and nothing we know.

    A feed that gives itself a new title at every fetch says nothing by it after the first.
    """
    renamed = bool(feed.title and title and title != feed.title)
    return feed.baseline_at is not None and renamed and not overlaps and not feed.watch.title.value


def _seen(trial: Trial, value: str) -> Trial:
    if not value:
        return Trial()
    return Trial(value, trial.count + 1 if value == trial.value else 1)
