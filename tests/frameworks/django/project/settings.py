"""The settings that startproject wrote, with this app and the database that a test asks for by environment variables.

``DATABASE`` is the entry of ``DATABASES``, as JSON; ``DRIVER`` the driver to choose, where more than one is installed.
With ``PASSWORD_FILE`` the password is a function that reads the file, and adds a line to ``ASKED_FILE`` each time.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path

DRIVER = os.environ["DRIVER"]
if DRIVER == "pymysql":
    import pymysql

    pymysql.install_as_MySQLdb()
if DRIVER == "psycopg2":
    sys.modules["psycopg"] = None  # type: ignore[assignment]  # Django takes it wherever it can be imported

globals().update({name: value for name, value in vars(import_module("shop.settings")).items() if name.isupper()})


def _password() -> str:
    with Path(os.environ["ASKED_FILE"]).open("a") as asked:
        asked.write("asked\n")
    return Path(os.environ["PASSWORD_FILE"]).read_text("utf-8")


DATABASE = json.loads(os.environ["DATABASE"])
if "PASSWORD_FILE" in os.environ:
    DATABASE["OPTIONS"]["rds_tls"]["password"] = _password

DATABASES = {"default": DATABASE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [*globals()["INSTALLED_APPS"], "tests.frameworks.django.project"]
ROOT_URLCONF = "tests.frameworks.django.project.urls"
STATIC_ROOT = "static-files"
