"""Named tuples for a first call that need not import typing: type checkers see ``typing.NamedTuple``.

Importing typing takes 0.6 MiB and 3 ms (Python 3.11). A driver's own imports pay for that; a context's do not.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - so that it counts as exported
else:
    from collections import namedtuple

    class _Fields(type):
        """Read a class body as ``typing.NamedTuple`` does: annotated fields, defaults, methods."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, object]) -> type:
            plain = super().__new__(cls, name, bases, body)
            if not bases:
                return plain
            fields = plain.__annotations__
            defaults = [body.pop(field) for field in fields if field in body]
            row = namedtuple(name, fields, defaults=defaults, module=plain.__module__)  # noqa: PYI024 - made into one
            return type(name, (row,), {**body, "__slots__": ()})

    class NamedTuple(metaclass=_Fields):
        """The base to write; what comes of it is a tuple that has nothing more to do with it."""
