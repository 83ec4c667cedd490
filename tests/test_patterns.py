"""A late pattern is what `re.compile` makes, once it is used."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import digestd
from digestd.patterns import pattern

TEXT = "one, Two,three"


@pytest.mark.parametrize("name", ["findall", "fullmatch", "match", "search", "split"])
def test_it_finds_the_same(name: str) -> None:
    late, known = pattern(r"[a-z]+,?", re.IGNORECASE), re.compile(r"[a-z]+,?", re.IGNORECASE)
    for _ in range(2):
        assert str(getattr(late, name)(TEXT)) == str(getattr(known, name)(TEXT))


def test_it_replaces_the_same_and_knows_what_it_is() -> None:
    late, known = pattern(rb"o(n)?"), re.compile(rb"o(n)?")
    assert late.sub(rb"-", TEXT.encode()) == known.sub(rb"-", TEXT.encode())
    assert late.subn(rb"-", TEXT.encode()) == known.subn(rb"-", TEXT.encode())
    assert [m.span() for m in late.finditer(TEXT.encode())] == [(0, 2), (7, 8)]
    assert (late.pattern, late.flags) == (known.pattern, known.flags)


def test_it_is_compiled_when_it_is_used() -> None:
    wrong = pattern("(")
    with pytest.raises(re.error):
        wrong.search(TEXT)


def test_each_of_ours_can_be_compiled() -> None:
    names = [module.name for module in pkgutil.walk_packages(digestd.__path__, "digestd.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    found = [one for it in modules for one in vars(it).values() if type(one) is type(pattern(""))]
    assert len(found) > 30
    assert all(one.pattern for one in found)
