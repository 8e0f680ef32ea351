"""A handler on AWS Lambda that does no more than connect, and lets errors pass as they are."""

import os

import rds_tls


def handler(_event: object, _context: object) -> None:
    """Connect."""
    rds_tls.connect_postgres(os.environ["DATABASE_HOST"], user=os.environ["DATABASE_USER"], iam=True).close()
