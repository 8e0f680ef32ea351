"""What the name of one of RDS's CAs says about it."""

from __future__ import annotations

import re

# The names as AWS's own bundles have them, from rds-ca-2019 on; servers' issuers are the "Subordinate" ones.
#   Amazon RDS us-east-1 Root CA RSA2048 G1                     Amazon RDS Root 2019 CA
#   Amazon RDS Preview us-east-2 Root CA ECC384 G1              Amazon RDS us-east-1 2019 CA
#   Amazon RDS ap-northeast-2 Subordinate CA RSA2048 G1.A.5     Amazon RDS af-south-1 Root CA
RDS_NAME = re.compile(
    r"Amazon\ RDS\ "
    r"(?:(?P<channel>Beta|Preview)\ )?"
    r"(?:(?P<region>[a-z]+(?:-[a-z]+)+-[0-9]+)\ )?"
    r"(?:(?:Root|Subordinate)\ CA\ (?P<key>[A-Z]+[0-9]+)\ (?P<generation>G[0-9]+)(?:\.[A-Z0-9]+)*"
    r"|(?:Root\ )?(?P<year>[0-9]{4})\ CA"
    r"|(?:Root\ )?CA)",
    re.VERBOSE,
)


def ca_id_of(common_name: str) -> str | None:
    """Name the CA that a certificate belongs to, from its common name.

    Args:
        common_name: of a root or of the issuer of a server's certificate, as in
            "Amazon RDS ap-northeast-2 Subordinate CA RSA2048 G1.A.5".

    Returns:
        RDS's identifier of the CA, as in "rds-ca-rsa2048-g1"; None if the name is not RDS's or says nothing.
    """
    name = RDS_NAME.fullmatch(common_name)
    if name is None:
        return None
    if name["key"]:
        return f"rds-ca-{name['key']}-{name['generation']}".lower()
    return f"rds-ca-{name['year']}" if name["year"] else None
