"""The systemd unit: loads without a complaint, as closed as promised, each line explained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.needs import need

UNIT = Path(__file__).parents[2] / "systemd" / "digestd.service"
DIRECTIVES = [
    line.split("=", 1)
    for line in UNIT.read_text(encoding="utf-8").splitlines()
    if "=" in line and not line.startswith("#")
]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_systemd_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    # Its ExecStart is looked for on this machine, so name a program that is here.
    here = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("/opt/digestd/bin/digestd", sys.executable)
    here.write_text(text, encoding="utf-8")
    done = run(need("systemd-analyze"), "verify", str(here))
    assert (done.returncode, done.stderr) == (0, "")


def test_exposure_is_at_most_1_3() -> None:
    done = run(
        need("systemd-analyze"),
        "security",
        "--offline=true",
        "--threshold=13",
        "--no-pager",
        str(UNIT),
    )
    assert done.returncode == 0, done.stdout


def test_the_worker_may_bound_its_own_memory() -> None:
    # setrlimit(2) is among the refused @resources; libc calls prlimit64 instead.
    always_allowed = run(need("systemd-analyze"), "syscall-filter", "@default").stdout.split()
    assert "prlimit64" in always_allowed
    assert ["SystemCallErrorNumber", "EPERM"] in DIRECTIVES


@pytest.mark.parametrize(
    "directive",
    [
        "Type=notify",
        "NotifyAccess=main",
        "ExecStart=/opt/digestd/bin/digestd run",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "DynamicUser=yes",
        "StateDirectory=digestd",
        "ConfigurationDirectory=digestd",
    ],
)
def test_the_daemon_and_its_unit_agree(directive: str) -> None:
    assert directive.split("=", 1) in DIRECTIVES


def test_every_directive_is_explained() -> None:
    explained = False
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            explained = True
        elif not line:
            explained = False
        elif "=" in line and not line.startswith(("Description=", "WantedBy=")):
            assert explained, f"no reason is given for {line}"
