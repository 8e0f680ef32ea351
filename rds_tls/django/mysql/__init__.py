"""Django's engine for MySQL, with connections of ours: ``"ENGINE": "rds_tls.django.mysql"``."""
