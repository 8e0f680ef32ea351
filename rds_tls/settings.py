"""What a caller may choose about trust: one frozen value, from arguments or from the environment."""

import os
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

CA_BUNDLE_VARIABLE = "RDS_TLS_CA_BUNDLE"


class Settings(NamedTuple):
    """Choices that hold for one call, or for every call that is given this value.

    None of them can weaken verification: they only say where trust anchors come from.

    Attributes:
        ca_file: path of a PEM file whose root CAs replace every other source of trust anchors.
            Environment: ``RDS_TLS_CA_BUNDLE``; an empty value counts as unset.
    """

    ca_file: str | os.PathLike[str] | None = None

    @classmethod
    def from_env(cls, environ: "Mapping[str, str]" = os.environ) -> "Settings":
        """Read the settings from environment variables.

        Args:
            environ: the variables to read; the process environment unless given.

        Returns:
            The settings, with the default for each variable that is unset or empty.
        """
        return cls(ca_file=environ.get(CA_BUNDLE_VARIABLE) or None)
