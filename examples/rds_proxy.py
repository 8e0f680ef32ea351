"""RDS Proxy: its own endpoint, and a further one of it, whose name its certificate does not have.

    pip install 'rds-tls[mysql]'
    DB_HOST=shop.proxy-abc123def456.eu-west-1.rds.amazonaws.com \
        DB_FURTHER=readers.endpoint.proxy-abc123def456.eu-west-1.rds.amazonaws.com \
        DB_USER=app DB_PASSWORD=... DB_NAME=shop python rds_proxy.py

A proxy is verified by the roots of Amazon Trust Services, not by RDS's; which they are follows from the name. A further
endpoint (``NAME.endpoint.proxy-...``) is dialled with ``via=``, and the proxy's own endpoint is verified there. DB_PORT
is 3306 unless given.
"""

import os

import rds_tls

host, port = os.environ["DB_HOST"], int(os.environ.get("DB_PORT", "3306"))
for dialled in (host, os.environ["DB_FURTHER"]):
    connection = rds_tls.connect_mysql(
        host,
        port=port,
        user=os.environ["DB_USER"],
        password=os.environ["DB_PASSWORD"],
        database=os.environ["DB_NAME"],
        via=None if dialled == host else (dialled, port),
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        print(dialled, "verified as", host, *cursor.fetchone() or ())
