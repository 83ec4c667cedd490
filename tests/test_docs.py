"""What the documents name exists, and what they show works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from digestd.cli import COMMANDS
from digestd.config import load

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_readme_s_configuration_loads_and_is_ten_lines(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    assert len(text.splitlines()) == 10
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    config = load(file, environ={"MAIL_PASSWORD": "secret", "TZ": "UTC", "HOME": str(tmp_path)})
    assert list(config.digests) == ["daily"]
    assert config.warnings == ()


def test_the_readme_s_table_has_every_command() -> None:
    rows = re.findall(r"^\| `(\w+)[^`]*` \|", README, re.MULTILINE)
    assert sorted(rows) == sorted(COMMANDS)


def test_the_readme_types_only_commands_that_exist() -> None:
    typed = re.findall(r"(?:^|/)digestd (\w+)", "\n".join(blocks("sh")), re.MULTILINE)
    assert typed
    assert set(typed) <= set(COMMANDS)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"\]\(([\w./-]+)\)", text))
    places = r"`((?:digestd|tests|templates|systemd|docs)/[\w./-]*|[\w.]+\.(?:toml|md))`"
    named |= set(re.findall(places, text))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
