"""``python -m rds_tls``: the command ``rds-tls``."""

import sys

from rds_tls.cli import main

sys.exit(main())
