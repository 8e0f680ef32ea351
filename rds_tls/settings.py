"""What a caller may choose about trust: one frozen value, from arguments or from the environment."""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypedDict, Unpack, cast

from rds_tls import log
from rds_tls.errors import SettingsError

_Path = str | os.PathLike[str]
_Value = _Path | float | bool | None

_PREFIX = "RDS_TLS_"
CA_BUNDLE_VARIABLE = "RDS_TLS_CA_BUNDLE"

_DAY = 86_400.0
_LONGEST_TIMEOUT = 3_600.0


def on_lambda(environ: "Mapping[str, str] | None" = None) -> bool:
    """Tell whether a process with these variables, this one unless others are given, is a function on AWS Lambda.

    Lambda sets the variable: docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html.
    """
    return "AWS_LAMBDA_FUNCTION_NAME" in (os.environ if environ is None else environ)


# How long a download may take in all, in seconds. AWS Lambda ends a function after 3 unless told otherwise
# (docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html), and the imports for a download come on top: there
# the wait must be over before that, so that the program sees the error.
_TOTAL_TIMEOUT = 1.5 if on_lambda() else 10.0


class _Fields(NamedTuple):
    ca_file: _Path | None = None
    bundle_dir: _Path | None = None
    cache_dir: _Path | None = None
    max_age: float = 7 * _DAY
    connect_timeout: float = 2.0
    total_timeout: float = _TOTAL_TIMEOUT
    offline: bool = False
    truststore_url: str | None = None
    mirror_ca_file: _Path | None = None
    bundle_format: str = "pem"
    known_roots_only: bool = False


class _Choices(TypedDict, total=False):
    """The same fields, each of which may be left out."""

    ca_file: _Path | None
    bundle_dir: _Path | None
    cache_dir: _Path | None
    max_age: float
    connect_timeout: float
    total_timeout: float
    offline: bool
    truststore_url: str | None
    mirror_ca_file: _Path | None
    bundle_format: str
    known_roots_only: bool


class Settings(_Fields):
    """Choices about where trust anchors come from; none of them can weaken verification.

    Attributes:
        ca_file: path of a PEM file whose root CAs replace every other source (``RDS_TLS_CA_BUNDLE``).
        bundle_dir: directory that ``prefetch`` filled, for images and Lambda layers (``RDS_TLS_BUNDLE_DIR``).
        cache_dir: where downloaded bundles are kept; the user's cache directory unless given, a private one below
            the temporary directory on AWS Lambda or where that is not writable (``RDS_TLS_CACHE_DIR``).
        max_age: seconds after which a bundle is refreshed in the background; 7 days (``RDS_TLS_MAX_AGE``).
        connect_timeout: seconds that a download waits for a TCP connection; 2 (``RDS_TLS_CONNECT_TIMEOUT``).
        total_timeout: seconds that a download may take in all, with retries and waiting for other processes; 10, on AWS
            Lambda 1.5 (``RDS_TLS_TOTAL_TIMEOUT``).
        offline: never use the network for bundles (``RDS_TLS_OFFLINE``).
        truststore_url: base URL of a mirror of the trust store, HTTPS (``RDS_TLS_TRUSTSTORE_URL``).
        mirror_ca_file: path of a PEM file that verifies the mirror's own certificate
            (``RDS_TLS_TRUSTSTORE_CA_FILE``).
        bundle_format: which of AWS's files to download, "pem" or "p7b" (``RDS_TLS_BUNDLE_FORMAT``); what is stored and
            given to drivers is PEM either way. China publishes PEM alone.
        known_roots_only: refuse roots that this version does not list, wherever a download, the cache or a prefetched
            directory has them from (``RDS_TLS_KNOWN_ROOTS_ONLY``).

    Raises:
        SettingsError: a value cannot be used; the message names the setting and the rule, and shows the value where
            that cannot hold a password.
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # type checkers see the tuple's own, which has every field with its type

        def __new__(cls, *args: _Value, **fields: _Value) -> Self:
            """Make the value, after each field has passed its rule."""
            try:
                made = super().__new__(cls, *args, **fields)
            finally:
                del args, fields  # a traceback that shows locals has the repr of the value made, and no login
            for name, rule in _RULES.items():
                rule.check(getattr(made, name), f"Settings.{name}")
            return made

        __new__.__wrapped__ = _Fields.__new__  # where inspect.signature looks

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]  # the tuple's is for any fields
        """Check what ``_replace`` makes too; the tuple's own ends here and checks nothing."""
        return cls(*iterable)

    def replace(self, **changes: Unpack[_Choices]) -> Self:
        """Give the same settings but for some fields, each of which has to pass its rule again.

        Raises:
            SettingsError: a value cannot be used.
            TypeError: there is no such setting.
        """
        given = cast("dict[str, Any]", changes)
        # Emptied, so that a traceback that shows locals has no login.
        return type(self)(**self._asdict() | {name: given.pop(name) for name in [*given]})

    def __repr__(self) -> str:
        # Of every field, as a traceback shows a value that is about to be refused too.
        shown = {name: repr(value) for name, value in self._asdict().items()}
        fields = (f"{name}={without_login(text) if '://' in text else text}" for name, text in shown.items())
        return f"Settings({', '.join(fields)})"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **fields: Unpack[_Choices]) -> Self:
        """Read the settings from environment variables.

        A variable of the process that begins with ``RDS_TLS_`` and is none of them is named in a warning, once.

        Args:
            environ: the variables to read; the process environment unless given.
            **fields: settings that take precedence over their variable.

        Returns:
            The settings, with the default for each variable that is unset or empty.

        Raises:
            SettingsError: a value cannot be used; the message names the variable.
        """
        if environ is None:
            _warn_of_unknown_variables()
        given = cast("dict[str, Any]", fields)
        names = set(given)
        made = cls(**{name: given.pop(name) for name in names})  # emptied, as above
        for name, rule in _RULES.items():
            if name not in names and _variable(environ, rule.variable):
                made = made._replace(**{name: rule.read_variable(_variable(environ, rule.variable))})  # type: ignore[arg-type]
        return made


class _Rule(NamedTuple):
    """How one setting is written in its environment variable, and what it must be."""

    variable: str
    read: Callable[[str], _Value]
    accepts: Callable[[_Value], bool]
    must_be: str

    def check(self, value: _Value, origin: str) -> None:
        if not self.accepts(value):
            value = _shown(value)
            raise SettingsError(f"{origin}={value} must be {self.must_be}")

    def read_variable(self, text: str) -> _Value:
        if self._is_readable(text):
            return self.read(text)
        text = _shown(text)
        raise SettingsError(f"{self.variable}={text} must be {self.must_be}")

    def _is_readable(self, text: str) -> bool:
        try:
            return self.accepts(self.read(text))
        except (KeyError, ValueError):
            return False


def without_login(url: str) -> str:
    """Leave user and password out of a URL.

    Args:
        url: any text; all that stands before its last ``@`` counts as a login, but for the scheme, since a password may
            hold a raw ``/``, ``?`` or ``#``.

    Returns:
        The URL that may be shown and stored.
    """
    before, _, rest = url.rpartition("@")
    scheme, separator, _ = before.partition("://")
    return f"{scheme}{separator}{rest}" if separator else rest


def _variable(environ: Mapping[str, str] | None, name: str) -> str:
    """Read a variable, of the process unless others are given, with no local that holds all of them."""
    return (os.environ if environ is None else environ).get(name, "")


def _warn_of_unknown_variables() -> None:
    for variable in sorted(os.environ.keys() - {rule.variable for rule in _RULES.values()}):
        if variable.startswith(_PREFIX):
            _warn_of(variable)


@cache  # once for each name
def _warn_of(variable: str) -> None:
    """Name a variable that no setting reads, and the nearest one that is; its value, which may be secret, stays out."""
    from difflib import get_close_matches  # only a mistake needs it

    known = [rule.variable.removeprefix(_PREFIX) for rule in _RULES.values()]
    close = get_close_matches(variable.removeprefix(_PREFIX), known, n=1)
    meant = f"maybe {_PREFIX}{close[0]} is meant" if close else "see help(rds_tls.Settings) for those that do"
    log.warning("the environment variable %s is read by no setting and changes nothing: %s", variable, meant)


def _shown(value: _Value) -> str:
    """Give what an error may show of a refused value: one that cannot hold a password, or its type."""
    import re  # only a refusal needs it

    if re.fullmatch(_SHOWABLE, str(value)):
        return repr(value)
    return "<not shown>" if isinstance(value, str) else f"<{type(value).__name__}>"


def _is_path(value: _Value) -> bool:
    return value is None or (isinstance(value, str | os.PathLike) and os.fspath(value) != "")


def _is_age(value: _Value) -> bool:
    return isinstance(value, int | float) and value >= 0


def _is_timeout(value: _Value) -> bool:
    return isinstance(value, int | float) and 0 < value <= _LONGEST_TIMEOUT


def _is_switch(value: _Value) -> bool:
    return isinstance(value, bool)


def _is_format(value: _Value) -> bool:
    return isinstance(value, str) and value in {"pem", "p7b"}


def _is_https_url(value: _Value) -> bool:
    return value is None or (isinstance(value, str) and value.startswith("https://") and _is_base(value[8:]))


def _is_base(location: str) -> bool:
    """Tell whether what follows ``https://`` has a host, and no ``@`` after it: all but a login is shown and stored."""
    authority, _, path = location.partition("/")
    host = authority.rpartition("@")[2]
    return host != "" and location.isprintable() and not any(mark in location for mark in "?#\\") and "@" not in path


def _switch(text: str) -> bool:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]


_A_PATH = "a path that is not empty"
_A_TIMEOUT = "a number of seconds above 0, an hour at most"
_A_SWITCH = "true or false (in the environment 1 or 0)"
_AN_HTTPS_URL = (
    "the base URL of a mirror, beginning with https://, without '?' and '#'; in its login, percent-encode these two, "
    "'/' and '@'"
)

# Words, numbers, paths, and a scheme, a host and a port. What has more in it may be a login, or a text that was meant
# for another variable.
_SHOWABLE = r"(?:[a-z]+://[\w.-]*(?::\d{1,5})?)?[\w./~' -]{0,200}"

# One row for each field of Settings.
_RULES = {
    "ca_file": _Rule(CA_BUNDLE_VARIABLE, str, _is_path, _A_PATH),
    "bundle_dir": _Rule("RDS_TLS_BUNDLE_DIR", str, _is_path, _A_PATH),
    "cache_dir": _Rule("RDS_TLS_CACHE_DIR", str, _is_path, _A_PATH),
    "max_age": _Rule("RDS_TLS_MAX_AGE", float, _is_age, "a number of seconds, 0 or more"),
    "connect_timeout": _Rule("RDS_TLS_CONNECT_TIMEOUT", float, _is_timeout, _A_TIMEOUT),
    "total_timeout": _Rule("RDS_TLS_TOTAL_TIMEOUT", float, _is_timeout, _A_TIMEOUT),
    "offline": _Rule("RDS_TLS_OFFLINE", _switch, _is_switch, _A_SWITCH),
    "truststore_url": _Rule("RDS_TLS_TRUSTSTORE_URL", str, _is_https_url, _AN_HTTPS_URL),
    "mirror_ca_file": _Rule("RDS_TLS_TRUSTSTORE_CA_FILE", str, _is_path, _A_PATH),
    "bundle_format": _Rule("RDS_TLS_BUNDLE_FORMAT", str, _is_format, "pem or p7b"),
    "known_roots_only": _Rule("RDS_TLS_KNOWN_ROOTS_ONLY", _switch, _is_switch, _A_SWITCH),
}


@cache
def process_settings() -> Settings:
    """Read the process's environment, once: reading it costs more than all the rest of a warm call.

    Raises:
        SettingsError: as ``Settings.from_env``; the next call reads again then.
    """
    return Settings.from_env()
