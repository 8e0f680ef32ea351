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
            if not bases:
                return super().__new__(cls, name, bases, body)
            # Python 3.14 keeps the annotations out of the body, and gives them to a class that asks.
            fields = body.get("__annotations__") or super().__new__(cls, name, bases, body).__annotations__
            defaults = [body.pop(field) for field in fields if field in body]
            record = namedtuple(name, fields, defaults=defaults)  # noqa: PYI024 - what type checkers see is typing's
            for key, value in body.items():
                setattr(record, key, value)
            return record

    class NamedTuple(metaclass=_Fields):
        """The base to write; what comes of it is a tuple that has nothing more to do with it."""
