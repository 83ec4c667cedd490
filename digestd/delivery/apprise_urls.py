"""The only door to Apprise: its URLs as plain facts, its plugins as objects that can send.

Nothing of Apprise leaves this module and `apprise_sender`, which uses the
objects that `instantiate` makes. Importing this module loads Apprise (0.3 s,
40 MB), so `targets` does so only for a channel that needs it.
"""

from __future__ import annotations

import difflib
import logging
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote

import apprise
from apprise.manager_plugins import NotificationManager
from apprise.plugins.dingtalk import NotifyDingTalk

from digestd.clock import system_clock
from digestd.core.models import Channel, Message
from digestd.core.outcomes import Sent
from digestd.core.text import one_line
from digestd.delivery.compose import compose
from digestd.delivery.limits import Markup, Shape, shape_of
from digestd.delivery.mailservers import Route, Security
from digestd.delivery.own import OWN_SCHEMES, make_own_sender, open_own
from digestd.delivery.proxies import RAW_SCHEMES
from digestd.delivery.redact import credentials, redact, url_secrets
from digestd.delivery.target import (
    Service,
    Smtp,
    Target,
    Xmpp,
    addresses,
)
from digestd.errors import ConfigError

Plugin: TypeAlias = Any  # every plugin has attributes of its own
_manager: Any = NotificationManager  # half of it is annotated
_Base: Any = apprise.NotifyBase
_DingTalk: Any = NotifyDingTalk

_EXTRAS = {"paho-mqtt": "mqtt", "slixmpp": "xmpp", "cryptography": "push"}
_MAIL_PORTS = {"ssl": 465, "starttls": 587, "insecure": 25}


class _Overheard(logging.Handler):
    """Keeps what Apprise logs in a thread while that thread listens."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._local = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        lines: list[str] | None = getattr(self._local, "lines", None)
        if lines is not None and len(lines) < 200:
            lines.append(record.getMessage()[:4000])

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        lines: list[str] = []
        self._local.lines = lines
        try:
            yield lines
        finally:
            self._local.lines = None


_overheard = _Overheard()
_logger = logging.getLogger("apprise")
# What it says holds tokens and whole messages: to us, and to nobody else.
_logger.setLevel(logging.DEBUG)
_logger.propagate = False
_logger.addHandler(_overheard)

listening = _overheard.listening


def instantiate(url: str) -> Plugin | None:
    """Return the plugin's object for `url`, None if Apprise cannot make one.

    It neither paces itself (our lanes do, on a clock that is never set back),
    nor tries again (the outbox does), nor calls a failure a success because it
    is ?optional=, nor waits in Apprise's shared threads, nor keeps files.
    """
    plugin: Plugin | None = apprise.Apprise.instantiate(url, asset=_asset())
    if plugin is not None:
        plugin.request_rate_per_sec = 0
        plugin.throttle = lambda *_args, **_kwargs: None  # Discord's would sleep for its quota
        plugin.retry = 0
        plugin.optional = False
        if isinstance(plugin, _DingTalk):
            signature = plugin.get_signature
            # Apprise encodes it for the query, and requests does so again: never accepted.
            plugin.get_signature = lambda: tuple(map(unquote, signature()))
    return plugin


def _asset() -> apprise.AppriseAsset:
    # No picture of a third party's host in anybody's messages.
    return apprise.AppriseAsset(
        app_id="digestd",
        app_desc="digestd",
        app_url="",
        service_timeout=0,
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        http_redirects=False,
    )


def open_apprise(channel: Channel, url: str, scheme: str, key: str) -> Target:
    """Return the target of any Apprise URL; raises ConfigError at `key`, without secrets."""
    register_own_schemes()
    _check_scheme(scheme, key)
    with listening() as said:
        try:
            plugin = instantiate(url)
        except Exception as exc:  # noqa: BLE001  (a plugin may raise anything at a URL it dislikes)
            said.append(type(exc).__name__)
            plugin = None
    port = getattr(plugin, "port", None)
    if isinstance(port, int) and not 0 < port < 65536:
        raise ConfigError(key, f"{port} is no port")
    if plugin is None:
        complaint = next((line for line in reversed(said) if "unpars" not in line.lower()), "")
        secrets = url_secrets(url, f"{scheme}://")
        why = one_line(redact(complaint, secrets), 120)
        raise ConfigError(key, f"is not understood as {scheme}://" + (f": {why}" if why else ""))
    if channel.proxy and scheme not in RAW_SCHEMES and not _speaks_http(plugin):
        raise ConfigError(
            f"channels.{channel.name}.proxy", f"{scheme}:// cannot go through a proxy"
        )
    if scheme in ("mailto", "mailtos"):
        return _mailto(channel, plugin, url, said, key)
    masked = str(plugin.url(privacy=True)).partition("?")[0]
    if scheme == "xmpps":
        return _xmpp(channel, plugin, url, masked)
    in_markdown = dict(parse_qsl(url.partition("?")[2])).get("format", "").lower() == "markdown"
    shape = shape_of(scheme, _declared(plugin), in_markdown=in_markdown)
    if scheme in ("ntfy", "ntfys") and plugin.host not in (None, "", "ntfy.sh"):
        # A server of the owner's own: its limits are his, and a 429 tells them.
        shape = replace(shape, per_minute=0, burst=0)
    return Target(
        channel.name,
        scheme,
        "apprise",
        recipients_of(plugin),
        masked,
        Service(url, shape),
        proxy=channel.proxy,
        secrets=url_secrets(url, masked),
    )


class _OwnScheme(_Base):  # type: ignore[misc]  # see _Base
    """terminal://, maildir:// and file:// as Apprise sees them: sent by our own senders."""

    service_name = "digestd"
    protocol = OWN_SCHEMES
    title_maxlen = 200
    request_rate_per_sec = 0

    def __init__(self, own_url: str = "", **kwargs: Plugin) -> None:
        super().__init__(**kwargs)
        self.target = open_own(Channel("apprise", own_url), None)

    def url(self, *_args: object, **_kwargs: object) -> str:
        return self.target.masked

    def send(self, body: str, title: str = "", **_kwargs: object) -> bool:
        now = system_clock()
        message = Message("notice", f"apprise/{now.isoformat()}", title, body, "", now)
        sender = make_own_sender(self.target)
        outcomes = [sender.send(piece) for piece in compose(self.target, message)]
        sender.close()
        return all(isinstance(outcome, Sent) for outcome in outcomes)

    @staticmethod
    def parse_url(url: str) -> dict[str, Any] | None:
        """Keep the raw URL: Apprise's own idea of host and path would bend a file's path."""
        scheme = url.partition(":")[0].lower()
        try:
            open_own(Channel("apprise", url), None)
        except ConfigError:
            return None
        return {"schema": scheme, "own_url": url, "host": "", "qsd": {}}


def register_own_schemes() -> None:
    """Make Apprise know our own schemes, wherever it meets them."""
    manager = _manager()
    if OWN_SCHEMES[0] not in manager:
        manager.add(_OwnScheme, schemas=list(OWN_SCHEMES))


def _check_scheme(scheme: str, key: str) -> None:
    """Refuse a scheme that Apprise does not know, or whose library is missing."""
    known = _manager()
    if scheme not in known:
        near = difflib.get_close_matches(scheme, sorted(known.schemas()), 1, 0.7)
        hint = f"; did you mean {near[0]}://?" if near else ""
        raise ConfigError(key, f"{scheme}:// is no service that Apprise knows{hint}")
    plugin = known[scheme]
    if plugin.enabled:
        return
    needed = plugin.requirements.get("packages_required") or []
    packages = [needed] if isinstance(needed, str) else [str(each) for each in needed]
    names = [package.split()[0] for package in packages]
    extras = sorted({_EXTRAS[name] for name in names if name in _EXTRAS})
    if extras:
        raise ConfigError(
            key, f"{scheme}:// needs a library: pip install 'digestd[{','.join(extras)}]'"
        )
    what = f"pip install {' '.join(names)}" if names else "a library that is not installed"
    raise ConfigError(key, f"{scheme}:// needs {what}")


def _speaks_http(plugin: Plugin) -> bool:
    """Say whether `plugin` has imported requests, in the module of its class or of a base."""
    modules = (sys.modules[kind.__module__] for kind in type(plugin).__mro__)
    return any(
        hasattr(module, "requests")
        for module in modules
        if module.__name__.startswith("apprise.plugins.")
    )


_MARKUPS: dict[str, Markup] = {"html": "html", "markdown": "markdown", "text": "text"}


def _declared(plugin: Plugin) -> Shape:
    """Return the shape that a plugin declares; text where it takes everything."""
    formats = [each.value for each in plugin._formats()]
    override = getattr(plugin, "_format_override", None)
    chosen = "text" if len(formats) > 2 or "html" not in formats else "html"
    if chosen == "text" and formats[0] == "markdown":
        chosen = "markdown"
    if override is not None and override.value in formats:
        chosen = override.value
    own_field = plugin.title_maxlen > 0 and not plugin.overflow_amalgamate_title
    return Shape(
        _MARKUPS[chosen],
        int(plugin.body_maxlen),
        title=min(200, int(plugin.title_maxlen)) if own_field else 0,
        source="Apprise",
    )


# --- several receivers behind one URL ---------------------------------------------------

_LISTS = ("targets", "channels", "topics", "rooms")


def _receivers(plugin: Plugin) -> tuple[str, list[Any]] | None:
    """Return the one list of receivers of `plugin`: its attribute and its items."""
    lists = [(name, getattr(plugin, name, None)) for name in _LISTS]
    filled = [(name, each) for name, each in lists if isinstance(each, list) and each]
    if len(filled) != 1 or len(plugin) != len(filled[0][1]) or getattr(plugin, "batch", False):
        return None
    return filled[0]


def _label(item: object) -> str:
    parts = item if isinstance(item, tuple | list) else (item,)
    return ":".join(str(part) for part in parts if part not in (None, "", False))


def recipients_of(plugin: Plugin) -> tuple[str, ...]:
    """Return the receivers of `plugin`, a piece for each, so that a retry repeats one alone."""
    found = _receivers(plugin)
    if found is None or len(found[1]) < 2:
        return ("",)
    labels = [_label(item) for item in found[1]]
    return tuple(labels) if len(set(labels)) == len(labels) else ("",)


def choose_recipient(plugin: Plugin, recipient: str) -> bool:
    """Narrow `plugin` to `recipient` ("": all); say whether it is one of its own."""
    if not recipient:
        return True
    found = _receivers(plugin)
    if found is None:
        return False
    chosen = [item for item in found[1] if _label(item) == recipient]
    setattr(plugin, found[0], chosen)
    return bool(chosen)


# --- what we send ourselves -------------------------------------------------------------


def _mailto(channel: Channel, plugin: Plugin, url: str, said: list[str], key: str) -> Target:
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


def _xmpp(channel: Channel, plugin: Plugin, url: str, masked: str) -> Target:
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
            shape=shape_of("xmpps", _declared(plugin)),
        ),
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
