"""What every driver adapter is given and what it shares; one module beside this for each driver.

An adapter module has:

- ``EXTRA``: the extra of rds-tls that installs the driver;
- ``RESERVED``: driver options that a caller may not pass, and why, besides every one that starts with ``ssl``;
- ``known()``: the name of each option that the installed driver takes;
- ``kwargs(target)``: the driver's own arguments for a verified connection, with a value for all that decides about TLS
  or where to dial, so that what a URL or a settings file says beside them does not count;
- ``check(options)``: raise for a value that the driver would send as something else;
- ``connect(options)``: the driver's connection;
- ``verify(connection, target, options)``: raise unless the connection's TLS is what was asked for;
- ``reason(error, target)``: the text that says why the driver did not connect.
"""

from rds_tls.errors import OptionError
from rds_tls.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any, Protocol

    from rds_tls.roots.anchors import Anchors

    class Adapter(Protocol):
        """The shape of a driver module."""

        EXTRA: str
        RESERVED: dict[str, str]

        def known(self) -> Collection[str]:
            """Name each option that the installed driver takes."""

        def kwargs(self, target: "Target") -> dict[str, Any]:
            """Give the driver's own arguments for a verified connection."""

        def check(self, options: Mapping[str, Any]) -> None:
            """Raise for a value that the driver would send as something else."""

        def connect(self, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - each driver has its own class
            """Connect with the driver."""

        def verify(self, connection: Any, target: "Target", options: Mapping[str, Any]) -> None:  # noqa: ANN401 - as above
            """Raise unless the connection's TLS is what was asked for."""

        def reason(self, error: Exception, target: "Target") -> str:
            """Give the text that says why the driver did not connect."""


class Target(NamedTuple):
    """What to connect to, and what to trust there.

    Attributes:
        host: the endpoint's name, which the server's certificate must carry.
        port: the endpoint's TCP port.
        bundle: the trust anchors.
        via: the address (name or IP, port) to dial in place of the endpoint, or None to dial the endpoint.
    """

    host: str
    port: int
    bundle: "Anchors"
    via: tuple[str, int] | None = None


def reserved(name: str, reasons: "Mapping[str, str]") -> str | None:
    """Say why a caller may not pass a driver option.

    Every name that starts with ``ssl`` is reserved, so that one which a later driver adds is caught too.

    Args:
        name: the option's name.
        reasons: the driver's ``RESERVED``.

    Returns:
        The reason, with what to use in its place; None for an option that decides nothing about TLS.
    """
    if name.startswith("ssl"):
        return "rds_tls always verifies chain and name with its own trust anchors; leave it out"
    return reasons.get(name)


def check_names(adapter: "Adapter", names: "Iterable[str]") -> None:
    """Refuse driver options that contradict verified TLS, that rds_tls sets itself, or that the driver does not know.

    A name that the driver does not know is not for the driver to refuse: psycopg writes names into a connection string
    as they are, where ``" sslmode"`` means ``sslmode``.

    Args:
        adapter: the driver that would get the options.
        names: the options' names.

    Raises:
        OptionError: the first such option, why it is refused and what to use in its place.
    """
    for name in names:
        reason = reserved(name, adapter.RESERVED) if _is_plain(name) else None
        if reason is not None:
            raise OptionError(f"the driver option {name!r} cannot be passed: {reason}")
        if name not in adapter.known():
            raise OptionError(_unknown(name, adapter.known()))


def _is_plain(name: str) -> bool:
    """Say whether a name is one that code could spell: of any other, an error does not repeat what it may hold."""
    return name.isascii() and name.isidentifier()


def _unknown(name: str, known: "Collection[str]") -> str:
    from difflib import get_close_matches

    shown = repr(name) if _is_plain(name) else "whose name is no identifier"
    nearest = get_close_matches(name.lower(), sorted(known), n=1)
    hint = f"the nearest that it has is {nearest[0]!r}" if nearest else "check the spelling"
    return f"the installed driver has no option {shown}: {hint}"
