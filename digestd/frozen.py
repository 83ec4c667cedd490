"""`dataclass`, frozen where types are checked, and cheap where the program runs.

The standard one compiles six methods for each class: for 200 classes a third of all that is
done before a command begins. And a frozen instance sets its fields by a detour, at twice the
price. Nothing here is changed after it was made; mypy sees to that, in tests too, so that
nobody has to at run time. Of the methods only `__init__` is compiled, and that for the first
instance: a command makes none of most classes that it knows. The other methods are shared.

Of what `dataclasses` offers, there is what is used here; its own functions know our classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["dataclass", "field", "replace"]

T = TypeVar("T")
_NONE = object()  # no default


class _Field:
    """What a class says of a field: its default, or what makes it; where it is left out."""

    __slots__ = ("compare", "default", "default_factory", "repr")

    def __init__(
        self,
        *,
        default: object = _NONE,
        default_factory: Callable[[], object] | None = None,
        repr: bool = True,  # noqa: A002 (as the standard library calls it)
        compare: bool = True,
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.repr = repr
        self.compare = compare


def _fields(cls: type[Any]) -> Iterator[tuple[str, _Field]]:
    for name in cls.__match_args__:
        default = cls._defaults.get(name, _NONE)
        yield name, default if isinstance(default, _Field) else _Field(default=default)


def _constructor(cls: type[Any]) -> FunctionType:
    parameters, lines, defaults = ["self"], ["pass"], []
    known: dict[str, Any] = {"none": _NONE, "put": object.__setattr__}
    is_sealed = "__setattr__" in vars(cls)
    for name, said in _fields(cls):
        value = name
        if said.default_factory is not None:
            known[f"make_{name}"] = said.default_factory
            value = f"make_{name}() if {name} is none else {name}"
        elif type(said.default).__hash__ is None:
            raise TypeError(f"all instances of {cls.__name__} would share one {name}")
        if said.default_factory is None and said.default is _NONE:
            parameters.append(name)
        else:
            parameters.append(f"{name}=none")
            defaults.append(said.default)
        lines.append(f"put(self, {name!r}, {value})" if is_sealed else f"self.{name} = {value}")
    exec(f"def __init__({', '.join(parameters)}):\n {'; '.join(lines)}", known)  # noqa: S102
    init: FunctionType = known["__init__"]
    init.__defaults__ = tuple(defaults)
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _comparison(cls: type[Any]) -> Callable[[object], Any]:
    return attrgetter(*[name for name, said in _fields(cls) if said.compare] or ["__class__"])


def _contents(cls: type[Any]) -> Callable[[object], Any]:
    names = cls.__match_args__
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: [getattr(record, name) for name in names]


def _standard_fields(cls: type[Any]) -> object:
    import dataclasses  # noqa: PLC0415 (7 ms; few ask for it)

    described = []
    for name, said in _fields(cls):
        options: dict[str, Any] = {"repr": said.repr, "compare": said.compare}
        if said.default_factory is not None:
            options["default_factory"] = said.default_factory
        elif said.default is not _NONE:
            options["default"] = said.default
        described.append((name, cls.__annotations__[name], dataclasses.field(**options)))
    standard: Any = dataclasses.make_dataclass(cls.__name__, described)
    return standard.__dataclass_fields__


class _Later:
    """An attribute of a class that is made when somebody asks for it."""

    def __init__(self, make: Callable[[type], object]) -> None:
        self._make = make

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> object:
        # Two threads may both make it: they make the same.
        setattr(owner, self._name, self._make(owner))
        return getattr(owner if instance is None else instance, self._name)


_MADE_LATER = {
    "__init__": _Later(_constructor),
    "_compared": _Later(_comparison),
    "_values": _Later(_contents),
    "__dataclass_fields__": _Later(_standard_fields),
}


def _repr(self: Any) -> str:  # noqa: ANN401
    shown = (name for name, said in _fields(type(self)) if said.repr)
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{type(self).__qualname__}({values})"


def _equals(self: Any, other: Any) -> object:  # noqa: ANN401
    if type(other) is not type(self):
        return NotImplemented
    return self._compared(self) == self._compared(other)


def _precedes(self: Any, other: Any) -> object:  # noqa: ANN401
    if type(other) is not type(self):
        return NotImplemented
    return self._compared(self) < self._compared(other)


def _hash(self: Any) -> int:  # noqa: ANN401
    return hash(self._compared(self))


if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    field = _Field

    def dataclass(
        *, frozen: bool = False, slots: bool = False, eq: bool = True, order: bool = False
    ) -> Callable[[type], type]:
        """Return a decorator that does what that of `dataclasses` does, but for the above."""
        shared = {**_MADE_LATER, "__repr__": _repr}
        if eq:
            shared |= {"__eq__": _equals, "__hash__": _hash if frozen else None}
        if order:
            shared |= {"__lt__": _precedes}

        def make(cls: type) -> type:
            """Return `cls` without its fields' defaults as attributes, as slots forbid them."""
            if cls.__bases__ != (object,) or hasattr(cls, "__post_init__"):
                raise TypeError(f"{cls.__name__} wants a dataclass of the standard library")
            kinds = cls.__annotations__
            names = tuple(name for name in kinds if not kinds[name].startswith("ClassVar"))
            body = {**shared, **vars(cls), "__match_args__": names}
            body["_defaults"] = {name: body.pop(name) for name in names if name in body}
            if slots:
                body["__slots__"] = names
            for of_the_old in ("__dict__", "__weakref__"):
                del body[of_the_old]
            return type(cls.__name__, (), body)

        return make

    def replace(record: T, /, **changes: object) -> T:
        """Return `record` with some of its fields changed."""
        kind = type(record)
        made = kind(*kind._values(record))
        for name, value in changes.items():
            if name not in kind.__match_args__:
                raise TypeError(f"{kind.__name__} has no {name}")
            object.__setattr__(made, name, value)  # a sealed one, too
        return made
