"""What is said of a trouble, in the owner's language."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from digestd.core.notices import Finding

if TYPE_CHECKING:
    from digestd.delivery.words import Words  # loads babel: when there is something to say

_LONGEST_WHY = 300


def begun(finding: Finding, channel: str, words: Words, now: datetime) -> str:
    """Say that something is wrong; `channel` is the one that did not take a delivery."""
    label, why = finding.label, finding.detail[:_LONGEST_WHY]
    when = words.when(finding.since, now)
    name = finding.subject.partition(":")[2]
    match finding.trouble:
        case "failing" if finding.subject.startswith("channel:"):
            said = words.say(
                "{channel} has not been reached since {when}: {why}",
                channel=label,
                when=when,
                why=why,
            )
        case "failing":
            said = words.say(
                "{feed} has failed since {when}: {why}", feed=label, when=when, why=why
            )
        case "silent":
            said = words.say("{feed} is silent; its last post was {when}", feed=label, when=when)
        case "gone":
            said = words.say("{feed} is gone: its publisher has ended it", feed=label)
        case "moved":
            said = words.say("{feed} has moved to {address}", feed=label, address=why)
        case "held":
            said = words.say(
                "{feed}: what looks new there may be old, and is held. To decide: {command}",
                feed=label,
                command="digestd held",
            )
        case "parked":
            said = words.say(
                "{channel} takes no messages: {why}. Once it is mended: {command}",
                channel=label,
                why=why,
                command=f"digestd test {name}",
            )
        case "refused":
            said = words.say(
                "{channel} has refused a message for ever: {title} ({why})",
                channel=channel,
                title=label,
                why=why,
            )
        case "given up":
            said = words.say(
                "Sending to {channel} failed for so long that it was given up: {title} ({why})",
                channel=channel,
                title=label,
                why=why,
            )
        case _:
            assert_never(finding.trouble)
    return said


def over(finding: Finding, words: Words) -> str:
    """Say that all is well again."""
    if finding.subject.startswith("channel:"):
        return words.say("{channel} works again", channel=finding.label)
    if finding.trouble == "silent":
        return words.say("{feed} posts again", feed=finding.label)
    return words.say("{feed} is well again", feed=finding.label)
