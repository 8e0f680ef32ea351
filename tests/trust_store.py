"""A trust store of one's own: a mirror on loopback that publishes whatever a test wants."""

from pathlib import Path

from rds_tls.settings import Settings
from tests.local_https import Answer, LocalHttps, reply

# A region that neither the snapshot nor the table of known roots has: its roots may be made here.
REGION = "eu-north-9"
HOST = f"orders.cluster-abc123def456.{REGION}.rds.amazonaws.com"


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

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [seen.path for seen in self.server.seen]

    def _set(self, path: str, answers: tuple[Answer | bytes, ...]) -> None:
        self.server.url(path, *(reply(200, answer) if isinstance(answer, bytes) else answer for answer in answers))
