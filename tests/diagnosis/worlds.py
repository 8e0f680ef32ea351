"""Certificate authorities that are not the region's own: other regions', the proxy's, a company's, and weak ones."""

from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.support.local_rds import Authority
from tests.support.local_rds.pki import PrivateKey


class AmazonTrust(Authority):
    """Amazon Trust Services, as RDS Proxy's certificates have it (https://www.amazontrust.com/repository/)."""

    subject = ((NameOID.COUNTRY_NAME, "US"), (NameOID.ORGANIZATION_NAME, "Amazon"), (NameOID.COMMON_NAME, None))
    root_name = "Amazon Root CA 3"
    intermediate_name = "Amazon ECDSA 256 M03"


class Company(Authority):
    """A company whose proxy ends TLS and signs with a CA of its own."""

    subject = ((NameOID.ORGANIZATION_NAME, "Example Corp"), (NameOID.COMMON_NAME, None))
    root_name = "Example Corp Root CA"
    intermediate_name = "Corp Inspection CA 3"


class NextGeneration(Authority):
    """The region's CA after AWS has made a new root."""

    root_name = "Amazon RDS {region} Root CA {key} G2"
    intermediate_name = "Amazon RDS {region} Subordinate CA {key} G2.A.1"


class Weak(Authority):
    """The region's CA, which signs for a key that nobody should have any more."""

    @cached_property
    def _leaf_key(self) -> PrivateKey:
        return rsa.generate_private_key(65537, 1024)  # noqa: S505 - on purpose
