"""By the URL alone: ``?plugin=rds_tls`` secures the engine that SQLAlchemy makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import URL, CreateEnginePlugin, Engine

from rds_tls.errors import OptionError
from rds_tls.sqlalchemy import secure
from rds_tls.sqlalchemy.arguments import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rds_tls.connect.request import Address


def _read_flag(text: str) -> bool:
    flags = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    return flags[text.lower()]


def _read_address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


# What a URL may say, and how it is read; a password and settings are not for a URL's query.
_READ: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "iam": (_read_flag, "true or false"),
    "secret": (str, "the name or ARN of a secret"),
    "via": (_read_address, "address:port"),
    "expect": (str, "an endpoint, or * and the rest of one"),
    "region": (str, "an AWS region"),
    "connect_timeout": (float, "seconds"),
}


class Plugin(CreateEnginePlugin):
    """What ``?plugin=rds_tls`` in a URL leads to: it secures the engine that is made of the URL.

    Its options are named ``rds_tls_iam``, ``rds_tls_secret``, ``rds_tls_via`` (``address:port``), ``rds_tls_expect``,
    ``rds_tls_region`` and ``rds_tls_connect_timeout``; any other one is refused, and no driver sees them.

    SQLAlchemy drops ``?plugins=`` without a word, and connects as if it were not there. With one of our options beside
    it, such as ``rds_tls_connect_timeout=10``, a ``plugin=`` that is misspelt or lost connects to nothing: every driver
    refuses an option that it does not know.
    """

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        super().__init__(url, kwargs)
        self._options = {
            name.removeprefix(PREFIX): _read_option(name.removeprefix(PREFIX), value)
            for name, value in url.query.items()
            if name.startswith(PREFIX)
        }

    def update_url(self, url: URL) -> URL:
        """Take our options out of the URL."""
        return url.difference_update_query([name for name in url.query if name.startswith(PREFIX)])

    def engine_created(self, engine: Engine) -> None:
        """Secure the engine."""
        secure(engine, **self._options)


def _read_option(name: str, value: str | tuple[str, ...]) -> Any:  # noqa: ANN401 - of several kinds
    """Read an option of the plugin's.

    Raises:
        OptionError: there is no such option, or it cannot be read.
    """
    if name not in _READ:
        known = ", ".join(f"{PREFIX}{each}" for each in _READ)
        raise OptionError(f"the plugin rds_tls has no option {PREFIX + name!r}: it has {known}")
    read, form = _READ[name]
    try:
        return read(value if isinstance(value, str) else "")
    except (KeyError, ValueError):
        pass
    raise OptionError(f"the URL's option {PREFIX + name} cannot be read: it is {form}, and stands there once")
