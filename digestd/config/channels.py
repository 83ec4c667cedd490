"""The channels as their owner describes them; `delivery.targets` says whether they can work."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from digestd.config.tables import Table
from digestd.config.values import parse_proxy
from digestd.core.alerting import Manners
from digestd.core.models import Channel, Priority
from digestd.core.quiet import Quiet

_PRIORITIES: Mapping[str, Priority] = {
    "silent": "silent",
    "low": "low",
    "normal": "normal",
    "high": "high",
    "urgent": "urgent",
}
_UNSUBSCRIBE = re.compile(r"(?:mailto:[^\s<>,@]{1,64}@|https?://)[!-;=?-~]{1,500}")


def read_channels(top: Table) -> Iterable[tuple[str, Channel]]:
    """Yield the channels by their names."""
    for name, table in top.named("channels", short="url"):
        url = table.text("url", "")
        if "url" not in table:
            table.complain("url", "is missing: the address of the channel")
        elif url.casefold().startswith("mail:") and "mail" not in top:
            table.complain("url", "needs a [mail] table with the server to send through")
        channel = Channel(
            name,
            url,
            table.parsed("proxy", parse_proxy, ""),
            _manners(table),
            prefix=table.text("prefix", "").strip(),
            priority=table.choice("priority", _PRIORITIES, "normal"),
            threads=table.flag("threads", False),
            unsubscribe=table.parsed_words("unsubscribe", _parse_unsubscribe, ()),
        )
        yield name, channel


def _manners(table: Table) -> Manners:
    usual = Manners()
    if "burst_window" in table and "burst" not in table:
        table.complain("burst_window", "does nothing without burst: how many alerts are too many")
    return Manners(
        quiet=table.parsed_words("quiet", Quiet.parse, usual.quiet),
        burst=table.number("burst", usual.burst, low=1, high=10_000),
        burst_window=table.duration("burst_window", usual.burst_window, high=timedelta(days=7)),
    )


def _parse_unsubscribe(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Return addresses for List-Unsubscribe (RFC 2369, section 3.2)."""
    if not all(_UNSUBSCRIBE.fullmatch(address) for address in addresses):
        raise ValueError('expects "mailto:ADDRESS" or "https://…"')
    return addresses
