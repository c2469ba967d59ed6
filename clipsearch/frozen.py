"""The standard `dataclass(frozen=True, slots=True)`, made in a fifth of the time.

`dataclasses` compiles every method of every class by itself, about 1.2 ms a class, and a query
uses fifty: that was a tenth of its whole time. Here `__init__` alone is compiled; the other
methods are closures that go by the fields. What comes out is a dataclass to `fields`, `replace`,
`asdict`, `match` and `pickle`, and type checkers see the standard one. Modules that no query
imports take the standard one, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

_FACTORY = object()
"""What a parameter is whose value a `default_factory` makes."""

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool, slots: bool, eq: bool = True) -> Callable[[type], type]:
        """Make a class a dataclass, as the standard decorator would with the same arguments.

        Raises TypeError for what it does not make: one that is not frozen or has no slots.
        """
        if not (frozen and slots):
            raise TypeError("only frozen dataclasses with slots are made here")
        return lambda cls: _frozen(cls, eq=eq)


def _frozen(cls: type, *, eq: bool) -> type:
    if cls.__doc__ is None:
        raise TypeError(f"{cls.__name__} has no docstring")  # to make one would take the longest
    described: type = dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
    made = _with_slots(described)
    methods = {"__init__": _init(made), **_SHARED, **(_comparisons(made) if eq else {})}
    for name, method in methods.items():
        # a class that defines `__eq__` has None for its `__hash__`
        if vars(cls).get(name) is None:
            setattr(made, name, method)
    parameters = vars(made)["__dataclass_params__"]
    parameters.frozen = parameters.init = parameters.repr = True
    parameters.eq = eq
    return made


def _with_slots(cls: type) -> type:
    """The class once more, its fields in slots: a class that stands cannot be given any."""
    names = tuple(field.name for field in dataclasses.fields(cls))
    left = {"__dict__", "__weakref__", *names}
    namespace = {name: value for name, value in vars(cls).items() if name not in left}
    made = type(cls)(cls.__name__, cls.__bases__, {**namespace, "__slots__": names})
    made.__qualname__ = cls.__qualname__
    return made


def _init(cls: type) -> Callable[..., None]:
    given: dict[str, Any] = {"_FACTORY": _FACTORY}
    parameters, steps = ["self"], []
    for field in dataclasses.fields(cls):
        name, value, default = field.name, field.name, ""
        # the slot's own setter: `__setattr__` refuses
        given[f"_set_{name}"] = vars(cls)[name].__set__
        if field.default is not dataclasses.MISSING:
            given[f"_default_{name}"] = field.default
            default = f"=_default_{name}"
        elif field.default_factory is not dataclasses.MISSING:
            given[f"_make_{name}"] = field.default_factory
            default, value = "=_FACTORY", f"_make_{name}() if {name} is _FACTORY else {name}"
        parameters.append(name + default)
        steps.append(f"_set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        steps.append("self.__post_init__()")
    # from names of a class body alone, as `dataclasses` does it
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(steps or ["pass"]), given)  # noqa: S102
    made: Callable[..., None] = given["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    types = {field.name: field.type for field in dataclasses.fields(cls)}
    made.__annotations__ = {**types, "return": None}
    return made


def _comparisons(cls: type) -> dict[str, Callable[..., Any]]:
    compared = [field.name for field in dataclasses.fields(cls) if field.compare]
    # the first stands twice, for of a single name `attrgetter` gives no tuple
    key = attrgetter(compared[0], *compared)

    def equal(self: Any, other: Any) -> Any:
        return key(self) == key(other) if type(other) is type(self) else NotImplemented

    def hashed(self: Any) -> int:
        return hash(key(self))

    return {"__eq__": equal, "__hash__": hashed}


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (field.name for field in dataclasses.fields(self) if field.repr)
    told = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{type(self).__qualname__}({told})"


def _refuse_to_set(_self: Any, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    """What `pickle` and `copy` take, which cannot assign the fields."""
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


_SHARED: dict[str, Callable[..., Any]] = {
    "__repr__": _repr,
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__getstate__": _state,
    "__setstate__": _set_state,
}
