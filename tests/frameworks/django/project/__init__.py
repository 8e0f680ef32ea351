"""An app of a Django project that startproject has made; tests/support/django_site.py runs it."""
