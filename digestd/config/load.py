"""TOML files to a frozen Config. Reads files and nothing else; SIGHUP simply reads again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from digestd.config import following, surroundings
from digestd.config.model import (
    Config,
    DeliverySettings,
    NoticeSettings,
    PollSettings,
    PushSettings,
    StoreSettings,
    WebSettings,
)
from digestd.config.source import Source, read_source
from digestd.config.tables import Reading, Table
from digestd.config.values import (
    describe_duration,
    parse_callback,
    parse_contact,
    parse_language,
    parse_listen,
    parse_proxy,
    parse_web_url,
    parse_zone,
)
from digestd.config.warn import warn_of_readable_secrets
from digestd.core.addresses import AllowList, check_url
from digestd.core.models import MailServer
from digestd.core.polling import PollLimits
from digestd.core.websub import METHODS
from digestd.errors import ConfigError


def load(path: Path, *, environ: Mapping[str, str]) -> Config:
    """Return the configuration at `path`, `feeds.toml` beside it included.

    Raises the first ConfigError in the order of the files; `complaints` has all.
    """
    config, wrong = _read(path, environ)
    if config is None or wrong:
        raise wrong[0]
    return config


def complaints(
    path: Path, environ: Mapping[str, str], *, more: Sequence[Source] = ()
) -> list[ConfigError]:
    """Return everything that is wrong, in the order of the files; empty: `load` succeeds.

    `more` are files of feeds that may come to stand beside it.
    """
    return _read(path, environ, more)[1]


def _read(
    path: Path, environ: Mapping[str, str], more: Sequence[Source] = ()
) -> tuple[Config | None, list[ConfigError]]:
    path = path.absolute()
    feeds = path.parent / "feeds.toml"
    wrong: list[ConfigError] = []
    sources: list[Source] = []
    for file in (path, feeds) if feeds.exists() and feeds != path else (path,):
        try:
            sources.append(read_source(file))
        except ConfigError as exc:
            wrong.append(exc)
    if not sources or sources[0].path != path:
        return None, wrong
    reading = Reading(environ, wrong)
    config = _config(path, [*sources, *more], reading)
    wrong.sort(key=lambda one: (one.file != str(path), one.line or 0))
    return config, wrong


def _config(path: Path, sources: list[Source], reading: Reading) -> Config:
    warnings: list[str] = []
    top = Table(sources[0], reading, "", (), sources[0].data)
    zone = top.parsed("timezone", parse_zone, None)
    if zone is None:
        zone, warning = surroundings.system_zone(reading.environ)
        warnings += [warning] if warning else []
    mail = _mail(top.table("mail")) if "mail" in top else None
    poll = _poll(top.table("poll"))
    owner = following.read(top, sources[1:], reading, zone, rsshub=poll.rsshub)
    push = _push(top)
    warnings += [*owner.warnings, *warn_of_readable_secrets(sources), *_warn_of_push(push)]
    return Config(
        path=path,
        timezone=zone,
        language=top.parsed("language", parse_language, None)
        or surroundings.system_language(reading.environ),
        mail=mail,
        channels=MappingProxyType(owner.channels),
        digests=MappingProxyType(owner.digests),
        subscriptions=tuple(owner.subscriptions),
        store=_store(top.table("store"), path, reading.environ),
        poll=poll,
        delivery=_delivery(top.table("delivery")),
        notices=_notices(top.table("notices"), tuple(owner.channels)),
        web=_web(top.table("web")),
        push=push,
        rules=owner.rules,
        tag_requests=MappingProxyType(owner.tag_requests),
        template_dirs=(path.parent / "templates",),
        warnings=tuple(warnings),
    )


def _mail(table: Table) -> MailServer | None:
    server = table.text("server", "")
    if not server:
        table.complain("server", "is missing: the mail server to send through, as smtp.example.org")
    elif re.search(r"[/@\s]", server) or server.count(":") == 1:
        table.complain("server", "is a host name alone; port and user have keys of their own")
    user = table.text("user", "")
    sender = table.text("from", "") or user
    if "@" not in sender and (sender or user):
        reason = "is no mail address" if "from" in table else "is missing: user is no mail address"
        table.complain("from", reason)
    password = table.text("password", "")
    if password and not user:
        table.complain("user", "is missing, though there is a password")
    return MailServer(
        server=server,
        port=table.number("port", None, low=1, high=65535),
        security=table.choice(
            "security", {"starttls": "starttls", "tls": "tls", "none": "none"}, None
        ),
        user=user,
        password=password,
        sender=sender,
    )


def _store(table: Table, config: Path, environ: Mapping[str, str]) -> StoreSettings:
    keep = table.duration("keep", timedelta(days=365), low=timedelta(days=1))
    named = table.text("path", "")
    if not named:
        return StoreSettings(surroundings.default_store(config, environ), keep)
    if named == "~" or named.startswith("~/"):
        return StoreSettings(surroundings.home(environ) / named[2:], keep)
    return StoreSettings(config.parent / named, keep)  # an absolute one stands as it is


def _poll(table: Table) -> PollSettings:
    usual = PollSettings()
    limits = PollLimits(
        table.duration("min_interval", usual.limits.min_interval),
        table.duration("max_interval", usual.limits.max_interval, high=timedelta(days=366)),
        table.decimal("fairness", usual.limits.fairness, low=0, high=1),
    )
    if limits.min_interval > limits.max_interval:
        longest = describe_duration(limits.max_interval)
        table.complain("min_interval", f"is longer than max_interval, which is {longest}")
    rsshub = table.parsed("rsshub", _parse_rsshub, "")
    allow = table.parsed_words("allow_private", AllowList.parse, usual.allow_private)
    return PollSettings(
        limits=limits,
        requests_per_feed_per_day=table.decimal(
            "requests_per_feed_per_day", usual.requests_per_feed_per_day, low=0.1, high=1440
        ),
        concurrency=table.number("concurrency", usual.concurrency, low=1, high=1000),
        per_host=table.number("per_host", usual.per_host, low=1, high=100),
        timeout=table.duration("timeout", usual.timeout, high=timedelta(hours=1)),
        max_size=table.size("max_size", usual.max_size),
        # What the owner configured is theirs, wherever it is; as with a proxy.
        allow_private=allow.with_host_of(rsshub) if rsshub else allow,
        proxy=table.parsed("proxy", parse_proxy, ""),
        contact=table.parsed("contact", parse_contact, ""),
        rsshub=rsshub,
    )


def _parse_rsshub(text: str) -> str:
    if not text:
        return ""
    problem = check_url(text)
    if problem:
        raise ValueError(f"is no address of an RSSHub, as http://localhost:1200 is: {problem}")
    return text.rstrip("/")


def _push(top: Table) -> PushSettings:
    table = top.table("push")
    usual = PushSettings()
    settings = PushSettings(
        table.parsed("callback_url", parse_callback, ""),
        table.yes_or_no("secret_over_http", usual.secret_over_http),
        table.choice("least_signature", {name: name for name in METHODS}, usual.least_signature),
    )
    if settings.callback_url and top.table("web").text("listen", "x") == "":
        table.complain("callback_url", "needs the web port, which [web] listen turns off")
    return settings


def _web(table: Table) -> WebSettings:
    settings = WebSettings(
        table.parsed("listen", parse_listen, WebSettings().listen),
        table.parsed("url", parse_web_url, ""),
    )
    if settings.url and settings.listen is None:
        table.complain("url", "needs the web port, which listen turns off")
    return settings


def _warn_of_push(push: PushSettings) -> list[str]:
    if push.callback_url.lower().startswith("http:"):
        return ["push.callback_url: without https, whoever is on the way can read and forge posts"]
    return []


def _delivery(table: Table) -> DeliverySettings:
    usual = DeliverySettings()
    settings = DeliverySettings(
        table.duration("first_retry", usual.first_retry, high=timedelta(hours=1)),
        table.duration("give_up", usual.give_up),
        table.duration("fallback", usual.fallback),
    )
    if settings.first_retry > settings.give_up:
        first = describe_duration(settings.first_retry)
        table.complain("give_up", f"is shorter than first_retry, which is {first}")
    return settings


def _notices(table: Table, channels: tuple[str, ...]) -> NoticeSettings:
    usual = NoticeSettings(to=channels[:1])
    to = table.names("to", channels, "channel")
    return NoticeSettings(
        to=usual.to if to is None else to, after=table.duration("after", usual.after)
    )
