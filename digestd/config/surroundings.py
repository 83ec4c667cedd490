"""What the machine and the user's environment say where the configuration is silent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from digestd.config.values import parse_language, parse_zone
from digestd.errors import ConfigError

SYSTEM_CONFIG = Path("/etc/digestd/config.toml")
_SYSTEM_STORE = Path("/var/lib/digestd/digestd.db")


def find_config(explicit: str | None, environ: Mapping[str, str]) -> Path:
    """Return the configuration file: `-c`, $DIGESTD_CONFIG, the XDG folder, /etc.

    The first that exists; but one named by `-c` must exist, for no other is
    what its user means. Raises ConfigError with what was looked for.
    """
    if explicit is not None:
        path = Path(explicit).absolute()
        if not path.exists():
            raise ConfigError("", "there is no such file", file=explicit)
        return path
    named = environ.get("DIGESTD_CONFIG")
    folder = xdg_folder(environ, "XDG_CONFIG_HOME", ".config")
    places = [Path(named).absolute()] if named else []
    places += [folder / "digestd" / "config.toml", SYSTEM_CONFIG]
    for path in places:
        if path.exists():
            return path
    looked = ", ".join(map(str, places))
    raise ConfigError("", f"no configuration: looked for {looked}; name one with -c FILE")


def default_store(config: Path, environ: Mapping[str, str]) -> Path:
    """Return where the database is if the configuration does not say."""
    state = environ.get("STATE_DIRECTORY", "").split(":")[0]  # systemd may name several
    if state:
        return Path(state) / "digestd.db"
    if config == SYSTEM_CONFIG:
        return _SYSTEM_STORE
    return xdg_folder(environ, "XDG_STATE_HOME", ".local/state") / "digestd" / "digestd.db"


def xdg_folder(environ: Mapping[str, str], variable: str, default: str) -> Path:
    """Return a base folder (XDG Base Directory Specification: a relative one is ignored)."""
    named = Path(environ.get(variable, ""))
    return named if named.is_absolute() else home(environ) / default


def home(environ: Mapping[str, str]) -> Path:
    """Return the user's home; the root folder for a user who has none."""
    named = environ.get("HOME")
    if named:
        return Path(named)
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def system_zone(
    environ: Mapping[str, str], localtime: Path = Path("/etc/localtime")
) -> tuple[ZoneInfo, str]:
    """Return the system's zone, from TZ or the link at `localtime`, else UTC; and a warning."""
    named = environ.get("TZ", "").removeprefix(":")
    if named and named != str(localtime):
        try:
            return parse_zone(_zone_name(named)), ""
        except ValueError:
            # "CET-1CEST" and the like say how clocks go, but have no name to keep.
            return ZoneInfo("UTC"), (
                f'TZ is "{named}", which is no IANA name; UTC is used unless timezone is set'
            )
    try:
        return parse_zone(_zone_name(str(localtime.readlink()))), ""
    except (OSError, ValueError):  # no link but a copy, or to somewhere else
        return ZoneInfo("UTC"), ""


def system_language(environ: Mapping[str, str]) -> str:
    """Return LANG as a language tag, "en" for C, POSIX and nothing."""
    word = re.split(r"[.@]", environ.get("LANG", ""))[0].replace("_", "-")
    try:
        return "en" if word in ("C", "POSIX") else parse_language(word)
    except ValueError:
        return "en"


def _zone_name(text: str) -> str:
    return text.rpartition("zoneinfo/")[2]
