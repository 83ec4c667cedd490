"""Our `dataclass` does what the standard one does, as far as it is used."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import digestd
from digestd import frozen


@frozen.dataclass(frozen=True, slots=True, order=True)
class Point:
    """A place."""

    x: int
    y: int = 0
    note: str = frozen.field(default="", repr=False, compare=False)


@frozen.dataclass(frozen=True, slots=True)
class Empty:
    """Nothing."""


@frozen.dataclass(frozen=True, slots=True)
class One:
    """A single field, and a word of its own."""

    tags: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "one"


@frozen.dataclass(slots=True)
class Open:
    """It may change."""

    seen: list[int] = frozen.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Theirs:
    """The same place, as the standard library makes it."""

    x: int
    y: int = 0
    note: str = dataclasses.field(default="", repr=False, compare=False)


points = st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from(["", "a"]))


@given(points, points)
def test_values_compare_as_the_standard_ones(a: tuple[Any, ...], b: tuple[Any, ...]) -> None:
    ours, theirs = (Point(*a), Point(*b)), (Theirs(*a), Theirs(*b))
    assert (ours[0] == ours[1]) == (theirs[0] == theirs[1])
    assert (ours[0] < ours[1]) == (theirs[0] < theirs[1])
    assert (hash(ours[0]) == hash(ours[1])) == (hash(theirs[0]) == hash(theirs[1]))
    assert repr(ours[0]) == repr(theirs[0]).replace("Theirs", "Point")


@pytest.mark.parametrize("value", [Point(1, 2, "n"), Empty(), One(("a",)), Open([1])])
def test_a_value_comes_back_from_a_copy_and_a_pickle(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.deepcopy(value) == value
    assert frozen.replace(value) == value  # type: ignore[type-var]
    assert dataclasses.replace(value) == value  # type: ignore[type-var]


def test_the_standard_library_knows_the_fields() -> None:
    assert [one.name for one in dataclasses.fields(Point)] == ["x", "y", "note"]
    assert dataclasses.asdict(Point(1, note="n")) == {"x": 1, "y": 0, "note": "n"}
    assert dataclasses.asdict(Open()) == {"seen": []}
    assert list(inspect.signature(Open).parameters) == ["seen"]


def test_a_change_leaves_the_rest() -> None:
    assert frozen.replace(Point(1, 2), y=3, note="n") == Point(1, 3)
    with pytest.raises(TypeError):
        frozen.replace(Point(1), z=3)  # type: ignore[call-arg]


def test_a_class_may_refuse_changes_when_it_runs() -> None:
    @frozen.dataclass(frozen=True, slots=True)
    class Sealed:
        """As the configuration."""

        x: int
        seen: list[int] = frozen.field(default_factory=list)

        def __setattr__(self, name: str, _value: object) -> None:
            raise dataclasses.FrozenInstanceError(name)

    one = Sealed(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.x = 2  # type: ignore[misc]
    assert frozen.replace(one, x=3) == Sealed(3)


def test_what_is_left_out_here_is_refused() -> None:
    with pytest.raises(TypeError, match="standard library"):

        @frozen.dataclass(frozen=True)
        class Child(One):
            """With a base."""

    @frozen.dataclass(frozen=True)
    class Sharing:
        """One list for all."""

        seen: list[int] = []  # noqa: RUF012 (the mistake)

    with pytest.raises(TypeError, match="would share one seen"):
        Sharing()


def test_another_type_is_another_value() -> None:
    different: list[object] = [Empty(), One(), (), Point(1), Theirs(1), (1, 0)]
    assert [[a == b for b in different] for a in different] == [
        [a is b for b in different] for a in different
    ]
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())


def test_a_method_of_its_own_stays() -> None:
    assert repr(One()) == "one"
    assert repr(Empty()) == "Empty()"


def test_what_may_change_has_no_hash() -> None:
    assert Open([1]) == Open([1])
    with pytest.raises(TypeError):
        hash(Open())


def test_fields_match_by_place() -> None:
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_there_is_no_room_for_other_attributes() -> None:
    with pytest.raises(AttributeError):
        Point(1).z = 2  # type: ignore[attr-defined]


def test_an_instance_may_be_there_before_one_was_made() -> None:
    @frozen.dataclass(frozen=True, slots=True)
    class Unmade:
        """A class without instances."""

        x: int
        y: int = 0

    one = Unmade.__new__(Unmade)
    object.__setattr__(one, "x", 1)
    object.__setattr__(one, "y", 2)
    match one:
        case Unmade(x, y):
            assert (x, y) == (1, 2)
    assert repr(one).endswith("Unmade(x=1, y=2)")
    assert one == Unmade(1, 2)


def test_threads_make_the_first_instances_together() -> None:
    together = threading.Barrier(4)

    def make(kind: type[Any]) -> object:
        together.wait()
        return kind(1).seen

    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):

            @frozen.dataclass(frozen=True, slots=True)
            class Fresh:
                """Made by whichever is first."""

                x: int
                seen: list[int] = frozen.field(default_factory=list)

            assert list(pool.map(make, [Fresh] * 4)) == [[]] * 4


def test_each_of_ours_can_be_made() -> None:
    names = [module.name for module in pkgutil.walk_packages(digestd.__path__, "digestd.")]
    for name in set(names) - {"digestd.__main__"}:
        for _, kind in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if dataclasses.is_dataclass(kind):
                assert inspect.signature(kind) is not None  # it may be called
                assert all(one.init for one in dataclasses.fields(kind))
