"""From a channel to its target.

Parsing an Apprise URL loads Apprise (0.3 s, 40 MB), so it is loaded only by a
channel that needs it.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from digestd.core.models import Channel, MailServer
from digestd.core.text import one_line
from digestd.delivery import pushes
from digestd.delivery.hookurls import HOOK_SCHEMES, open_hook
from digestd.delivery.mailservers import guess_routes
from digestd.delivery.own import OWN_SCHEMES, open_own
from digestd.delivery.proxies import RAW_SCHEMES, check_proxy, proxy_secrets
from digestd.delivery.redact import credentials
from digestd.delivery.target import Smtp, Target, addresses, is_address
from digestd.errors import ConfigError
from digestd.frozen import replace

__all__ = ["Target", "open_target"]


def open_target(channel: Channel, mail: MailServer | None) -> Target:
    """Return the target of `channel`; `mail` is the server behind `mail:` channels.

    Raises ConfigError, in words that hold no secret, for an address that could
    never work, and for wishes that it cannot fulfil.
    """
    return _with_wishes(_open(channel, mail), channel)


def _open(channel: Channel, mail: MailServer | None) -> Target:
    key = f"channels.{channel.name}.url"
    url = channel.url.strip()
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    if not colon or not re.fullmatch(r"[a-z0-9][a-z0-9+.-]*", scheme):
        raise ConfigError(key, "is no address; expected SCHEME://… or mail:ADDRESS")
    if scheme == "mail" and not rest.startswith("//"):
        return _mail(channel, rest, mail, key)
    if scheme in OWN_SCHEMES:
        return open_own(channel, mail)
    if scheme == "xmpp":
        raise ConfigError(
            key,
            "xmpp:// is refused: without TLS the library reports success though nothing"
            " arrives; use xmpps://",
        )
    check_proxy(channel, raw=scheme in RAW_SCHEMES)
    if scheme in HOOK_SCHEMES:
        return open_hook(channel, url, scheme, key)
    from digestd.delivery import apprise_urls  # noqa: PLC0415  (loads Apprise: see above)

    return apprise_urls.open_apprise(channel, url, scheme, key)


def _with_wishes(target: Target, channel: Channel) -> Target:
    """Return `target` with what `channel` says of its messages; raises ConfigError."""
    place = f"channels.{channel.name}"
    if target.form != "mail" and (channel.threads or channel.unsubscribe):
        wish = "threads" if channel.threads else "unsubscribe"
        raise ConfigError(f"{place}.{wish}", f"is for mail; {target.scheme}:// has none")
    if channel.prefix and target.form in ("page", "line"):
        raise ConfigError(f"{place}.prefix", f"has no place in {target.scheme}://")
    if channel.priority != "normal" and target.form not in ("mail", "json"):
        usable = pushes.words_of(target.scheme)
        if not usable:
            raise ConfigError(f"{place}.priority", f"{target.scheme}:// has no priorities")
        if channel.priority not in usable:
            raise ConfigError(f"{place}.priority", f"{target.scheme}:// knows {', '.join(usable)}")
    return replace(
        target,
        secrets=(*target.secrets, *proxy_secrets(target.proxy)),
        prefix=one_line(channel.prefix, 60),
        priority=channel.priority,
        threads=channel.threads,
        unsubscribe=channel.unsubscribe,
    )


def _mail(channel: Channel, rest: str, mail: MailServer | None, key: str) -> Target:
    """Return the target of `mail:a@example.org,b@example.org`."""
    if mail is None or not mail.server:
        raise ConfigError(key, "mail: needs the [mail] table with the server to send through")
    check_proxy(channel, raw=True)
    recipients = addresses([unquote(rest)], key)
    from email.utils import parseaddr  # noqa: PLC0415 (for mail alone)

    sender_name, sender_address = parseaddr(mail.sender or mail.user)
    if not is_address(sender_address):
        if mail.sender or mail.user:
            raise ConfigError("mail.from", "must be a mail address (the default is `user`)")
        sender_address = "digestd@localhost"
    routes = guess_routes(mail.server, mail.port, mail.security)
    return Target(
        channel.name,
        "mail",
        "mail",
        recipients,
        f"mail:{','.join(recipients)} through {mail.server}:{routes[0].port}",
        Smtp(mail.server, routes, mail.user, mail.password),
        sender_name=sender_name or "digestd",
        sender_address=sender_address,
        proxy=channel.proxy,
        secrets=credentials(mail.user, mail.password),
    )
