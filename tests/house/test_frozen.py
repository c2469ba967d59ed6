"""The quickly made dataclass is the standard one in all that can be seen of it."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from typing import Any

import pytest

from clipsearch import frozen


class Place:
    """A place with a default of each kind."""

    name: str
    near: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    secret: str = field(default="x", repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a place has a name")


class One:
    """A single field."""

    value: float


class OwnMethods:
    """A class that compares and shows itself."""

    value: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnMethods)

    def __repr__(self) -> str:
        return "own"


def both(cls: type, **given: bool) -> tuple[Any, Any]:
    """The class as each of the two decorators makes it: ours, and the standard one's."""
    makers: tuple[Callable[..., Any], ...] = (frozen.dataclass, dataclasses.dataclass)
    ours, theirs = (make(frozen=True, slots=True, **given)(afresh(cls)) for make in makers)
    return ours, theirs


def afresh(cls: type) -> type:
    """The class once more: a decorator takes away the defaults of the one that it is given."""
    left = {"__dict__", "__weakref__"}
    content = {name: value for name, value in vars(cls).items() if name not in left}
    return type(cls.__name__, cls.__bases__, content)


OURS, THEIRS = both(Place)


@frozen.dataclass(frozen=True, slots=True)
class Sent:
    """What another process may be sent."""

    number: int
    names: tuple[str, ...] = ()


def test_it_is_shown_as_the_standard_one() -> None:
    assert repr(OURS("a", ("b",))) == repr(THEIRS("a", ("b",)))


def test_its_signature_and_parameters_are_the_standard_ones() -> None:
    assert inspect.signature(OURS).parameters.keys() == inspect.signature(THEIRS).parameters.keys()
    assert OURS.__init__.__annotations__ == THEIRS.__init__.__annotations__
    assert repr(OURS.__dataclass_params__) == repr(THEIRS.__dataclass_params__)
    assert OURS.__match_args__ == THEIRS.__match_args__
    assert OURS.__slots__ == THEIRS.__slots__


@pytest.mark.parametrize("made", [OURS, THEIRS])
def test_nothing_can_be_set_or_deleted(made: Any) -> None:
    place = made("a")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
        place.name = "b"
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'name'"):
        del place.name


def test_no_attribute_can_be_added() -> None:  # the standard one fails at that with a TypeError
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'other'"):
        OURS("a").other = "b"


@pytest.mark.parametrize("made", [OURS, THEIRS])
def test_equals_are_equal_and_hash_alike_by_what_is_compared(made: Any) -> None:
    hashed = both(One)[made is THEIRS]
    assert made("a", secret="y") == made("a")
    assert made("a") != made("b")
    assert made("a") != "a"
    assert hash(hashed(1.0)) == hash(hashed(1))
    assert {hashed(1.0), hashed(1.0), hashed(2.0)} == {hashed(1.0), hashed(2.0)}


@pytest.mark.parametrize("made", both(One, eq=False))
def test_without_comparison_each_is_itself(made: Any) -> None:
    assert made(1.0) != made(1.0)
    assert len({made(1.0), made(1.0)}) == 2


@pytest.mark.parametrize("made", [OURS, THEIRS])
def test_each_gets_a_default_of_its_own_and_is_checked(made: Any) -> None:
    assert made("a").notes == []
    assert made("a").notes is not made("a").notes
    with pytest.raises(ValueError, match="a place has a name"):
        made("")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        made()


@pytest.mark.parametrize("made", both(OwnMethods))
def test_methods_of_the_class_stay(made: Any) -> None:
    assert repr(made(1.0)) == "own"
    assert made.__eq__ is OwnMethods.__eq__


@pytest.mark.parametrize("made", [OURS, THEIRS])
def test_it_is_replaced_and_taken_apart(made: Any) -> None:
    place = made("a", ("b",))
    assert dataclasses.replace(place, name="c") == made("c", ("b",))
    assert dataclasses.asdict(place) == {"name": "a", "near": ("b",), "notes": [], "secret": "x"}


def test_it_goes_through_pickle_and_copy() -> None:
    sent = Sent(1, ("a",))
    assert pickle.loads(pickle.dumps(sent)) == sent  # noqa: S301
    assert copy.deepcopy(sent) == sent


@pytest.mark.parametrize("wanting", [{"slots": False}, {"frozen": False}])
def test_what_it_does_not_make_is_refused(wanting: dict[str, bool]) -> None:
    make: Callable[..., Any] = frozen.dataclass
    with pytest.raises(TypeError, match="only frozen dataclasses with slots"):
        make(**{"frozen": True, "slots": True, **wanting})
