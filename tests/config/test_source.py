from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from digestd.config.source import KeyPath, read_source, statements
from digestd.errors import ConfigError

TEXT = r"""# a comment with [brackets] and 'quotes
timezone = "UTC" # x = "1"
[channels]
inbox = QQQ
[not.a.table]
x = 1 \QQQ
QQQ
other = '[['

  [ channels . "my phone" ]
url = [
  "a", # ]
  "b#]",
]
after = {x = 1, y = [2]}
poll.timeout = "1s"

[[feeds]]
url = "one"
[feeds.page]
entry = ''
[["feeds"]]

url = QQQxQQQ""
[feeds.page]
entry = 'it'""".replace("QQQ", '"' * 3)


def test_every_key_is_found_on_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(TEXT)
    source = read_source(path)
    expected: dict[KeyPath, int] = {
        ("timezone",): 2,
        ("channels",): 3,
        ("channels", "inbox"): 4,
        ("channels", "other"): 8,
        ("channels", "my phone"): 10,
        ("channels", "my phone", "url"): 11,
        ("channels", "my phone", "after"): 15,
        ("channels", "my phone", "poll", "timeout"): 16,
        ("feeds", 0): 18,
        ("feeds", 0, "url"): 19,
        ("feeds", 0, "page", "entry"): 21,
        ("feeds", 1): 22,
        ("feeds", 1, "url"): 24,
        ("feeds", 1, "page", "entry"): 26,
    }
    assert {key: source.line(key) for key in expected} == expected
    assert source.line(("channels", "my phone", "after", "x")) == 15
    assert source.line(("nowhere",)) is None


names = st.text(alphabet="ab \n\"'#[]=é", max_size=4)
texts = st.text(alphabet="ab\"'\\#[]{}=\n\ré", max_size=8)
values = st.recursive(
    texts | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(names, st.dictionaries(names, values, max_size=3), max_size=3))
def test_statements_name_the_keys_of_any_document(document: dict[str, dict[str, object]]) -> None:
    text = tomlkit.dumps(document)
    parsed = tomllib.loads(text)
    paths = {statement.path for statement in statements(text)}
    for name, table in parsed.items():
        assert (name,) in paths or any(path[0] == name for path in paths)
        for key, value in table.items():
            assert any(path[:2] == (name, key) for path in paths) or isinstance(value, dict)


@pytest.mark.parametrize(
    ("content", "line", "word"),
    [
        (b"a = 1\nb = \n", 2, "TOML"),
        (b"a = 1\na = 2\n", 2, "TOML"),
        (b"[x", None, "TOML"),
        (b"a = '\xff'", None, "UTF-8"),
        (b"a = " + b"[" * 5000, None, "nested|TOML"),
    ],
)
def test_what_is_no_toml_is_named(
    tmp_path: Path, content: bytes, line: int | None, word: str
) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=word) as caught:
        read_source(path)
    assert caught.value.file == str(path)
    assert line is None or caught.value.line == line


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(ConfigError) as caught:
            read_source(path)
        assert str(path) in str(caught.value)


def test_a_byte_order_mark_and_crlf_are_let_pass(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\n# c\r\nb = 2\r\n")
    source = read_source(path)
    assert source.data == {"a": 1, "b": 2}
    assert source.line(("b",)) == 3
