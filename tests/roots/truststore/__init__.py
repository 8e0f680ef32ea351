"""Tests of rds_tls.roots.truststore, with a real HTTPS server."""
