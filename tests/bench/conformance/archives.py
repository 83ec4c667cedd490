"""Other parsers' test suites: their source archives, fetched into a cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path


class UnavailableError(Exception):
    """A source archive could not be had; the message says why."""


def cache_folder() -> Path:
    """Return where archives are kept between runs; never inside the repository."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "digestd-conformance"


def fetch_debian(package: str, inner: str, folder: Path) -> Path:
    """Return a folder of a Debian package's files, where there is apt to fetch it."""
    unpacked = folder / package
    if not unpacked.is_dir():
        if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
            raise UnavailableError(f"{package} is a package of Debian's")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            subprocess.run(
                ["apt-get", "-qq", "download", package],
                cwd=scratch,
                capture_output=True,
                check=False,
            )
            found = next(Path(scratch).glob("*.deb"), None)
            if found is None:
                raise UnavailableError(f"{package} could not be downloaded by apt-get")
            subprocess.run(["dpkg-deb", "-x", str(found), f"{scratch}/x"], check=True)
            Path(scratch, "x").rename(unpacked)
    return unpacked / inner


def fetch(requirement: str, folder: Path) -> Path:
    """Return the unpacked source archive of `name==version`, downloaded if need be."""
    name, _, version = requirement.partition("==")
    unpacked = folder / f"{name}-{version}"
    if not unpacked.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--disable-pip-version-check", "--no-binary", ":all:", "--dest", scratch]
            done = subprocess.run(
                [*command, requirement], capture_output=True, text=True, check=False
            )
            found = next(Path(scratch).glob("*.tar.gz"), None)
            if found is None:
                raise UnavailableError(f"{requirement}: {done.stderr.strip().splitlines()[-1:]}")
            with tarfile.open(found) as archive:
                archive.extractall(scratch, filter="data")
            (inner,) = (path for path in Path(scratch).iterdir() if path.is_dir())
            inner.rename(unpacked)
    return unpacked
