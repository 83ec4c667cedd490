"""What an installed copy carries, and the script that sets up a clone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(
    command: list[str], folder: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    # The build backend itself: what pip would call, without asking an index for it.
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = run(command, ROOT)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_carries_everything_that_the_program_reads(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        carried = set(archive.namelist())
    wanted = {f"digestd/{name}" for name in files_below(ROOT / "digestd")}
    wanted |= {f"digestd/templates/{name}" for name in files_below(ROOT / "templates")}
    wanted |= {"digestd/config.example.toml", "digestd/py.typed"}
    assert wanted <= carried
    beside = {name.partition("/")[0] for name in carried} - {"digestd"}
    assert all(name.endswith(".dist-info") for name in beside), "nothing but the package"


def test_an_installed_copy_works_from_any_directory(wheel: Path, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site packages", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # PYTHONPATH goes before the clone, whose environment lends the other packages.
    program = (
        "import sys, digestd.__main__; assert 'site packages' in digestd.__file__;"
        "sys.argv[0] = 'digestd'; digestd.__main__.run()"
    )
    command = [sys.executable, "-P", "-c", program, "--help"]
    done = run(command, elsewhere, os.environ | {"PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stderr
    assert "Usage: digestd" in done.stdout
    assert files_below(elsewhere) == set()


def test_the_command_of_the_package_is_the_one_that_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"digestd": "digestd.__main__:run"}


# --- ./dev on a machine where something is missing --------------------------------------


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a folder, with a blank in its name, that holds what ./dev needs to begin."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    shutil.copy(ROOT / "dev", folder)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def machine(tmp_path: Path, **programs: str) -> dict[str, str]:
    """Return an environment of a Debian that has these programs (shell scripts) only."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    for tool in ("cat", "cksum", "dirname", "id", "rm", "sh", "sleep"):
        found = shutil.which(tool)
        assert found
        (binaries / tool).symlink_to(found)
    for name, script in (programs | {"apt-get": "exit 0"}).items():
        (binaries / name).write_text(f"#!/bin/sh\n{script}\n")
        (binaries / name).chmod(0o755)
    return {"PATH": str(binaries), "HOME": str(tmp_path)}


def dev(clone: Path, env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run([str(clone / "dev"), *arguments], Path("/"), env)


def test_dev_names_the_command_that_installs_python(clone: Path, tmp_path: Path) -> None:
    done = dev(clone, machine(tmp_path), "demo")
    assert done.returncode == 1
    assert "apt install python3 python3-venv" in done.stderr


def test_dev_refuses_an_old_python(clone: Path, tmp_path: Path) -> None:
    old = 'case $1 in -V) echo "Python 3.9.2" ;; *) exit 1 ;; esac'
    done = dev(clone, machine(tmp_path, python3=old), "test")
    assert done.returncode == 1
    assert "here is Python 3.9.2" in done.stderr
    assert "apt install python3.11 python3.11-venv" in done.stderr


def test_dev_names_the_command_that_installs_venv(clone: Path, tmp_path: Path) -> None:
    bare = "case $2 in *ensurepip*) exit 1 ;; *print*) echo python3.11 ;; esac"
    done = dev(clone, machine(tmp_path, python3=bare), "demo")
    assert done.returncode == 1
    assert "apt install python3.11-venv" in done.stderr


SETS_UP = f"""case "$*" in
-c*) exec {sys.executable} "$@" ;;
"-m venv --clear "*) rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
"-m pip "*) echo installed >>"$HOME/log"; [ ! -e "$HOME/no-network" ] ;;
"-m pytest"*) echo tested ;;
esac"""


@pytest.fixture
def laptop(tmp_path: Path) -> dict[str, str]:
    env = machine(tmp_path, python3=SETS_UP)
    for tool in ("cp", "mkdir"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or "")
    return env


def installs(tmp_path: Path) -> int:
    return (tmp_path / "log").read_text().count("installed")


def test_dev_installs_once_and_again_when_the_project_changes(
    clone: Path, tmp_path: Path, laptop: dict[str, str]
) -> None:
    first = dev(clone, laptop, "test")
    assert (first.returncode, first.stdout) == (0, "tested\n"), first.stderr
    again = dev(clone, laptop, "test")
    assert (again.stdout, again.stderr) == ("tested\n", "")
    assert installs(tmp_path) == 1
    with (clone / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
    assert dev(clone, laptop, "test").returncode == 0
    assert installs(tmp_path) == 2


def test_dev_begins_anew_after_an_interrupted_set_up(
    clone: Path, tmp_path: Path, laptop: dict[str, str]
) -> None:
    (tmp_path / "no-network").touch()
    assert dev(clone, laptop, "test").returncode == 1
    (clone / ".venv" / "half-made").touch()
    (tmp_path / "no-network").unlink()
    assert dev(clone, laptop, "test").returncode == 0
    assert not (clone / ".venv" / "half-made").exists()
    assert not (clone / ".venv.lock").exists()


def test_dev_without_a_known_command_says_which_there_are(clone: Path, tmp_path: Path) -> None:
    done = dev(clone, machine(tmp_path), "tset")
    assert done.returncode == 2
    assert "./dev test" in done.stderr
