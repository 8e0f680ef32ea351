"""Programs that show rds_tls at work."""
