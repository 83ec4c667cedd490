"""`dataclass`, frozen where types are checked, and cheap where the program runs.

The standard one compiles six methods for each class: for 130 classes a third of all that is
done before a command begins. And a frozen instance sets its fields by a detour, at twice the
price. Nothing here is changed after it was made; mypy sees to that, in tests too, so that
nobody has to at run time. Of the methods only `__init__` is compiled, the others are shared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
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


if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        *, frozen: bool = False, slots: bool = False, eq: bool = True, order: bool = False
    ) -> Callable[[type], type]:
        """Return a decorator that does what that of `dataclasses` does, but for the above."""
        methods = {"__repr__": _repr}
        if eq:
            methods |= {"__eq__": _equals, "__hash__": _hash if frozen else None}
        if order:
            methods |= {"__lt__": _precedes}

        def make(cls: type) -> type:
            missing = methods.keys() - vars(cls).keys()
            made = dataclasses.dataclass(repr=False, eq=False, slots=slots)(cls)
            compared = [field.name for field in dataclasses.fields(made) if field.compare]
            made._compared = attrgetter(*compared or ["__class__"])
            for name in missing:
                setattr(made, name, methods[name])
            return made

        return make
