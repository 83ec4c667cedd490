"""`dataclass`, frozen where types are checked, and cheap where the program runs.

The standard one compiles six methods for each class: for 200 classes a third of all that is
done before a command begins. And a frozen instance sets its fields by a detour, at twice the
price. Nothing here is changed after it was made; mypy sees to that, in tests too, so that
nobody has to at run time. Of the methods only `__init__` is compiled, and that for the first
instance: a command makes none of most classes that it knows. The other methods are shared.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

__all__ = ["dataclass"]


class _Record(Protocol):
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    _compared: Callable[[object], Any]


def _repr(self: _Record) -> str:
    shown = (field.name for field in dataclasses.fields(self) if field.repr)
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{type(self).__qualname__}({values})"


def _equals(self: _Record, other: _Record) -> object:
    if type(other) is not type(self):
        return NotImplemented
    return self._compared(self) == self._compared(other)


def _precedes(self: _Record, other: _Record) -> object:
    if type(other) is not type(self):
        return NotImplemented
    return self._compared(self) < self._compared(other)


def _hash(self: _Record) -> int:
    return hash(self._compared(self))


class _Later:
    """An attribute of a class that is put in its place by `complete`, when somebody asks for it."""

    def __init__(self, name: str, complete: Callable[[], None]) -> None:
        self._name = name
        self._complete = complete

    def __get__(self, instance: object, owner: type) -> object:
        self._complete()
        return getattr(owner if instance is None else instance, self._name)


_STANDARD = ("__init__", "__match_args__", "__dataclass_fields__", "__dataclass_params__")


_completing = threading.RLock()


def _anew(plain: type[Any], shared: Mapping[str, object], *, slots: bool) -> type[Any]:
    """Return the class `plain` with `shared` methods, and without its fields' defaults.

    Those are its constructor's, which is the standard library's.
    """
    kinds = plain.__annotations__
    fields = tuple(name for name in kinds if not kinds[name].startswith("ClassVar"))
    not_copied = {*fields, "__dict__", "__weakref__"}
    body = {name: value for name, value in vars(plain).items() if name not in not_copied}
    if slots:
        body["__slots__"] = fields

    def complete() -> None:
        with _completing:
            if "__dataclass_fields__" in vars(plain):
                return  # by another thread
            dataclasses.dataclass(repr=False, eq=False)(plain)
            for name in _STANDARD:
                setattr(made, name, getattr(plain, name))
            compared = [field.name for field in dataclasses.fields(plain) if field.compare]
            made._compared = attrgetter(*compared or ["__class__"])

    later = {name: _Later(name, complete) for name in (*_STANDARD, "_compared")}
    made: type[Any] = type(plain.__name__, plain.__bases__, {**later, **shared, **body})
    return made


if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        *, frozen: bool = False, slots: bool = False, eq: bool = True, order: bool = False
    ) -> Callable[[type], type]:
        """Return a decorator that does what that of `dataclasses` does, but for the above."""
        shared = {"__repr__": _repr}
        if eq:
            shared |= {"__eq__": _equals, "__hash__": _hash if frozen else None}
        if order:
            shared |= {"__lt__": _precedes}
        return functools.partial(_anew, shared=shared, slots=slots)
