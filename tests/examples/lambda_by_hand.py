"""What the example replaces, on AWS Lambda: psycopg with the region's file, and a token by AWS's own client."""

import os
import sys
from typing import Any

import botocore.session
import psycopg


def handler(_event: object, _context: object) -> dict[str, Any]:
    """Connect, and say what has been loaded."""
    host, _, port = os.environ["DATABASE_HOST"].partition(":")
    user = os.environ["DATABASE_USER"]
    client = botocore.session.Session().create_client("rds")
    connection = psycopg.connect(
        host=host,
        port=port,
        user=user,
        password=client.generate_db_auth_token(host, int(port), user),
        dbname=os.environ["DATABASE_NAME"],
        sslmode="verify-full",
        sslrootcert=os.environ["RDS_TLS_CA_BUNDLE"],
    )
    with connection:
        return {"is_tls": connection.pgconn.ssl_in_use, "modules": sorted(sys.modules)}
