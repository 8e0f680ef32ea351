"""Give the driver what Django's backend would give it, as packages do that want a connection of their own."""

from importlib import import_module

import django
from django.db import connection

if __name__ == "__main__":
    django.setup()
    driver = import_module(f"django.db.backends.{connection.vendor}.base").Database
    driver.connect(**connection.get_connection_params())
