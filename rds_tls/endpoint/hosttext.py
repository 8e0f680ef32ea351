"""From what a caller passes as host to a name and a port: a bare name, ``host:port`` or a URL.

An error never shows user info or a bad port of a URL, nor any text that does not look like a host name.
"""

import re
from typing import NamedTuple

from rds_tls.errors import EndpointError

# RFC 1035 section 2.3.4: the length of a host name.
MAX_NAME = 253

MAX_PORT = 65_535

# These patterns wait for their first use, which a bare name that parses never makes: compiling each costs 0.1 ms.
# RFC 3986 section 3, and the prefix of JDBC: jdbc:postgresql://
_SCHEME = r"[A-Za-z][A-Za-z0-9+.:-]*"
_END_OF_AUTHORITY = r"[/?#]"

# Any other text may hold a password: a URL cut wrongly, or "host=... password=...".
_SHOWABLE = rf"[\w.-]{{0,{MAX_NAME}}}"
HIDDEN = "<not shown>"

ADDRESS_RULE = "an IP address has no RDS certificate: pass the endpoint's name as host, the address as via="


class HostText(NamedTuple):
    """What a caller passed as host, cut in two: in a URL the authority and what follows it.

    Attributes:
        authority: user info, name and port of a URL, or the whole of a text that is no URL.
        rest: what follows the authority of a URL; None for a text that is no URL.
        scheme: what stands before ``://``, as it was written; empty for a text that is no URL.
    """

    authority: str
    rest: str | None
    scheme: str = ""

    def __repr__(self) -> str:
        return "<HostText>"  # either part may hold a password

    @property
    def has_extras(self) -> bool:
        """Whether it is a URL with user info, a path with a name in it, a query or a fragment."""
        return self.rest is not None and ("@" in self.authority or self.rest.strip("/?#") != "")

    def name_and_port(self) -> tuple[str, int | None]:
        """Take the name, which is not judged here, and the port; None where there is none.

        Raises:
            EndpointError: a '@' stands where none may be, the port is none, or there are several hosts.
        """
        if self.rest is None and "@" in self.authority:
            raise EndpointError(HIDDEN, "it has a '@': pass the host alone, the user as user=")
        # A raw '/', '?' or '#' in a password ends the authority early: what follows may be the rest of it.
        if self.rest is not None and "@" in self.rest:
            raise EndpointError(
                HIDDEN, "the URL has a '@' after its first '/', '?' or '#': percent-encode all four in user info"
            )
        return _split_port(self.authority.rpartition("@")[2])


def split_host(host: str) -> HostText:
    """Cut a bare name, ``host:port`` or a URL, so that what it holds besides a name and a port can be asked for first.

    Args:
        host: what ``parse_endpoint`` takes.

    Returns:
        Its parts; neither the name nor the port has been judged.

    Raises:
        EndpointError: it is not an ASCII string, or has something other than a scheme before ``://``.
    """
    text = _text(host)
    scheme, separator, location = text.partition("://")
    if not separator:
        return HostText(text, None)
    if not re.fullmatch(_SCHEME, scheme):
        raise EndpointError(HIDDEN, "what stands before '://' is no URL scheme, as in 'postgresql://'")
    authority = re.split(_END_OF_AUTHORITY, location, maxsplit=1)[0]
    return HostText(authority, location[len(authority) :], scheme)


def _text(host: str) -> str:
    if not isinstance(host, str):
        raise EndpointError(HIDDEN, f"a host is a str, not {type(host).__name__}")
    # Before strip() and lower(), which turn some letters into ASCII: the Kelvin sign's lower case is 'k'.
    if not host.isascii():
        raise EndpointError(_shown(host), "it is not all ASCII: type the name as AWS shows it")
    return host.strip()


def _shown(text: str) -> str:
    """Give what an error may show: look-alike letters as escapes, and nothing that may hold a password."""
    return text.encode("ascii", "backslashreplace").decode() if is_showable(text) else HIDDEN


def is_showable(text: str) -> bool:
    """Tell whether a text looks like a host name, so that an error may show it."""
    return re.fullmatch(_SHOWABLE, text) is not None


def _split_port(location: str) -> tuple[str, int | None]:
    if "," in location:
        raise EndpointError(HIDDEN, "it has a ',', as between several hosts: pass one")
    name, colon, port = location.partition(":")
    if not colon:
        return name, None
    if ":" in port:
        address = location.removeprefix("[").partition("]")[0].partition("%")[0]
        if _is_ipv6(address):
            raise EndpointError(address, ADDRESS_RULE)
        raise EndpointError(HIDDEN, "it has more than one ':': pass a host, or host:port")
    # int() refuses thousands of digits with an error of its own, so the length comes first.
    if not (port.isdecimal() and len(port) <= len(str(MAX_PORT)) and 0 < int(port) <= MAX_PORT):
        raise EndpointError(HIDDEN, f"the port after ':' is no number from 1 to {MAX_PORT}")
    return name, int(port)


def _is_ipv6(text: str) -> bool:
    from ipaddress import IPv6Address  # only a refusal needs it

    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
