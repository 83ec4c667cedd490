"""The owner's `[[rules]]`: read, compiled, and every name in them looked up."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, get_args

from digestd.config.tables import Table, dotted
from digestd.config.values import nearest, parse_name
from digestd.core.models import Digest, Subscription
from digestd.core.rules import Action, Field, Rule, Rules, compile_pattern, compile_words

if TYPE_CHECKING:
    import regex

_ACTIONS: Mapping[str, Action] = {"drop": "drop", "alert": "alert", "digest": "digest"}
_CONDITIONS = ("feeds", "tags", "any", "unless", *get_args(Field))


def read_rules(
    top: Table,
    channels: Sequence[str],
    digests: Mapping[str, Digest],
    tags: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]],
    subscriptions: Sequence[Subscription],
) -> tuple[Rules, list[str]]:
    """Return the rules, and warnings of what in them may be misspelt.

    `tags` says what the owner says of each: channels told at once, and digests.
    """
    rows = list(top.rows("rules"))
    rules = [_rule(row, number, channels, digests) for number, row in enumerate(rows, start=1)]
    _refuse_doubles(rows, rules)
    given = {rule.tag for rule in rules if rule.tag}
    used = {*tags, *given, *(tag for one in subscriptions for tag in one.tags)}
    called: set[str] = set()
    if any(rule.feeds for rule in rules):
        called.update(name.casefold() for one in subscriptions for name in _names(one))
    warnings = []
    for row, rule in zip(rows, rules, strict=True):
        if rule.action == "alert" and not channels:
            row.complain("then", "needs a channel, and none is configured")
        warnings += _unknown(row, "tags", rule.tags, used, "no feed has the tag")
        lonely = [name for name in rule.feeds if name.casefold() not in called]
        # Not an error: it may be a title, or the id that a feed without one was given.
        warnings += _unknown(row, "feeds", lonely, called, "no feed here is called")
    named = {name: digest.tags for name, digest in digests.items()}
    return Rules(tuple(rules), tuple(channels[:1]), named, tags), warnings


def _rule(row: Table, number: int, channels: Collection[str], digests: Collection[str]) -> Rule:
    if not any(key in row for key in _CONDITIONS):
        row.complain("", f"needs a condition: {', '.join(_CONDITIONS)}")
    action, tag = row.parsed("then", _parse_then, ("drop", ""))
    if "then" not in row:
        row.complain("then", 'is missing: "drop", "alert", "digest" or "tag:NAME"')
    to: tuple[str, ...] = ()
    if action == "alert":
        to = row.names("to", channels, "channel", elsewhere=("digest", digests)) or ()
    elif action == "digest":
        to = row.names("to", digests, "digest", elsewhere=("channel", channels)) or ()
    elif "to" in row and "then" in row:
        row.complain("to", "says whom an alert or a digest is for; this rule makes neither")
    if action in ("alert", "digest") and row.raw.get("to") == []:
        row.complain("to", "names nobody; left out, it is who would usually be told")
    patterns = [(key, _compiled(row, key)) for key in get_args(Field)]
    return Rule(
        name=row.parsed("name", parse_name, None) or f"rule {number}",
        action=action,
        to=to,
        tag=tag,
        feeds=_some(row, "feeds"),
        tags=_some(row, "tags"),
        any=row.parsed_words("any", compile_words, None),
        unless=row.parsed_words("unless", compile_words, None),
        patterns=tuple((key, pattern) for key, pattern in patterns if pattern is not None),
    )


def _parse_then(text: str) -> tuple[Action, str]:
    kind, colon, name = text.partition(":")
    if kind == "tag" and colon:
        return "tag", parse_name(name)
    if text not in _ACTIONS:
        known = 'none of "drop", "alert", "digest", "tag:NAME"'
        raise ValueError(f'"{text}" is {known}' + nearest(text, _ACTIONS))
    return _ACTIONS[text], ""


def _some(row: Table, key: str) -> tuple[str, ...]:
    """Return the names of a limit. One that is empty would leave nothing: it is a mistake."""
    names = row.words(key, ())
    if key in row and not any(names) and row.raw[key] in ([], ""):
        row.complain(key, f"names none; leave it out for all {key}")
    return names


def _compiled(row: Table, key: str) -> regex.Pattern[str] | None:
    """Return a regular expression, as it is written: references in it are not replaced."""
    text = row.text(key, None, verbatim=True)
    if text is None:
        return None
    try:
        return compile_pattern(text)
    except ValueError as exc:
        row.complain(key, str(exc))
        return None


def _refuse_doubles(rows: Sequence[Table], rules: Sequence[Rule]) -> None:
    seen: set[str] = set()
    for row, rule in zip(rows, rules, strict=True):
        if rule.name in seen:
            row.complain("name" if "name" in row else "", f'another rule is called "{rule.name}"')
        seen.add(rule.name)


def _names(one: Subscription) -> list[str]:
    names = (one.id, one.name, one.url, one.url.partition("://")[2])
    return [name for name in names if name]


def _unknown(
    row: Table, key: str, names: Collection[str], known: Collection[str], what: str
) -> list[str]:
    lonely = [name for name in names if name not in known]
    place = dotted((*row.path, key))
    return [f'{place}: {what} "{name}"{nearest(name, known)}' for name in lonely]
