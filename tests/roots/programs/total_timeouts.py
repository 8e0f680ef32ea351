"""Print how long a download may take, by default and when told, each by arguments and by environment.

A process of its own, since AWS Lambda sets its variable before a program begins: ``python total_timeouts.py``.
"""

import sys

from rds_tls.settings import Settings

if __name__ == "__main__":
    choices = (
        Settings(),
        Settings.from_env({}),
        Settings(total_timeout=10.0),
        Settings.from_env({"RDS_TLS_TOTAL_TIMEOUT": "10"}),
    )
    sys.stdout.write(" ".join(str(settings.total_timeout) for settings in choices))
