"""Copy the database over itself, by what copies test databases."""

import django
from django.db import connection

if __name__ == "__main__":
    django.setup()
    name = connection.settings_dict["NAME"]
    connection.creation._clone_db(name, name)
