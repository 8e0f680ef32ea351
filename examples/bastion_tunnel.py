"""Through a bastion: dial the tunnel's end on this machine, and verify the endpoint that is at the other end.

    pip install 'rds-tls[postgres]'
    ssh -N -L 15432:db.cluster-abc123def456.eu-west-1.rds.amazonaws.com:5432 bastion.example &
    DB_HOST=db.cluster-abc123def456.eu-west-1.rds.amazonaws.com DB_VIA=127.0.0.1:15432 \
        DB_USER=app DB_PASSWORD=... DB_NAME=shop python bastion_tunnel.py

Without DB_VIA it dials the endpoint itself, as the same program does inside the VPC.
"""

import os

import rds_tls

address, _, port = os.environ.get("DB_VIA", "").rpartition(":")
with rds_tls.connect_postgres(
    os.environ["DB_HOST"],
    user=os.environ["DB_USER"],
    password=os.environ["DB_PASSWORD"],
    dbname=os.environ["DB_NAME"],
    via=(address, int(port)) if address else None,
) as connection:
    row = connection.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    print("dialled:", connection.info.hostaddr, connection.info.port)
    print("verified:", connection.info.host, *row or ())
