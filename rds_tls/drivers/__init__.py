"""What every driver adapter is given and what it shares; one module beside this for each driver.

An adapter module has:

- ``EXTRA``: the extra of rds-tls that installs the driver;
- ``RESERVED``: driver options that a caller may not pass, and why, besides every one that starts with ``ssl``;
- ``kwargs(target)``: the driver's own arguments for a verified connection;
- ``connect(options)``: the driver's connection;
- ``verify(connection, target)``: raise unless the connection's TLS is what was asked for;
- ``reason(error, target)``: the text that says why the driver did not connect.
"""

from rds_tls.errors import OptionError
from rds_tls.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Protocol

    from rds_tls.trust import TrustedBundle

    class Adapter(Protocol):
        """The shape of a driver module."""

        EXTRA: str
        RESERVED: dict[str, str]

        def kwargs(self, target: "Target") -> dict[str, Any]:
            """Give the driver's own arguments for a verified connection."""

        def connect(self, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - each driver has its own class
            """Connect with the driver."""

        def verify(self, connection: Any, target: "Target") -> None:  # noqa: ANN401 - as above
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
    bundle: "TrustedBundle"
    via: tuple[str, int] | None = None


def reserved(adapter: "Adapter", name: str) -> str | None:
    """Say why a caller may not pass a driver option.

    Every name that starts with ``ssl`` is reserved, so that one which a later driver adds is caught too.

    Args:
        adapter: the driver that would get the option.
        name: the option's name.

    Returns:
        The reason, with what to use in its place; None for an option that decides nothing about TLS.
    """
    if name.startswith("ssl"):
        return "rds_tls always verifies chain and name with its own trust anchors; leave it out"
    return adapter.RESERVED.get(name)


def refuse_reserved(adapter: "Adapter", names: "Iterable[str]") -> None:
    """Refuse driver options that contradict verified TLS, or that rds_tls sets itself.

    Args:
        adapter: the driver that would get the options.
        names: the options' names.

    Raises:
        OptionError: the first such option, why it is refused and what to use in its place.
    """
    for name in names:
        reason = reserved(adapter, name)
        if reason is not None:
            raise OptionError(f"the driver option {name!r} cannot be passed: {reason}")
