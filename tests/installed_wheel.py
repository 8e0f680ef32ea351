"""Use the installed package where no other package is, and print what comes of it: ``python -I installed_wheel.py``."""

import sys
from pathlib import Path

import rds_tls

if __name__ == "__main__":
    offline = rds_tls.Settings(offline=True)
    context = rds_tls.ssl_context(region="eu-west-1", settings=offline)
    path = Path(rds_tls.ca_path(region="eu-west-1", settings=offline))
    assert path.is_relative_to(sys.prefix), path
    sys.stdout.write(f"{len(context.get_ca_certs())} {path.name}\n")
    try:
        rds_tls.connect_postgres("db.cluster-abc123def456.eu-west-1.rds.amazonaws.com", user="app")
    except rds_tls.DriverNotInstalledError as error:
        sys.stdout.write(f"{error}\n")
