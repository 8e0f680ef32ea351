"""A program whose only setting is a URL, and which knows nothing of rds_tls: print what the server says of its TLS."""

import sys

import sqlalchemy

_, url, question = sys.argv
with sqlalchemy.create_engine(url).connect() as connection:
    print(connection.execute(sqlalchemy.text(question)).one()[-1])  # noqa: T201 - the answer
