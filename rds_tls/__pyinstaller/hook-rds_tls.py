# ruff: noqa: N999 - PyInstaller looks for this name
"""What PyInstaller cannot see for itself in a program that imports rds_tls: files, and modules imported by name.

Drivers and botocore are brought where they are installed, because any call may name them; ``--exclude-module`` leaves
out what a program does not use.
"""

from importlib.util import find_spec

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

# What rds_tls imports by a name in a string.
_BY_NAME = (
    "MySQLdb.connections",
    "MySQLdb.constants.CLIENT",
    "MySQLdb.constants.CR",
    "aiomysql.pool",
    "asyncpg",
    "botocore.session",
    "mysql.connector.aio",
    "pg8000.dbapi",
    "psycopg",
    "psycopg2.extensions",
    "pymysql",
)

# What a driver imports by itself and unseen, any module below: asyncmy in compiled code, mysql-connector-python by the
# name of a language, and by that of the authentication that a server asks for.
_PACKAGES = (
    "asyncmy",
    "mysql.connector.aio.plugins",
    "mysql.connector.locales",
    "mysql.connector.plugins",
)

# Followed, these would bring a framework that the program may not use. As plain files they bring nothing, and work
# where it does: Django is then there as a whole, and the hook of SQLAlchemy brings the plugin, by its entry point.
_AS_FILES = ("rds_tls.django", "rds_tls.sqlalchemy")
_NEVER = "rds_tls.__pyinstaller"


def _is_followed(module: str) -> bool:
    return not module.startswith((*_AS_FILES, _NEVER))


def _is_installed(module: str) -> bool:
    return find_spec(module.partition(".")[0]) is not None


hiddenimports = collect_submodules("rds_tls", filter=_is_followed)
hiddenimports += filter(_is_installed, _BY_NAME)
for package in filter(_is_installed, _PACKAGES):
    hiddenimports += collect_submodules(package)

datas = collect_data_files("rds_tls.roots.snapshot")
for room in _AS_FILES:
    datas += collect_data_files(room, include_py_files=True)
