"""What AWS says about an account's servers and their certificates, as values; and what a program trusts.

Names of the API are those of botocore's model (data/rds/2014-10-31/service-2.json).
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - typing.get_type_hints looks it up here
from typing import NamedTuple

# How long a server certificate lasts, in years, where the engine rotates it without a restart, and where it does not:
# docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
_YEARS_WITHOUT_RESTART, _YEARS_WITH_RESTART = 1, 3

# What Aurora MySQL's own version follows, as in "8.0.mysql_aurora.3.08.0".
_AURORA_MYSQL = "mysql_aurora."


class Authority(NamedTuple):
    """A CA that RDS offers in a region (Certificate).

    Attributes:
        region: the AWS region.
        ca_id: RDS's identifier of the CA, such as "rds-ca-rsa2048-g1".
        valid_until: when it ends, UTC; None where AWS does not say.
        is_default: whether a new server gets it.
        is_override: whether that is this account's own choice.
        override_until: when that choice ends, UTC.
        thumbprint: the SHA-1 of its certificate, as AWS gives it.
    """

    region: str
    ca_id: str
    valid_until: datetime | None
    is_default: bool = False
    is_override: bool = False
    override_until: datetime | None = None
    thumbprint: str | None = None


class EngineVersion(NamedTuple):
    """What an engine's version makes of certificates (DBEngineVersion).

    Attributes:
        region: the AWS region.
        engine: such as "aurora-postgresql".
        version: as AWS gives it, such as "16.6" or "8.0.mysql_aurora.3.08.0".
        ca_ids: the CAs that it supports.
        restarts: whether a new certificate needs a restart; None where AWS does not say.
    """

    region: str
    engine: str
    version: str
    ca_ids: tuple[str, ...]
    restarts: bool | None

    @property
    def years(self) -> int | None:
        """How long its certificates last."""
        if self.restarts is None:
            return None
        return _YEARS_WITH_RESTART if self.restarts else _YEARS_WITHOUT_RESTART


class Server(NamedTuple):
    """Something that presents a certificate (DBInstance, DBCluster or DBProxy).

    Attributes:
        region: the AWS region.
        kind: "instance", "cluster" or "proxy".
        identifier: its name; one of a kind in its region.
        cluster: the cluster that an instance is in.
        engine: such as "aurora-mysql"; of a proxy its engine family, such as "POSTGRESQL".
        version: as AWS gives it; None for a proxy.
        ca_id: the CA that signed its certificate; None where AWS does not say.
        valid_until: when its certificate ends, UTC.
        pending_ca_id: the CA that it changes to, in its next maintenance window.
        is_by_amazon: whether Amazon Trust Services signs for it, and AWS renews that by itself.
    """

    region: str
    kind: str
    identifier: str
    cluster: str | None
    engine: str
    version: str | None = None
    ca_id: str | None = None
    valid_until: datetime | None = None
    pending_ca_id: str | None = None
    is_by_amazon: bool = False

    @property
    def name(self) -> str:
        """What a reader calls it: an instance by its cluster too."""
        if self.cluster is not None:
            return f"{self.cluster}/{self.identifier}"
        return f"{self.identifier} (cluster)" if self.kind == "cluster" else self.identifier

    @property
    def engine_and_version(self) -> str:
        """The engine with its version, Aurora MySQL's by its own number."""
        return "RDS Proxy" if self.kind == "proxy" else f"{self.engine} {short(self.version or '')}".rstrip()


class View(NamedTuple):
    """What could be seen of a region.

    Attributes:
        region: the AWS region.
        servers: instances, proxies, and clusters that have a certificate of their own or no instance.
        default: the CA that a new server gets; None where AWS does not say.
        authorities: the CAs that are offered.
        engines: the engines' versions.
        unseen: what could not be seen, and why; a line each.
        is_seen: whether anything could be.
    """

    region: str
    servers: tuple[Server, ...] = ()
    default: str | None = None
    authorities: tuple[Authority, ...] = ()
    engines: tuple[EngineVersion, ...] = ()
    unseen: tuple[str, ...] = ()
    is_seen: bool = True

    def authority(self, ca_id: str) -> Authority | None:
        """Find one of the CAs."""
        return next((each for each in self.authorities if each.ca_id == ca_id), None)

    def engine(self, server: Server) -> EngineVersion | None:
        """Find what a server runs."""
        wanted = (server.engine, server.version)
        return next((each for each in self.engines if (each.engine, each.version) == wanted), None)


class Trusted(NamedTuple):
    """The roots that programs trust.

    Attributes:
        bundle: the file that they are in; None for those of this package.
        ca_ids: region and CA of each of RDS's roots.
        has_amazon: whether the root that signs for RDS Proxy is among them.
        unknown: the regions whose roots could not be looked at.
    """

    bundle: str | None
    ca_ids: frozenset[tuple[str, str]]
    has_amazon: bool
    unknown: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What a reader calls them."""
        return self.bundle or "rds_tls"

    def lacks(self, region: str, ca_id: str) -> bool:
        """Tell whether a CA's root is known to be missing."""
        return region not in self.unknown and (region, ca_id) not in self.ca_ids


def short(version: str) -> str:
    """Give a version as a reader knows it: Aurora MySQL's without the MySQL that it is compatible with."""
    return version.rpartition(_AURORA_MYSQL)[2]
