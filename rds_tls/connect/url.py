"""A whole database URL in place of a host: what is taken from it, what is satisfied anyway, and what is refused.

The forms are those of libpq (PostgreSQL documentation, "Connection URIs"), SQLAlchemy (``mysql+pymysql://``) and JDBC
(``jdbc:postgresql://host/db?user=...``). No error shows a value of the URL's: any may be a password in a wrong place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from rds_tls.connect.request import CONNECT_TIMEOUT, checked_port
from rds_tls.drivers import MYSQL, POSTGRES
from rds_tls.endpoint import reconciled, split_host
from rds_tls.errors import OptionError

if TYPE_CHECKING:
    from rds_tls.connect.request import Request
    from rds_tls.drivers import Engine

_JDBC = ("jdbc:", "aws-wrapper:")

_YES = frozenset({"true", "1", "yes", "on"})
_NO = frozenset({"false", "0", "no", "off"})
_VERIFIED = frozenset({"require", "required", "verify-ca", "verify-full", "verify_ca", "verify_identity"})

# What asks for TLS or for a part of what is done anyway, and by which words: a name without "-" and "_" in lower case.
# Sources: PostgreSQL documentation, "libpq: Parameter Key Words"; asyncpg's, pgjdbc's, PyMySQL's, mysqlclient's and
# MySQL Connector's (Python, J) documentation of their connection options.
_SATISFIED: dict[str, frozenset[str]] = {
    "gssencmode": frozenset({"disable"}),
    "requiressl": _YES,
    "ssl": _YES | _VERIFIED,
    "sslcheckhostname": _YES,
    "ssldisabled": _NO,
    "sslmode": _VERIFIED,
    "sslverifycert": _YES,
    "sslverifyidentity": _YES,
    "usessl": _YES,
    "verifyservercertificate": _YES,
}

# Those that name whom to trust: libpq's, the MySQL drivers', and Java's stores.
_ANCHORS = frozenset({"sslrootcert", "sslca", "sslcapath", "cafile", "servercertificate", "serversslcert"})

# What decides nothing about TLS nor where to dial, and means the same as a text: the rest is passed as arguments.
_HARMLESS = frozenset(
    {
        "application_name",
        "channel_binding",
        "charset",
        "client_encoding",
        "collation",
        "init_command",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "options",
        "program_name",
        "sql_mode",
        "target_session_attrs",
        "tcp_user_timeout",
    }
)


class _Option(NamedTuple):
    """An option of a URL's query, decoded."""

    name: str
    value: str

    def __repr__(self) -> str:
        return f"<option {_shown(self.name)}>"  # the value may be a password

    @property
    def folded(self) -> str:
        """The name without what tells libpq's spelling from MySQL's and Java's."""
        return re.sub("[-_]", "", self.name).lower()


def read_url(request: Request, engine: Engine) -> tuple[Request, dict[str, str]]:
    """Take apart a request whose host is a URL.

    Args:
        request: what the caller asks for; its host is a URL.
        engine: the database engine that is meant.

    Returns:
        The request with user, password, database, port and timeout of the URL, and a bare name as host; and the
        options that are the driver's.

    Raises:
        EndpointError: the URL has no single host, or a port that is none.
        OptionError: it is for another engine, contradicts an argument, or has an option that is refused; the message
            says why, and what to do.
    """
    text = split_host(request.host or "")
    _check_engine(text.scheme, engine, has_extras=text.has_extras)
    name, port = text.name_and_port()
    if request.port is not None:
        checked_port(request.port, "port=")
    read = request._replace(host=name, port=reconciled("port", port, request.port))
    path, _, query = (text.rest or "").partition("?")
    if "#" in f"{path}{query}":
        raise OptionError("the URL has a '#': percent-encode it as %23 in a name, a password or an option")
    user, _, password = text.authority.rpartition("@")[0].partition(":")
    read = _with(read, "user", _decoded(user, "user"))
    read = _with(read, "password", _decoded(password, "password"))
    read = _with(read, "database", _decoded(path.removeprefix("/").removesuffix("/"), "database"))
    options: dict[str, str] = {}
    for option in _options(query):
        read = _taken(read, option, options)
    return read, options


def _check_engine(scheme: str, engine: Engine, *, has_extras: bool) -> None:
    """Refuse a URL of another engine's, and one of no database where more than a host would be taken from it."""
    kind = scheme.lower()
    for prefix in _JDBC:
        kind = kind.removeprefix(prefix)
    kind = kind.partition("+")[0]  # SQLAlchemy's name of a driver: here it is driver='s to say
    is_other = any(kind in other.schemes for other in (POSTGRES, MYSQL))
    if kind in engine.schemes or not (is_other or has_extras):
        return
    wanted = " or ".join(f"{each}://" for each in engine.schemes)
    raise OptionError(f"the host is a URL that does not begin with {wanted}, as one for {engine.name} does")


def _options(query: str) -> list[_Option]:
    """Split a query, each name once."""
    options: list[_Option] = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        option = _Option(_decoded(name, "option"), _decoded(value, "option", plus=False))
        if any(option.folded == other.folded for other in options):
            raise OptionError(f"the URL names the option {_shown(option.name)} twice: leave one out")
        options.append(option)
    return options


def _taken(request: Request, option: _Option, options: dict[str, str]) -> Request:
    """Take one option into the request or among the driver's, or refuse it."""
    if option.name in {"user", "password"}:  # JDBC's form, and libpq's other one
        return _with(request, option.name, option.value)
    if option.name in {"database", "dbname"}:
        return _with(request, "database", option.value)
    if option.name == "connect_timeout":
        return _with_timeout(request, option.value)
    if is_satisfied(option.name, option.value):
        return request
    if option.name not in _HARMLESS:
        raise _refused(option, "only what is known to be harmless is taken from a URL; pass it as an argument if it is")
    options[option.name] = option.value
    return request


def is_satisfied(name: str, value: str) -> bool:
    """Say whether an option of a URL asks for TLS or for a part of what is done anyway.

    Args:
        name: the option's name, in libpq's, a MySQL driver's or JDBC's spelling.
        value: its value.

    Returns:
        True for one that is satisfied; False for one that does not say how TLS is done, as far as is known here.

    Raises:
        OptionError: it asks for less than verified TLS, or names whom to trust.
    """
    option = _Option(name, value)
    if value.lower() in _SATISFIED.get(option.folded, ()):
        return True
    if option.folded in _SATISFIED:
        raise _refused(option, "it asks for less than a connection whose chain and name are verified")
    if option.folded in _ANCHORS or "truststore" in option.folded:
        raise _refused(option, "to trust a file of your own set RDS_TLS_CA_BUNDLE or Settings(ca_file=...)")
    return False


def _refused(option: _Option, reason: str) -> OptionError:
    return OptionError(f"the URL's option {_shown(option.name)} cannot be taken: {reason}. Take it out of the URL")


def _with(request: Request, field: str, value: str) -> Request:
    """Set a field that the URL has; an argument that says something else beside it is refused."""
    if not value:
        return request
    given = getattr(request, field)
    if given is not None and given != value:
        name = "dbname= or database=" if field == "database" else f"{field}="
        raise OptionError(f"the URL has a {field}, and {name} gives another: leave one out")
    changed: Request = request._replace(**{field: value})  # type: ignore[arg-type]  # these fields are texts
    return changed


def _with_timeout(request: Request, value: str) -> Request:
    if not (value.isdecimal() and len(value) <= len("86400")):
        raise OptionError("connect_timeout in the URL is no number of seconds")
    if request.connect_timeout not in {None, CONNECT_TIMEOUT, int(value)}:
        raise OptionError("the URL has a connect_timeout, and connect_timeout= gives another: leave one out")
    return request._replace(connect_timeout=int(value))


def _decoded(text: str, what: str, *, plus: bool = True) -> str:
    """Decode the percent-encoding of a part of the URL.

    A raw '+' in an option is a space to some and a plus to others, so that nobody knows what was meant.
    """
    is_encoded = re.fullmatch(r"(?:[^%]|%[0-9A-Fa-f]{2})*", text) is not None
    decoded = unquote(text, errors="replace")
    if is_encoded and "\ufffd" not in decoded and "\0" not in decoded and (plus or "+" not in text):
        return decoded
    raise OptionError(
        f"the URL's {what} is not percent-encoded UTF-8: write '%' as %25, in an option '+' as %2B and a space as %20"
    )


def _shown(name: str) -> str:
    """Show the name of an option, where it is one that a driver may have: anything else may be a secret."""
    is_plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,40}", name) is not None
    return repr(name) if is_plain else "whose name is no identifier"
