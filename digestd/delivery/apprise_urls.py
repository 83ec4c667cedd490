"""Any Apprise URL as a target: what it is, whether it can work, and the shape of text it takes."""

from __future__ import annotations

import difflib
import re
from urllib.parse import parse_qsl

from digestd.core.models import Channel
from digestd.core.text import one_line
from digestd.delivery.apprise_accounts import open_mailto, open_xmpp
from digestd.delivery.apprise_door import (
    Plugin,
    instantiate,
    listening,
    manager,
    register_own_schemes,
    speaks_http,
)
from digestd.delivery.apprise_recipients import recipients_of
from digestd.delivery.limits import Markup, Shape, shape_of
from digestd.delivery.proxies import RAW_SCHEMES
from digestd.delivery.redact import redact, url_secrets
from digestd.delivery.target import (
    Service,
    Target,
)
from digestd.errors import ConfigError
from digestd.frozen import replace

# What it says whatever is wrong; a line before it may be of use.
_IDLE = re.compile(r"unpars|^Could not load|^Loaded", re.IGNORECASE)
_EXTRAS = {"paho-mqtt": "mqtt", "slixmpp": "xmpp", "cryptography": "push"}


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
        complaint = next((line for line in reversed(said) if not _IDLE.search(line)), "")
        secrets = url_secrets(url, f"{scheme}://")
        why = one_line(redact(complaint, secrets), 120)
        raise ConfigError(key, f"is not understood as {scheme}://" + (f": {why}" if why else ""))
    dropped = next((line for line in said if line.startswith("Dropped invalid")), "")
    if (dropped and scheme not in ("mailto", "mailtos")) or not len(plugin):
        why = one_line(redact(dropped, url_secrets(url, f"{scheme}://")), 120)
        raise ConfigError(key, why or "names nobody to send to")
    if channel.proxy and scheme not in RAW_SCHEMES and not speaks_http(plugin):
        raise ConfigError(
            f"channels.{channel.name}.proxy", f"{scheme}:// cannot go through a proxy"
        )
    if scheme in ("mailto", "mailtos"):
        return open_mailto(channel, plugin, url, said, key)
    masked = str(plugin.url(privacy=True)).partition("?")[0]
    if scheme == "xmpps":
        return open_xmpp(channel, plugin, url, masked, shape_of(scheme, _declared(plugin)))
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


def _check_scheme(scheme: str, key: str) -> None:
    """Refuse a scheme that Apprise does not know, or whose library is missing."""
    known = manager()
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
