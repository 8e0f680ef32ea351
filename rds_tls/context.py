"""A sealed SSLContext from a trusted bundle: it verifies, it is shared, and nobody can weaken it."""

import ssl
from functools import lru_cache

from rds_tls.errors import SealedContextError, TrustError
from rds_tls.trust import Source, bundle_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from rds_tls.settings import Settings
    from rds_tls.trust import TrustedBundle

# AWS has some forty regions, and a program may have a CA file for each: room for all of them, and a bound.
MAX_CONTEXTS = 128


# OpenSSL's verdicts that no anchor signs the chain (openssl-verification-options(1) and x509_vfy.h): the issuer is not
# at hand, the chain ends in a root that is not trusted, or the leaf's issuer is missing.
_UNKNOWN_ROOT = frozenset({2, 19, 20, 21})


class _Socket(ssl.SSLSocket):
    """A TLS socket that looks for newer roots, in the background, when its server's root is unknown."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the base class's signature
        """Shake hands; the failure is the caller's to handle, the newer roots are for the next caller."""
        try:
            super().do_handshake(block)
        except ssl.SSLCertVerificationError as error:
            _learn(self.context, error)
            raise


class _Object(ssl.SSLObject):
    """The same for event loops."""

    def do_handshake(self) -> None:
        """Shake hands; the failure is the caller's to handle, the newer roots are for the next caller."""
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            _learn(self.context, error)
            raise


def _learn(context: ssl.SSLContext, error: ssl.SSLCertVerificationError) -> None:
    if error.verify_code in _UNKNOWN_ROOT and isinstance(context, SealedContext) and context.bundle:
        from rds_tls.healing import heal_later

        heal_later(context.bundle)


class SealedContext(ssl.SSLContext):
    """A client context that verifies chain and name, and whose settings cannot be changed.

    It is shared by every caller of a region, so a change by one would reach all. Setting an attribute to the
    value it already has is allowed, because drivers do that to be sure.
    """

    sslsocket_class = _Socket
    sslobject_class = _Object
    bundle: "TrustedBundle | None" = None
    sealed = False

    def __setattr__(self, name: str, value: object) -> None:
        if not self.sealed:
            super().__setattr__(name, value)
        elif not hasattr(self, name) or getattr(self, name) != value:
            self._refuse(f"{name} cannot be set to {value!r}")

    def _refuse(self, what: str) -> "NoReturn":
        raise SealedContextError(
            f"{what}: this SSLContext is shared and sealed by rds_tls. "
            "For other settings build an ssl.SSLContext of your own with cafile=rds_tls.ca_path(host)."
        )

    def load_verify_locations(self, *_args: object, **_options: object) -> "NoReturn":
        """Refuse: trust anchors come from one bundle."""
        self._refuse("more trust anchors cannot be loaded")

    def load_default_certs(self, *_args: object, **_options: object) -> "NoReturn":
        """Refuse: the system's trust store is never used."""
        self._refuse("the system's trust anchors cannot be loaded")

    def set_default_verify_paths(self) -> "NoReturn":
        """Refuse: the system's trust store is never used."""
        self._refuse("the system's trust anchors cannot be loaded")

    def load_cert_chain(self, *_args: object, **_options: object) -> "NoReturn":
        """Refuse: a client certificate would be sent by every caller of the region."""
        self._refuse("a client certificate cannot be loaded")

    def set_ciphers(self, *_args: object) -> "NoReturn":
        """Refuse: anonymous ciphers need no certificate."""
        self._refuse("the ciphers cannot be chosen")

    def set_psk_client_callback(self, *_args: object) -> "NoReturn":
        """Refuse: a pre-shared key needs no certificate (Python 3.13 and later)."""
        self._refuse("a pre-shared key cannot be used")

    def set_alpn_protocols(self, *_args: object) -> "NoReturn":
        """Refuse: one caller's protocol would be every caller's."""
        self._refuse("ALPN protocols cannot be set")


def ssl_context(
    host: str | None = None, *, region: str | None = None, settings: "Settings | None" = None
) -> ssl.SSLContext:
    """Give the sealed SSLContext for an endpoint, or for a region's RDS endpoints.

    It verifies the name that the driver passes as ``server_hostname``: pass drivers the endpoint itself as host.

    Args:
        host: the endpoint.
        region: the AWS region, in place of a host or for an endpoint whose name has none.
        settings: where trust anchors come from; those of the environment unless given.

    Returns:
        The context that every caller with the same trust anchors shares.

    Raises:
        EndpointError, OptionError, TrustError: as for ``connect_postgres``.
    """
    return shared_context(bundle_for(host, region, settings))


@lru_cache(maxsize=MAX_CONTEXTS)
def shared_context(bundle: "TrustedBundle") -> SealedContext:
    """Give the one context for a bundle; the driver passes the name to verify.

    Args:
        bundle: the trust anchors; the context holds them and no others.

    Returns:
        A sealed context: TLS 1.2 at least, chain and host name verified, SAN required, RFC 5280 strict.

    Raises:
        TrustError: OpenSSL cannot load the bundle's file.
    """
    return build(SealedContext(ssl.PROTOCOL_TLS_CLIENT), bundle)


def build(context: SealedContext, bundle: "TrustedBundle") -> SealedContext:
    """Set what the seal then keeps. PROTOCOL_TLS_CLIENT already verifies the chain and the name.

    Args:
        context: a new context.
        bundle: the trust anchors.

    Returns:
        The same context, sealed.

    Raises:
        TrustError: OpenSSL cannot load the bundle's file, or a caller's own holds no CA.
    """
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Python sets these two flags differently from 3.13 on, and only in create_default_context().
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_STRICT) & ~ssl.VERIFY_X509_PARTIAL_CHAIN
    # Without this a leaf that has no SAN passes by its common name, strict or not (RFC 9525 forbids it).
    context.hostname_checks_common_name = False
    try:
        ssl.SSLContext.load_verify_locations(context, cafile=bundle.path)
    except (OSError, ssl.SSLError) as error:
        # A context that failed half-way keeps what it read so far: it is dropped here, never shared.
        raise TrustError(f"OpenSSL cannot load the trust anchors of the {bundle}: {error}") from error
    # Every other source was checked for its roots when it was made, and counting them takes a tenth of all this.
    if bundle.source is Source.CA_FILE and not context.cert_store_stats()["x509_ca"]:
        raise TrustError(f"the {bundle} holds no CA certificate: name a file of root CAs")
    context.bundle = bundle
    context.sealed = True
    return context
