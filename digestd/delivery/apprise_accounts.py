"""Accounts that Apprise reads from URLs, and that we send through ourselves: mail and XMPP."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from digestd.core.models import Channel
from digestd.core.text import one_line
from digestd.delivery.apprise_door import Plugin
from digestd.delivery.limits import Shape
from digestd.delivery.mailservers import Route, Security
from digestd.delivery.redact import credentials, url_secrets
from digestd.delivery.target import Smtp, Target, Xmpp, addresses
from digestd.errors import ConfigError


def open_mailto(channel: Channel, plugin: Plugin, url: str, said: list[str], key: str) -> Target:
    _check_receivers(url, said, key)
    if plugin.pgp_mode != "no":
        raise ConfigError(key, "pgp is not supported: the mail is made by digestd, not by Apprise")
    to = [address for _, address in plugin.targets]
    recipients = addresses([*to, *sorted(plugin.cc), *sorted(plugin.bcc)], key)
    query = url.partition("?")[2].lower()
    security = _security(plugin, explicit="mode=" in query)
    password = plugin.password or ""
    sender_name = plugin.from_addr[0] or "digestd"
    return Target(
        channel.name,
        plugin.schema,
        "mail",
        recipients,
        f"mail:{','.join(recipients)} through {plugin.smtp_host}:{plugin.port}",
        Smtp(
            plugin.smtp_host,
            (Route(int(plugin.port), security),),
            plugin.user or "",
            password,
            verify=bool(plugin.verify_certificate),
        ),
        sender_name=sender_name,
        sender_address=plugin.from_addr[1],
        reply_to=tuple(sorted(plugin.reply_to)),
        headers=tuple(plugin.headers.items()),
        proxy=channel.proxy,
        secrets=(*credentials(plugin.user or "", password), *url_secrets_of_login(url, password)),
    )


def open_xmpp(channel: Channel, plugin: Plugin, url: str, masked: str, shape: Shape) -> Target:
    direct = plugin.secure_mode == "tls"
    people = [f"#{jid}" if kind == "groupchat" else jid for kind, jid in plugin.targets]
    return Target(
        channel.name,
        "xmpps",
        "apprise",
        tuple(dict.fromkeys(people)) or (plugin.jid,),
        masked,
        Xmpp(
            plugin.xmpp_host or plugin.host,
            int(plugin.port or (5223 if direct else 5222)),
            plugin.jid,
            plugin.name,
            plugin.password or "",
            direct_tls=direct,
            verify=bool(plugin.verify_certificate),
            shape=shape,
        ),
        proxy=channel.proxy,
        secrets=(*credentials(plugin.user or "", plugin.password or ""), *url_secrets(url, masked)),
    )


def _check_receivers(url: str, said: list[str], key: str) -> None:
    """Refuse an address that Apprise would drop with a line in its log, or without."""
    for name, value in parse_qsl(url.partition("?")[2]):
        if name in ("to", "cc", "bcc"):
            for part in re.split("[,;]", value):
                if part.strip() and "@" not in part:
                    raise ConfigError(key, f"{part.strip()!r} is no mail address")
    dropped = next((line for line in said if line.startswith("Dropped invalid")), "")
    if dropped:
        raise ConfigError(key, one_line(dropped, 120))


def url_secrets_of_login(url: str, password: str) -> tuple[str, ...]:
    """Return the password as it stands in `url`, percent-encoded or not."""
    if not password:
        return ()
    raw = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return (raw,) if raw else ()


def _security(plugin: Plugin, *, explicit: bool) -> Security:
    """Return how to protect the connection, mending two surprises of Apprise.

    mailtos://host:465 means STARTTLS there, on a port that speaks TLS at once;
    and mailto:// without a mode would send a password in the clear.
    """
    mode = plugin.secure_mode
    if mode == "ssl" or (mode == "starttls" and not explicit and plugin.port == 465):
        return "tls"
    if mode == "starttls":
        return "starttls"
    return "none" if explicit else "auto"
