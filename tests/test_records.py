"""Named tuples made without typing behave as those that type checkers take them for."""

import pickle
import typing

import pytest

from rds_tls.records import NamedTuple


class Light(NamedTuple):
    """A pair."""

    left: int
    right: "str | None" = None

    def doubled(self) -> int:
        """Double the left one."""
        return self.left * 2

    @property
    def both(self) -> tuple[int, str | None]:
        """Give the pair as a plain one."""
        return self.left, self.right

    def __str__(self) -> str:
        return f"{self.left} and {self.right}"


class Heavy(typing.NamedTuple):
    """The same from typing."""

    left: int
    right: "str | None" = None


def test_values_are_those_of_typing() -> None:
    """Fields, defaults, equality, order and the methods of a named tuple are the same."""
    light, heavy = Light(1), Heavy(1)
    assert tuple(light) == tuple(heavy) == (1, None)
    assert hash(light) == hash(heavy)
    assert (Light._fields, Light._field_defaults) == (Heavy._fields, Heavy._field_defaults)
    assert light._asdict() == heavy._asdict()
    assert light._replace(right="x") == Light(right="x", left=1)
    assert repr(light) == repr(heavy).replace("Heavy", "Light") == "Light(left=1, right=None)"
    assert Light.__match_args__ == Heavy.__match_args__


def test_what_the_body_adds_is_there() -> None:
    """Methods, properties, overridden ones and the docstring are the class's own."""
    light = Light(2, "y")
    assert (light.doubled(), light.both, str(light)) == (4, (2, "y"), "2 and y")
    assert (Light.__doc__, Light.__name__, Light.__module__) == ("A pair.", "Light", __name__)
    assert typing.get_type_hints(Light) == {"left": int, "right": str | None}


def test_record_is_frozen_and_light() -> None:
    """No field can be set, no attribute added, and an instance has no dictionary."""
    light = Light(1)
    with pytest.raises(AttributeError):
        light.left = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        light.other = 2  # type: ignore[attr-defined]
    assert not hasattr(light, "__dict__")


def test_record_can_be_pickled() -> None:
    """A value comes out of a pickle as it went in, of its own class."""
    copy = pickle.loads(pickle.dumps(Light(1, "z")))  # noqa: S301 - made one line above
    assert (type(copy), copy) == (Light, Light(1, "z"))


@pytest.mark.parametrize("arguments", [(), (1, "x", 2)])
def test_wrong_number_of_values_is_refused(arguments: tuple[object, ...]) -> None:
    """A value too many or too few is a TypeError."""
    with pytest.raises(TypeError):
        Light(*arguments)  # type: ignore[arg-type]
