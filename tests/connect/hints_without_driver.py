"""Print the type hint of what some public functions return, with no driver installed.

``python hints_without_driver.py NAME ...``.
"""

import sys
import typing

import rds_tls

if __name__ == "__main__":
    for driver in ("psycopg", "pymysql"):
        sys.modules[driver] = None  # type: ignore[assignment]  # what import takes for a package that is not there
    returned = [typing.get_type_hints(getattr(rds_tls, name))["return"] for name in sys.argv[1:]]
    sys.stdout.write(" ".join(map(str, returned)))
