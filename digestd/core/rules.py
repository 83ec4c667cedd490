"""The owner's rules: which entries are dropped, announced, put into digests or tagged.

Rules are read in order. One that holds adds what it says (an alert, a digest, a tag that
later rules see); one that drops ends it, and nobody is told, whatever was said before. All
conditions of a rule must hold. Texts are a stranger's and expressions the owner's, so each
search is bounded: in the length of what is looked at, in its own time, and in the time
that an expression may take for a whole document. What takes too long has not matched.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

from digestd.core.identity import plain_text
from digestd.core.models import Entry, Feed, Subscription
from digestd.core.parsed import ParsedEntry
from digestd.frozen import dataclass, field

if TYPE_CHECKING:  # loaded for owners who have rules
    import regex

Action = Literal["drop", "alert", "digest", "tag"]
Field = Literal["title", "text", "author", "link", "category"]

# Characters of an entry's text that rules look at, and of its HTML, to find these.
MOST_TEXT = 20_000
_MOST_MARKUP = 10 * MOST_TEXT
_MOST_LINE = 2_000
_MOST_CATEGORIES = 100
# Seconds for one search; and for all of an expression's in one document, but for what each
# may always take: then a long document is no trouble, and a bad expression soon over.
_ONE_SEARCH = 0.25
_USUAL_SEARCH = 0.003
PATIENCE = 1.0

# Letters of scripts that set their words apart. The others are found wherever they stand.
_LETTER = (
    r"[[\p{L}\p{M}\p{N}_]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}"
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]"
)


@dataclass(frozen=True, slots=True)
class Words:
    """Words to look for in a text that was `_folded`, as they were.

    A word begins and ends at its borders where its script has any: "ion" is not in
    "fusion", and 位置 is in 旋转位置编码.
    """

    words: tuple[str, ...]

    def are_in(self, text: str) -> bool:
        """Return whether one of them stands in `text`."""
        return any(_stands(word, text) for word in self.words)


def _stands(word: str, text: str) -> bool:
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not (_is_within(text, at) or _is_within(text, end)):
            return True
        at = text.find(word, at + 1)
    return False


def _is_within(text: str, place: int) -> bool:
    """Return whether there is no border of words before this place."""
    return 0 < place < len(text) and _is_letter(text[place - 1]) and _is_letter(text[place])


@lru_cache(maxsize=4096)
def _is_letter(sign: str) -> bool:
    import regex  # noqa: PLC0415

    return regex.match(_LETTER, sign, regex.V1) is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `to` is empty where its owner names nobody; `feeds` are ids, names or addresses."""

    name: str  # "rule 2", or what its owner calls it
    action: Action
    to: tuple[str, ...] = ()  # channels of an alert, digests of a digest
    tag: str = ""
    feeds: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    any: Words | None = None
    unless: Words | None = None
    patterns: tuple[tuple[Field, regex.Pattern[str]], ...] = ()

    def __str__(self) -> str:
        """Return its name and what it does."""
        if self.action == "tag":
            return f"{self.name}: tag {self.tag}"
        between = " to " if self.action == "alert" else " "
        return f"{self.name}: {self.action}" + (between + ", ".join(self.to) if self.to else "")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of one entry, beside what its feed says."""

    matched: tuple[str, ...] = ()  # the rules that held, in order
    is_dropped: bool = False  # by the last of them
    alert: tuple[str, ...] = ()  # further channels
    digests: tuple[str, ...] = ()  # further digests
    tags: tuple[str, ...] = ()  # further tags


NO_RULING = Ruling()


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, and what they mean where they name nobody."""

    rules: tuple[Rule, ...] = ()
    channel: tuple[str, ...] = ()  # of alerts, where neither rule nor feed names one
    digests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # to their `tags`
    # What the owner says of tags: channels told at once, and digests.
    tags: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)

    def judge(
        self, feed: Feed, wants: Subscription, tick: Callable[[], float], patience: float = PATIENCE
    ) -> Judge | None:
        """Return who judges entries of one document of `feed`; None: no rule concerns it.

        `tick` says how much time has passed, in seconds since any moment.
        """
        concerned = [rule for rule in self.rules if not rule.feeds or _names(feed, rule.feeds)]
        return Judge(self, concerned, wants, tick, patience) if concerned else None


def _names(feed: Feed, names: Iterable[str]) -> bool:
    """Return whether one of `names` is what this feed is called."""
    known = (feed.id, feed.name, feed.title, feed.url, feed.url.partition("://")[2])
    return not {name.casefold() for name in names}.isdisjoint(n.casefold() for n in known if n)


# --- expressions -----------------------------------------------------------------------


def compile_pattern(text: str) -> regex.Pattern[str]:
    """Return an owner's regular expression. ValueError says what is wrong with it."""
    import regex  # noqa: PLC0415

    if not text:
        raise ValueError("is empty, and would match everything")
    try:
        return regex.compile(text)
    except (regex.error, ValueError, OverflowError, RecursionError) as exc:
        raise ValueError(f"is no regular expression: {exc}") from None


def compile_words(words: Iterable[str]) -> Words:
    """Return an owner's words, to be looked for. ValueError: there are none."""
    folded = tuple(dict.fromkeys(filter(None, map(_folded, words))))
    if not folded:
        raise ValueError("names no word")
    return Words(folded)


def _folded(text: str) -> str:
    """Return a text in which case, width and white space make no difference."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


# --- judging ---------------------------------------------------------------------------


class _Said:
    """What an entry says, each part brought into form when a rule asks for it."""

    def __init__(self, entry: ParsedEntry | Entry) -> None:
        self._entry = entry

    @cached_property
    def text(self) -> str:
        bodies = (self._entry.content_html, self._entry.summary_html)
        return "\n".join(plain_text(_head(body)) for body in bodies if body)[:MOST_TEXT].strip()

    @cached_property
    def words(self) -> str:
        return _folded(f"{self._entry.title}\n{self.text}")[: 2 * MOST_TEXT]

    def of(self, name: Field) -> Iterable[str]:
        if name == "text":
            return (self.text,)
        if name == "category":
            return [one[:_MOST_LINE] for one in self._entry.categories[:_MOST_CATEGORIES]]
        line = {
            "title": self._entry.title,
            "author": self._entry.author,
            "link": self._entry.link or "",
        }[name]
        return (line[:_MOST_LINE],)


def _head(markup: str) -> str:
    """Return so much of a body as rules may look at, without half a tag at its end."""
    if len(markup) <= _MOST_MARKUP:
        return markup
    head = markup[:_MOST_MARKUP]
    return head[: head.rfind("<")] if head.rfind("<") > head.rfind(">") else head


class Judge:
    """Judges the entries of one document; keeps count of what its expressions cost."""

    def __init__(
        self,
        rules: Rules,
        concerned: Iterable[Rule],
        wants: Subscription,
        tick: Callable[[], float],
        patience: float,
    ) -> None:
        self.slow: dict[tuple[str, str], None] = {}  # rule and key of what took too long
        self._rules = rules
        self._concerned = tuple(concerned)
        self._wants = wants
        self._tick = tick
        self._patience = patience
        self._spent: dict[tuple[str, str], float] = {}

    def __call__(self, entry: ParsedEntry | Entry) -> Ruling:
        """Return what the rules say of `entry`."""
        said = _Said(entry)
        added: dict[str, None] = {}
        alert: dict[str, None] = {}
        digests: dict[str, None] = {}
        matched = []
        for rule in self._concerned:
            tags = {*self._wants.tags, *added}
            if not self._holds(rule, said, tags):
                continue
            matched.append(str(rule))
            match rule.action:
                case "drop":
                    return Ruling(tuple(matched), is_dropped=True, tags=tuple(added))
                case "alert":
                    told = rule.to or self._wants.alert or self._rules.channel
                    alert |= dict.fromkeys(told)
                case "digest":
                    digests |= dict.fromkeys(rule.to or self._fitting(tags))
                case "tag":
                    added[rule.tag] = None
                    channels, named = self._rules.tags.get(rule.tag, ((), ()))
                    alert |= dict.fromkeys(channels)
                    naming = [n for n, tags_ in self._rules.digests.items() if rule.tag in tags_]
                    digests |= dict.fromkeys([*named, *naming])
        return Ruling(tuple(matched), False, tuple(alert), tuple(digests), tuple(added))

    def _fitting(self, tags: set[str]) -> list[str]:
        """Return the digests that a feed with these tags is in, unless its owner says otherwise."""
        known = self._rules.digests.items()
        return [name for name, wanted in known if not wanted or not tags.isdisjoint(wanted)]

    def _holds(self, rule: Rule, said: _Said, tags: set[str]) -> bool:
        if rule.tags and tags.isdisjoint(rule.tags):
            return False
        if rule.any is not None and not rule.any.are_in(said.words):
            return False
        if rule.unless is not None and rule.unless.are_in(said.words):
            return False
        return all(
            self._finds(rule, name, pattern, said.of(name)) for name, pattern in rule.patterns
        )

    def _finds(
        self, rule: Rule, name: Field, pattern: regex.Pattern[str], texts: Iterable[str]
    ) -> bool:
        """Return whether `pattern` is found in one of `texts` before it takes too long."""
        place = (rule.name, name)
        for text in texts:
            left = self._patience - self._spent.get(place, 0.0)
            if left <= 0:
                return False
            begun = self._tick()
            try:
                if pattern.search(text, timeout=min(_ONE_SEARCH, left)):
                    return True
            except TimeoutError:
                self.slow[place] = None
                return False
            finally:
                self._charge(place, self._tick() - begun)
        return False

    def _charge(self, place: tuple[str, str], took: float) -> None:
        """Count what a search took beyond the usual against its expression."""
        spent = self._spent.get(place, 0.0) + max(0.0, took - _USUAL_SEARCH)
        self._spent[place] = spent
        if spent >= self._patience:
            self.slow[place] = None
