"""A trust store of one's own: a mirror on loopback that publishes whatever a test wants."""

import os
import re
import ssl
from pathlib import Path

from rds_tls.endpoint import RootSet, Trust
from rds_tls.roots import snapshot
from rds_tls.roots.cache import entry_name
from rds_tls.roots.cache.disk import Cache
from rds_tls.roots.cache.entry import Entry
from rds_tls.roots.cache.memory import MEMORY
from rds_tls.roots.origin import NOTHING_KNOWN, Origin, Validators
from rds_tls.settings import Settings
from tests.support.local_https import Answer, LocalHttps, reply

# A region that neither the snapshot nor the table of known roots has: its roots may be made here.
REGION = "eu-north-9"
HOST = f"orders.cluster-abc123def456.{REGION}.rds.amazonaws.com"
ROOTS = RootSet(Trust.RDS, REGION)

# A region that both have.
KNOWN = RootSet(Trust.RDS, "eu-west-1")

OF_REGION = f"/{REGION}/{REGION}-bundle.pem"
OF_ALL = "/global/global-bundle.pem"


class TrustStore:
    """The trust store's paths on a local HTTPS server.

    Args:
        server: the server.
        cache_dir: where the settings put the cache.

    Attributes:
        settings: what makes the library use this trust store and that cache.
    """

    def __init__(self, server: LocalHttps, cache_dir: Path) -> None:
        self.server = server
        server.answers.clear()
        server.seen.clear()
        self.settings = Settings(
            truststore_url=f"https://localhost:{server.server_port}",
            mirror_ca_file=server.ca_file,
            cache_dir=cache_dir,
        )

    def publish(self, region: str, *answers: Answer | bytes) -> None:
        """Publish a region's bundle, or the answers that its path gives one after the other."""
        self._set(f"/{region}/{region}-bundle.pem", answers)

    def publish_global(self, *answers: Answer | bytes) -> None:
        """Publish the global bundle, likewise."""
        self._set("/global/global-bundle.pem", answers)

    def entry(self, region: str, trust: Trust = Trust.RDS) -> Entry | None:
        """Read what the cache has for these settings."""
        return Cache(str(self.settings.cache_dir)).read(self.name(region, trust))

    def put(self, region: str, content: bytes, fetched_at: float, etag: str | None = None) -> Entry:
        """Put an entry into the cache, as if it had been downloaded from here at some moment."""
        url = f"{self.settings.truststore_url}/{region}/{region}-bundle.pem"
        return Cache(str(self.settings.cache_dir)).publish(
            self.name(region), content, Origin(url, Validators(etag), fetched_at)
        )

    def name(self, region: str, trust: Trust = Trust.RDS) -> str:
        """Name a region's entry, as these settings do."""
        return entry_name(RootSet(trust, region), self.settings)

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [seen.path for seen in self.server.seen]

    def _set(self, path: str, answers: tuple[Answer | bytes, ...]) -> None:
        self.server.url(path, *(reply(200, answer) if isinstance(answer, bytes) else answer for answer in answers))


def environment(store: TrustStore, **more: str) -> dict[str, str]:
    """Give the settings as another process reads them."""
    settings = store.settings
    return {
        **os.environ,
        "RDS_TLS_OFFLINE": "0",
        "RDS_TLS_TRUSTSTORE_URL": str(settings.truststore_url),
        "RDS_TLS_TRUSTSTORE_CA_FILE": str(settings.mirror_ca_file),
        "RDS_TLS_CACHE_DIR": str(settings.cache_dir),
        "RDS_TLS_TOTAL_TIMEOUT": "120",
        "PYTHONHASHSEED": "0",
        **more,
    }


def publish_in_memory(store: TrustStore, region: str, content: bytes, fetched_at: float) -> Entry:
    """Keep an entry in memory, as if it had been downloaded at some moment."""
    url = f"{store.settings.truststore_url}/{region}/{region}-bundle.pem"
    return MEMORY.publish(store.name(region), content, Origin(url, NOTHING_KNOWN, fetched_at))


def shipped(roots: RootSet) -> bytes:
    """The real roots of a region, from the snapshot."""
    found = snapshot.find(roots)
    assert found is not None
    return Path(found.path).read_bytes()


def certificates(content: bytes) -> set[bytes]:
    """The certificates in some PEM, whatever else it says."""
    return {ssl.PEM_cert_to_DER_cert(block) for block in re.findall(_CERTIFICATE, content.decode())}


_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
