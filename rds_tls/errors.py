"""Every exception that rds_tls raises by itself.

::

    RdsTlsError
    ├── EndpointError (ValueError)            the host is not an RDS endpoint
    ├── OptionError (ValueError)              an argument contradicts verified TLS, or another argument
    ├── SettingsError (ValueError)            a setting or its environment variable has a bad value
    ├── BundleError (ValueError)              bytes that should be a CA bundle are not one
    ├── TrustError                            no trust anchors can be had for this endpoint
    │   └── DownloadError                     a file of them cannot be fetched
    ├── IamError                              a token for IAM login cannot be signed
    ├── SecretError                           a secret cannot be had from AWS Secrets Manager
    ├── AuditError                            nothing can be seen of an account's servers
    ├── SealedContextError                    somebody tried to change a shared SSLContext
    ├── DriverNotInstalledError (ImportError) the database driver is missing or too old
    └── UnverifiedConnectionError             a driver returned a connection without verified TLS

What a driver raises stays the driver's own exception: rds_tls adds a note to it (PEP 678) and lets it pass.
"""


class RdsTlsError(Exception):
    """Base of every error that rds_tls raises by itself."""


class EndpointError(RdsTlsError, ValueError):
    """The host name is not an RDS endpoint.

    Attributes:
        host: the host as it was understood; never the user or password of a URL.
        rule: the rule that it breaks, with the part that breaks it.
    """

    def __init__(self, host: str, rule: str) -> None:
        super().__init__(host, rule)
        self.host = host
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.host!r} is not an RDS endpoint: {self.rule}"


class OptionError(RdsTlsError, ValueError):
    """An argument contradicts verified TLS, or contradicts another argument."""


class SettingsError(RdsTlsError, ValueError):
    """A setting, or the environment variable behind it, has a value that cannot be used."""


class BundleError(RdsTlsError, ValueError):
    """Bytes that should be a CA bundle hold no usable trust anchor, or hold what they must not."""


class TrustError(RdsTlsError):
    """No trust anchors can be had for an endpoint or a region."""


class DownloadError(TrustError):
    """A file of trust anchors cannot be fetched.

    Attributes:
        url: the URL that was asked for; never its user or password.
        cause: what went wrong, in words.
        missing: True when the server says that there is no such file (status 403 or 404).
    """

    def __init__(self, url: str, cause: str, *, missing: bool = False) -> None:
        super().__init__(url, cause)
        self.url = url
        self.cause = cause
        self.missing = missing

    @property
    def what(self) -> str:
        """What happened, without what to do about it."""
        return f"cannot download {self.url}: {self.cause}"

    def __str__(self) -> str:
        return (
            f"{self.what}. Behind a closed network, set HTTPS_PROXY, or name a mirror in "
            "RDS_TLS_TRUSTSTORE_URL or a PEM file of the roots in RDS_TLS_CA_BUNDLE, or call rds_tls.prefetch() when "
            "the image is built"
        )


class IamError(RdsTlsError):
    """A token for IAM login cannot be signed."""


class SecretError(RdsTlsError):
    """User and password cannot be had from AWS Secrets Manager."""


class AuditError(RdsTlsError):
    """Nothing can be seen of the servers of an AWS account."""


class SealedContextError(RdsTlsError):
    """Somebody tried to change an SSLContext that is shared and verifies."""


class DriverNotInstalledError(RdsTlsError, ImportError):
    """The database driver that was asked for is missing, or too old to be trusted with a password."""


class UnverifiedConnectionError(RdsTlsError):
    """A driver returned a connection whose TLS is not what was asked for; it has been closed."""
