"""Who is measured: how each is set up for a list of feeds, and told to make one pass."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PASS = Path(__file__).with_name("reader_pass.py")


@dataclass(frozen=True, slots=True)
class Setup:
    """Where the feeds are, where alerts go, and a folder of one's own."""

    feeds: Sequence[str]
    sink: str  # http://
    smtp_port: int
    folder: Path
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Participant:
    """`prepare` is not measured; `command` makes one pass, the first or a later one."""

    name: str
    prepare: Callable[[Setup], None]
    command: Callable[[Setup, bool], list[str]]
    fine: frozenset[int] = frozenset({0})  # exit codes


# --- digestd -----------------------------------------------------------------------------


def _digestd_prepare(setup: Setup) -> None:
    lines = [
        'timezone = "UTC"',
        f'[store]\npath = "{setup.folder / "digestd.db"}"',
        '[poll]\nallow_private = ["127.0.0.0/8"]',
        '[web]\nlisten = ""',
        f'[channels]\nsink = "{setup.sink.replace("http://", "json://")}"',
        *(f'[[feeds]]\nurl = "{url}"\nalert = ["sink"]' for url in setup.feeds),
    ]
    (setup.folder / "config.toml").write_text("\n".join(lines))


def _digestd_command(setup: Setup, _first: bool) -> list[str]:
    program = str(Path(sys.executable).with_name("digestd"))
    return [program, "-c", str(setup.folder / "config.toml"), "run", "--once", "--all"]


DIGESTD = Participant("digestd", _digestd_prepare, _digestd_command)


# --- the others, each in an environment of its own -----------------------------------------


def _home() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(cache) / "digestd-bench"


def _environment(name: str, *packages: str) -> Path:
    """Return the folder of programs of an environment with `packages`, made at the first need."""
    folder = _home() / name
    wanted = "\n".join(packages)
    mark = folder / "installed"
    if not mark.exists() or mark.read_text() != wanted:
        sys.stderr.write(f"installing {name} into {folder}\n")
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "-qq", "--no-input"]
        subprocess.run([*pip, "--disable-pip-version-check", *packages], check=True)
        mark.write_text(wanted)
    return folder / "bin"


def _rss2email_prepare(setup: Setup) -> None:
    _environment("rss2email", "rss2email==3.14")
    lines = [
        "[DEFAULT]",
        "from = sender@example.org",
        "to = reader@example.org",
        "email-protocol = smtp",
        "smtp-server = 127.0.0.1",
        f"smtp-port = {setup.smtp_port}",
        "smtp-auth = False",
        "smtp-ssl = False",
        "verbose = error",
    ]
    for number, url in enumerate(setup.feeds):
        lines += [f"[feed.{number}]", f"url = {url}"]
    (setup.folder / "rss2email.cfg").write_text("\n".join(lines) + "\n")


def _rss2email_command(setup: Setup, first: bool) -> list[str]:
    program = str(_environment("rss2email", "rss2email==3.14") / "r2e")
    config, state = setup.folder / "rss2email.cfg", setup.folder / "rss2email.json"
    # The first pass would send every entry that there is.
    only_note = ["--no-send"] if first else []
    return [program, "-c", str(config), "-d", str(state), "run", *only_note]


_READER = ("reader==3.26", "sgmllib3k==1.0.0")


def _reader_prepare(setup: Setup) -> None:
    addresses = setup.folder / "feeds.txt"
    addresses.write_text("\n".join(setup.feeds))
    python = str(_environment("reader", *_READER) / "python")
    argv = [python, str(_PASS), str(setup.folder / "reader.db"), "add", str(addresses)]
    subprocess.run(argv, check=True, env=dict(setup.environ))


def _reader_command(setup: Setup, first: bool) -> list[str]:
    python = str(_environment("reader", *_READER) / "python")
    argv = [python, str(_PASS), str(setup.folder / "reader.db"), "update"]
    return argv if first else [*argv, setup.sink]


RSS2EMAIL = Participant("rss2email", _rss2email_prepare, _rss2email_command)
READER = Participant("reader", _reader_prepare, _reader_command)

ALL = (DIGESTD, RSS2EMAIL, READER)
