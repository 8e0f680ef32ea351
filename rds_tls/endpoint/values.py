"""What an endpoint is, as values: its kind, and whose roots sign its certificate."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What an endpoint leads to."""

    WRITER = "writer"
    READER = "reader"
    CUSTOM = "custom"
    INSTANCE = "instance"
    PROXY = "proxy"
    PROXY_ENDPOINT = "proxy endpoint"
    SHARD_GROUP = "shard group"
    GLOBAL_WRITER = "global writer"
    DSQL = "dsql"


class Trust(StrEnum):
    """Whose roots sign the certificate of an endpoint."""

    RDS = "rds"
    RDS_PREVIEW = "rds-preview"
    AMAZON = "amazon"


class RootSet(NamedTuple):
    """Which roots sign the certificates of an endpoint.

    Attributes:
        trust: whose roots they are.
        region: the AWS region; None for Amazon Trust Services, whose roots serve every region.
    """

    trust: Trust
    region: str | None

    @property
    def name(self) -> str:
        """The name of the file that holds them, without its suffix: in the package and in a cache."""
        if self.region is None:
            return self.trust.value
        return self.region if self.trust is Trust.RDS else f"{self.region}-preview"

    def __str__(self) -> str:
        if self.trust is Trust.AMAZON:
            return "Amazon Trust Services roots"
        return f"{self.region} {'Preview ' if self.trust is Trust.RDS_PREVIEW else ''}RDS roots"


class Endpoint(NamedTuple):
    """A parsed endpoint.

    Attributes:
        host: the full name in lower case, without a trailing dot: what the certificate must carry.
        port: the TCP port, if the text named one.
        kind: what the endpoint leads to.
        identifier: the first label: the cluster, instance, proxy or alias.
        region: the AWS region; None for a Global Database writer, whose name has none.
        partition: the AWS partition, such as "aws-cn".
        trust: whose roots sign its certificate.
    """

    host: str
    port: int | None
    kind: Kind
    identifier: str
    region: str | None
    partition: str
    trust: Trust
