"""What rds_tls costs, measured against what it replaces."""
