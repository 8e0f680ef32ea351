"""Django: ``"ENGINE": "rds_tls.django.postgresql"`` or ``"rds_tls.django.mysql"``, and all else as with Django's own.

::

    DATABASES = {
        "default": {
            "ENGINE": "rds_tls.django.postgresql",
            "HOST": "db.cluster-abc123def456.eu-west-1.rds.amazonaws.com",
            "NAME": "shop",
            "USER": "app",
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"rds_tls": {"iam": True}},
        }
    }

Each new connection is asked of rds_tls: verified, with a fresh token and the newest roots. ``OPTIONS["rds_tls"]`` has
the options of ``rds_tls.sqlalchemy.secure``: iam, password (also a function), secret, via, expect, region,
connect_timeout and settings. HOST may be a whole database URL. With ``CONN_HEALTH_CHECKS`` a request does not meet a
connection that ended while nobody used it, as after a failover or a reboot; what was under way then is lost.
"""
