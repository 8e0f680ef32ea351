"""A sealed SSLContext from trust anchors: it verifies, it may be shared, and nobody can weaken it."""

from __future__ import annotations

import _ssl
import ssl
from socket import AF_INET, AF_INET6, IPPROTO_TCP, TCP_NODELAY
from typing import TYPE_CHECKING, Any, NoReturn, Self

from rds_tls.errors import OptionError, SealedContextError, TrustError
from rds_tls.genuine import GenuineContext, Own, OwnObject

if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket

    from rds_tls.roots.anchors import Anchors

# OpenSSL's verdicts that no anchor signs the chain (openssl-verification-options(1) and x509_vfy.h): the issuer is not
# at hand, the chain ends in a root that is not trusted, or the leaf's issuer is missing.
_UNKNOWN_ROOT = frozenset({2, 19, 20, 21})

# What may be called on a sealed context. All else that the running Python's SSLContext has is refused, known here or
# not.
_HARMLESS = frozenset(
    {
        # These make connections, and ask for the name to verify: below.
        "wrap_bio",
        "wrap_socket",
        "_wrap_bio",
        "_wrap_socket",
        # These give an answer and change nothing.
        "_encode_hostname",
        "cert_store_stats",
        "get_ca_certs",
        "get_ciphers",
        "get_groups",  # Python 3.15
        "session_stats",
        # Classes, and what every object has.
        "sslobject_class",
        "sslsocket_class",
        *dir(object),
    }
)

_NO_SESSION = "a resumed TLS session verifies no certificate, and may be another endpoint's"

# The path that mysqlclient gets when it takes a context for a mapping and asks it for "ca": no file can be there.
_NO_MAPPING = (
    "/dev/null/rds_tls: mysqlclient takes no SSLContext, and what it takes verifies too little by itself: call "
    "rds_tls.connect_mysql(host, driver='mysqlclient')"
)


class _Guard:
    """What the sockets and objects of a sealed context do besides.

    They look for newer roots, in the background, when their server's root is unknown. And they keep to what was checked
    when they were made.
    """

    def do_handshake(self, *block: bool) -> None:
        """Shake hands; a failure is the caller's to handle, the newer roots are for the next caller."""
        try:
            super().do_handshake(*block)  # type: ignore[misc]
        except ssl.SSLCertVerificationError as error:
            if error.verify_code in _UNKNOWN_ROOT:
                from rds_tls.roots.healing import heal_later

                heal_later(self.context.anchors)
            raise

    @property
    def context(self) -> SealedContext:
        """The context that the connection was made with."""
        return super().context  # type: ignore[misc,no-any-return]

    @context.setter
    def context(self, _: object) -> NoReturn:
        raise SealedContextError("context cannot be set: what a connection trusts is decided when it is made")

    @property
    def session(self) -> ssl.SSLSession | None:
        """The TLS session, which no other connection may resume."""
        return super().session  # type: ignore[misc,no-any-return]

    @session.setter
    def session(self, _: object) -> NoReturn:
        raise SealedContextError(f"session cannot be set: {_NO_SESSION}")


class _Object(_Guard, OwnObject):  # type: ignore[misc,valid-type]
    """What an event loop gets from ``wrap_bio``."""


class SealedContext(GenuineContext):
    """A client context that verifies chain and name, and whose settings cannot be changed.

    It is shared by every caller who trusts the same anchors, so a change by one would reach all. Setting an attribute
    to the value it already has is allowed, because drivers do that to be sure. Every connection needs the name to
    verify. A copy is the same object.

    It is for drivers that take an SSLContext. mysqlclient takes none: it asks this for a CA file and gets a path where
    none can be, so it connects to no server that speaks TLS. To one that hides TLS it still logs in, in clear.

    Its repr says what it trusts as whoever asked for it first found that: whose roots, from where, of which day.

    Attributes:
        anchors: the path of the trust anchors and the digest of what is in it.
    """

    guard = _Guard
    sslobject_class = _Object
    anchors: tuple[str, str]
    _described = "no trust anchors"  # until they are loaded

    def __new__(cls, anchors: Anchors) -> Self:
        """Make a context that trusts given anchors, and that is sealed from its first moment on.

        Args:
            anchors: the trust anchors; the context holds them and no others.

        Returns:
            A sealed context: TLS 1.2 at least, chain and host name verified, SAN required, RFC 5280 strict.

        Raises:
            TrustError: OpenSSL cannot load the anchors' file, or loads something else than it holds.
        """
        context = _ssl._SSLContext.__new__(cls, ssl.PROTOCOL_TLS_CLIENT)  # noqa: SLF001 - whoever patches above it
        for name, value in _settings(context).items():
            GenuineContext.__setattr__(context, name, value)
        _load(context, anchors)
        GenuineContext.__setattr__(context, "anchors", anchors.identity)
        GenuineContext.__setattr__(context, "_described", str(anchors).removesuffix(f" ({anchors.path})"))
        return context

    def __repr__(self) -> str:
        count = _ssl._SSLContext.cert_store_stats(self)["x509_ca"]  # noqa: SLF001 - OpenSSL's own answer
        return f"<{type(self).__name__}: {self._described}, {count} certificate{'' if count == 1 else 's'}>"

    def __setattr__(self, name: str, value: object) -> None:
        if not hasattr(self, name) or getattr(self, name) != value:
            self._refuse(f"{name} cannot be set to {value!r}")

    def __delattr__(self, name: str) -> None:
        self._refuse(f"{name} cannot be deleted")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _copied: object) -> Self:
        return self

    def __getitem__(self, key: str) -> str:
        """Answer a driver that takes this for a mapping of files, so that it does not go on without any."""
        if key == "ca":
            return _NO_MAPPING
        raise KeyError(key)

    def _refuse(self, what: str) -> NoReturn:
        raise SealedContextError(
            f"{what}: this SSLContext is shared and sealed by rds_tls. "
            "For other settings build an ssl.SSLContext of your own with cafile=rds_tls.ca_path(host)."
        )

    # Both signatures are the base class's own, so that a driver may pass anything by position.
    def wrap_socket(
        self,
        sock: socket,
        server_side: bool = False,  # noqa: FBT001, FBT002
        do_handshake_on_connect: bool = True,  # noqa: FBT001, FBT002
        suppress_ragged_eofs: bool = True,  # noqa: FBT001, FBT002
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """Wrap as ``ssl.SSLContext.wrap_socket`` does.

        Raises:
            OptionError: there is no name to verify, or there is a session to resume; nothing has been sent.
            TrustError: something unknown stands at ``ssl.SSLSocket``; nothing has been sent.
        """
        name = self._verified_name(server_hostname, session)
        if sock.family in {AF_INET, AF_INET6}:
            # Both protocols are made of small packets. Most drivers let them not wait for the answer to earlier ones;
            # pg8000 does not, and waited 40 ms in each login (measured: 52 ms, then 8.6).
            sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        return super().wrap_socket(sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, name)

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Wrap as ``ssl.SSLContext.wrap_bio`` does, which by itself asks for no name.

        Raises:
            OptionError: there is no name to verify, or there is a session to resume; nothing has been sent.
        """
        return super().wrap_bio(incoming, outgoing, server_side, self._verified_name(server_hostname, session))

    # Every way to make a connection, those of event loops and other runtimes too, ends in one of these two, which
    # ssl.SSLContext has from OpenSSL's own type.
    def _wrap_socket(self, sock: Any, server_side: Any, server_hostname: Any = None, **more: Any) -> Any:  # noqa: ANN401 - OpenSSL's own
        name = self._verified_name(server_hostname, more.pop("session", None))
        return super()._wrap_socket(sock, server_side, name, **more)  # type: ignore[misc]

    def _wrap_bio(  # as above
        self,
        incoming: Any,  # noqa: ANN401
        outgoing: Any,  # noqa: ANN401
        server_side: Any,  # noqa: ANN401
        server_hostname: Any = None,  # noqa: ANN401
        **more: Any,
    ) -> Any:  # noqa: ANN401
        name = self._verified_name(server_hostname, more.pop("session", None))
        return super()._wrap_bio(incoming, outgoing, server_side, name, **more)  # type: ignore[misc]

    def _verified_name(self, server_hostname: str | bytes | None, session: object) -> str | bytes:
        """Give the name that the server's certificate must carry."""
        if session is not None:
            raise OptionError(f"session= cannot be passed: {_NO_SESSION}")
        if not server_hostname:
            raise OptionError(
                "server_hostname is missing, so the certificate of any database of the region would pass: pass the "
                "endpoint, as in start_tls(context, server_hostname=host)"
            )
        return server_hostname


def _refusing(name: str) -> Callable[..., NoReturn]:
    """Make a method that refuses, in place of one that could weaken the context or give it something to send."""

    def refuse(context: SealedContext, *_arguments: object, **_options: object) -> NoReturn:
        context._refuse(f"{name}() cannot be called")  # noqa: SLF001 - this is one of its methods

    return refuse


# By default deny: a method that a later Python adds is refused from its first day.
for _name in set(dir(Own)) - _HARMLESS:
    if callable(getattr(Own, _name)):
        setattr(SealedContext, _name, _refusing(_name))


def _settings(context: SealedContext) -> dict[str, object]:
    """Say what the seal keeps. PROTOCOL_TLS_CLIENT verifies chain and name by itself; here it is said all the same."""
    return {
        "check_hostname": True,
        "verify_mode": ssl.CERT_REQUIRED,
        "minimum_version": ssl.TLSVersion.TLSv1_2,
        # Python sets these two flags differently from 3.13 on, and only in create_default_context().
        "verify_flags": (context.verify_flags | ssl.VERIFY_X509_STRICT) & ~ssl.VERIFY_X509_PARTIAL_CHAIN,
        # hostname_checks_common_name = False, as ssl.py writes it down. Without this a leaf that has no SAN passes by
        # its common name, strict or not (RFC 9525 forbids it).
        "_host_flags": context._host_flags | _ssl.HOSTFLAG_NEVER_CHECK_SUBJECT,  # type: ignore[attr-defined]  # noqa: SLF001
    }


def _load(context: SealedContext, anchors: Anchors) -> None:
    """Load the trust anchors into OpenSSL's own object, and see there what was loaded."""
    own = _ssl._SSLContext  # noqa: SLF001 - whatever was patched above it does not matter here
    try:
        if anchors.content is None:
            own.load_verify_locations(context, cafile=anchors.path)
        else:  # what was judged, whatever is in its file by now
            own.load_verify_locations(context, cadata=anchors.content.decode("ascii"))
    except (OSError, ssl.SSLError) as error:
        # A context that failed half-way keeps what it read so far: it is dropped here, never shared.
        raise TrustError(f"OpenSSL cannot load the trust anchors of the {anchors}: {error}") from error
    if not own.cert_store_stats(context)["x509_ca"]:
        raise TrustError(f"the {anchors} holds no CA certificate: name a file of root CAs")


def is_verified(tls: object, host: str, anchors: tuple[str, str]) -> bool:
    """Say whether a connection is TLS 1.2 or later, on a sealed context of these anchors, for this name.

    Args:
        tls: what the driver has for its socket: an ``SSLSocket``, an ``SSLObject``, or anything else.
        host: the endpoint's name.
        anchors: ``SealedContext.anchors`` of the context that the driver was given.

    Returns:
        OpenSSL's own answer, below whatever a subclass or a patch would say.
    """
    below = getattr(tls, "_sslobj", None)
    context = getattr(below, "context", None)
    return (
        isinstance(below, _ssl._SSLSocket)  # type: ignore[attr-defined]  # noqa: SLF001 - typeshed does not list it
        and isinstance(context, SealedContext)
        and context.anchors == anchors
        and below.version() in {"TLSv1.2", "TLSv1.3"}
        and below.server_hostname == host
    )
