"""Frameworks whose connections are asked of rds_tls."""
