"""By an alias of one's own: DNS says which endpoint it is, and only one that DB_EXPECT allows is dialled and verified.

    pip install 'rds-tls[postgres]'
    DB_HOST=db.corp.example DB_EXPECT='*.cluster-abc123def456.eu-west-1.rds.amazonaws.com' \
        DB_USER=app DB_PASSWORD=... DB_NAME=shop python cname.py

DB_EXPECT is an endpoint, or one with ``*`` for its first label: any of that account's in that region.
"""

import os

import rds_tls

with rds_tls.connect_postgres(
    os.environ["DB_HOST"],
    expect=os.environ["DB_EXPECT"],
    port=int(os.environ.get("DB_PORT", "5432")),
    user=os.environ["DB_USER"],
    password=os.environ["DB_PASSWORD"],
    dbname=os.environ["DB_NAME"],
) as connection:
    row = connection.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    print(os.environ["DB_HOST"], "is", connection.info.host, *row or ())
