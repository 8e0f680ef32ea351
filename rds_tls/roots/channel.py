"""The environments that RDS has roots for, and whose endpoints they are for."""

from enum import StrEnum

from rds_tls.endpoint import Trust
from rds_tls.roots import known


class Channel(StrEnum):
    """Which RDS environment a root belongs to: general availability, or one of the two for trying things."""

    GA = known.GA
    BETA = known.BETA
    PREVIEW = known.PREVIEW


# The environment of each set of RDS roots. Beta has none: no endpoint name leads to it.
CHANNELS = {Trust.RDS: Channel.GA, Trust.RDS_PREVIEW: Channel.PREVIEW}
