"""What single values mean: durations, sizes, references to secrets. ValueError says what is wrong.

These messages quote the value; who reads a value that came out of a `${…}`
must not pass them on (`tables` does not).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from digestd.core.links import without_secret_user
from digestd.core.models import FirstFetch

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
_LONGEST = timedelta(days=36500)
_LARGEST_CREDENTIAL = 1 << 20  # systemd's own limit


# --- spans and sizes -------------------------------------------------------------------


def parse_duration(text: str) -> timedelta:
    """Read "90s", "15m", "2h" or "7d", and nothing else."""
    parts = re.fullmatch(r"([0-9]{1,12})([smhd])", text)
    if parts is None:
        if re.fullmatch(r"[0-9]+", text):
            raise ValueError(f'"{text}" has no unit; write "{text}s", "{text}m", "{text}h" …')
        raise ValueError(f'"{text}" is no duration; write "90s", "15m", "2h" or "7d"')
    seconds = int(parts[1]) * _UNITS[parts[2]]
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f'"{text}" is longer than a century')
    return timedelta(seconds=seconds)


def describe_duration(span: timedelta) -> str:
    """Return a span as one would write it here, in the largest unit that divides it."""
    seconds = int(span.total_seconds())
    unit = next(unit for unit in "dhms" if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}" if seconds else "0s"


def parse_size(text: str) -> int:
    """Read "500KB" or "10MB" (decimal, as disks and mail providers count); bytes."""
    parts = re.fullmatch(r"([0-9]{1,9})([KMG]B)", text)
    if parts is None:
        raise ValueError(f'"{text}" is no size; write "500KB" or "10MB"')
    return int(parts[1]) * _SIZES[parts[2]]


def parse_first(text: str) -> FirstFetch:
    """Read what a first fetch admits: "none", "all", "newest:3", "since:2026-01-01"."""
    kind, colon, rest = text.partition(":")
    if text == "none":
        return FirstFetch("none")
    if text == "all":
        return FirstFetch("all")
    if kind == "newest" and re.fullmatch(r"[0-9]{1,6}", rest) and int(rest):
        return FirstFetch("newest", count=int(rest))
    if kind == "since" and colon:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", rest):
            raise ValueError(f'"{text}": write the day as "since:2026-01-31"')
        try:
            return FirstFetch("since", day=date.fromisoformat(rest))
        except ValueError:
            raise ValueError(f'"{text}": there is no such day') from None
    raise ValueError(f'"{text}" is none of "none", "all", "newest:3", "since:2026-01-31"')


# --- names and addresses ---------------------------------------------------------------


def parse_zone(text: str) -> ZoneInfo:
    """Return the zone of an IANA name."""
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # unknown, no plain name, a folder of zones
        hint = nearest(text, available_timezones())
        raise ValueError(f'"{text}" is no IANA time zone{hint}') from None


def parse_language(text: str) -> str:
    """Return a BCP 47 tag, checked in form only."""
    if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}", text):
        return text
    fixed = re.split(r"[.@]", text)[0].replace("_", "-")
    if fixed != text and re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?", fixed):
        raise ValueError(f'"{text}" is no language tag; did you mean "{fixed}"?')
    raise ValueError(f'"{text}" is no language tag, such as "en", "zh" or "pt-BR"')


def parse_listen(text: str) -> tuple[str, int] | None:
    """Read "127.0.0.1:8787" or "[::1]:8787"; the empty text is None. Port 0 is any free one."""
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and int(port[:6]) < 65536):
        raise ValueError(f'"{text}" is no address and port; write "127.0.0.1:8787"')
    if not host:
        raise ValueError(f'"{text}" names no address; every one of this machine\'s is "0.0.0.0"')
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host:
        raise ValueError(f'"{text}": write an IPv6 address in brackets, "[::1]:8787"')
    return host, int(port)


def parse_proxy(text: str) -> str:
    """Check the form of a proxy's URL, without ever quoting it; the empty text is none."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or parts.scheme not in ("http", "https", "socks5", "socks5h"):
        raise ValueError("is no proxy; write http://HOST:PORT or socks5://HOST:PORT")
    return text


def parse_contact(text: str) -> str:
    """Check what is added to the user agent: a header, so ASCII."""
    if not (text.isascii() and text.isprintable() and len(text) <= 200):
        raise ValueError("goes into a request header: at most 200 ASCII characters")
    return text


def parse_callback(text: str) -> str:
    """Check the address at which hubs reach us; the empty text is none."""
    return _own_address(text, "is no address for hubs")


def parse_web_url(text: str) -> str:
    """Check the address at which their owner reaches our pages; the empty text is none."""
    return _own_address(text, "is no address of pages")


def _own_address(text: str, complaint: str) -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise ValueError(f'"{text:.100}" {complaint}; write "https://me.example.org/"')
    return text


@lru_cache(maxsize=1_000)  # thousands of feeds have the same few tags
def parse_name(text: str) -> str:
    """Check a name that commands, rules and messages will use for something."""
    if not text.strip() or text != text.strip() or len(text) > 64:
        raise ValueError("a name has 1 to 64 characters and no blanks around it")
    if not text.isprintable() or set(text) & set(':/\\,"'):
        raise ValueError(f'"{text!s:.64}": a name holds no colon, slash, comma or quote')
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" with the nearest of `known`, or nothing."""
    import difflib  # noqa: PLC0415 (only a mistake needs it)

    by_folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return f'; did you mean "{by_folded[near[0]]}"?' if near else ""


# --- references ------------------------------------------------------------------------

_REFERENCE = re.compile(r"\$(?:\$|\{([^}]*)(\}?))")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|mail:")


def substitute(text: str, environ: Mapping[str, str]) -> str:
    """Return `text` with every `${NAME}` replaced, `$$` by a dollar.

    NAME is the file `$CREDENTIALS_DIRECTORY/NAME` if there is one, else the
    environment variable, less one trailing newline; percent-encoded where `text`
    is a URL and more than the reference. The message of a failure names the
    reference and never what it stands for.
    """
    if "$" not in text:
        return text
    whole = _REFERENCE.fullmatch(text) is not None
    encode = not whole and _URL.match(text) is not None

    def replace(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        if not found[2] or not _NAME.fullmatch(found[1]):
            raise ValueError(f"{found[0]:.40}: a reference is ${{NAME}}; a dollar alone is $$")
        value = _look_up(found[1], environ)
        return quote(value, safe="") if encode else value

    return _REFERENCE.sub(replace, text)


def has_reference(text: str) -> bool:
    """Say whether some of `text` stands elsewhere."""
    return "$" in text and any(found[0] != "$$" for found in _REFERENCE.finditer(text))


def known_as(url: str) -> str:
    """Return what a feed with this `url`, as written, is known by: without what is secret."""
    return url if has_reference(url) else without_secret_user(plain(url))


def plain(text: str) -> str:
    """Return `text` as it is meant, if none of it stands elsewhere; else as it is written."""
    return text if has_reference(text) else _REFERENCE.sub("$", text)


def escape(text: str) -> str:
    """Return what has to be written for `substitute` to give `text`."""
    return re.sub(r"\$(?=[${])", "$$", text)


def _look_up(name: str, environ: Mapping[str, str]) -> str:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    value = _read_credential(Path(folder) / name, name) if folder else None
    if value is None:
        value = environ.get(name)
    if value is None:
        where = f"neither {folder}/{name} nor" if folder else "no"
        raise ValueError(f"${{{name}}} is missing: there is {where} environment variable {name}")
    return re.sub(r"\r?\n\Z", "", value)


def _read_credential(path: Path, name: str) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_CREDENTIAL + 1)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ValueError(f"${{{name}}}: {path}: {exc.strerror}") from None
    if len(content) > _LARGEST_CREDENTIAL:
        raise ValueError(f"${{{name}}}: {path} is larger than 1 MB")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValueError(f"${{{name}}}: {path} is not UTF-8 text") from None
