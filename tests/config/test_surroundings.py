from __future__ import annotations

from pathlib import Path

import pytest

from digestd.config import find_config, load
from digestd.config.surroundings import (
    SYSTEM_CONFIG,
    default_store,
    system_language,
    system_zone,
    xdg_folder,
)
from digestd.errors import ConfigError


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_first_configuration_that_exists_is_taken(tmp_path: Path) -> None:
    given = touch(tmp_path / "given.toml")
    named = touch(tmp_path / "named.toml")
    xdg = touch(tmp_path / "xdg" / "digestd" / "config.toml")
    home = touch(tmp_path / ".config" / "digestd" / "config.toml")
    environ = {"HOME": str(tmp_path)}
    assert find_config(None, environ) == home
    environ["XDG_CONFIG_HOME"] = str(tmp_path / "xdg")
    assert find_config(None, environ) == xdg
    environ["DIGESTD_CONFIG"] = str(named)
    assert find_config(None, environ) == named
    assert find_config(str(given), environ) == given
    environ["DIGESTD_CONFIG"] = str(tmp_path / "gone.toml")
    assert find_config(None, environ) == xdg


def test_what_is_named_on_the_command_line_must_exist(tmp_path: Path) -> None:
    touch(tmp_path / ".config" / "digestd" / "config.toml")
    with pytest.raises(ConfigError, match=r"gone\.toml: there is no such file") as caught:
        find_config("gone.toml", {"HOME": str(tmp_path)})
    assert caught.value.exit_code == 2


@pytest.mark.skipif(SYSTEM_CONFIG.exists(), reason="this machine has a configuration of its own")
def test_without_any_configuration_the_places_are_listed(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "DIGESTD_CONFIG": "/gone.toml"}
    with pytest.raises(ConfigError) as caught:
        find_config(None, environ)
    for place in ("/gone.toml", f"{tmp_path}/.config/digestd/config.toml", str(SYSTEM_CONFIG)):
        assert place in str(caught.value)


def test_a_relative_base_folder_is_ignored() -> None:
    environ = {"HOME": "/home/me", "XDG_STATE_HOME": "state"}
    assert xdg_folder(environ, "XDG_STATE_HOME", ".local/state") == Path("/home/me/.local/state")


def test_the_database_is_where_its_user_may_write() -> None:
    own, environ = Path("/home/me/c.toml"), {"HOME": "/home/me"}
    systemd = {**environ, "STATE_DIRECTORY": "/var/lib/private/digestd:/var/lib/other"}
    assert default_store(own, systemd) == Path("/var/lib/private/digestd/digestd.db")
    assert default_store(SYSTEM_CONFIG, environ) == Path("/var/lib/digestd/digestd.db")
    assert default_store(own, environ) == Path("/home/me/.local/state/digestd/digestd.db")
    environ["XDG_STATE_HOME"] = "/state"
    assert default_store(own, environ) == Path("/state/digestd/digestd.db")


@pytest.mark.parametrize(
    ("written", "path"),
    [("~/x.db", "/home/me/x.db"), ("/abs/x.db", "/abs/x.db"), ("${HOME}/y", "/home/me/y")],
)
def test_a_path_of_the_owner_is_kept(tmp_path: Path, written: str, path: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[store]\npath = "{written}"')
    assert load(file, environ={"HOME": "/home/me"}).store.path == Path(path)


@pytest.mark.parametrize(
    ("tz", "link", "zone", "warns"),
    [
        ("", "/usr/share/zoneinfo/Asia/Shanghai", "Asia/Shanghai", False),
        ("", "../usr/share/zoneinfo/America/Argentina/Salta", "America/Argentina/Salta", False),
        ("Europe/Paris", "/usr/share/zoneinfo/Asia/Shanghai", "Europe/Paris", False),
        (":Europe/Paris", "", "Europe/Paris", False),
        ("/usr/share/zoneinfo/Europe/Paris", "", "Europe/Paris", False),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "/usr/share/zoneinfo/Asia/Shanghai", "UTC", True),
        ("", "/etc/somewhere/else", "UTC", False),
        ("", "", "UTC", False),
        (":LINK", "/usr/share/zoneinfo/Asia/Shanghai", "Asia/Shanghai", False),
    ],
)
def test_the_zone_is_the_systems(
    tmp_path: Path, tz: str, link: str, zone: str, *, warns: bool
) -> None:
    localtime = tmp_path / "localtime"
    if link:
        localtime.symlink_to(link)
    found, warning = system_zone({"TZ": tz.replace("LINK", str(localtime))}, localtime)
    assert (found.key, bool(warning)) == (zone, warns)


def test_a_zone_that_is_set_needs_none_of_the_systems(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('timezone = "Asia/Shanghai"')
    assert load(file, environ={"TZ": "CET-1CEST"}).warnings == ()
    file.write_text("")
    assert "CET-1CEST" in load(file, environ={"TZ": "CET-1CEST"}).warnings[0]


@pytest.mark.parametrize(
    ("lang", "language"),
    [
        *(("", "en"), ("C", "en"), ("POSIX", "en"), ("C.UTF-8", "en"), ("zh_CN.UTF-8", "zh-CN")),
        *(("de_DE@euro", "de-DE"), ("fr", "fr"), ("weird locale", "en")),
    ],
)
def test_the_language_is_that_of_lang(lang: str, language: str) -> None:
    assert system_language({"LANG": lang}) == language
