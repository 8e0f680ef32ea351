"""Django's engine for PostgreSQL, with connections of ours: ``"ENGINE": "rds_tls.django.postgresql"``."""
