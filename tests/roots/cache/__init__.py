"""Tests of rds_tls.roots.cache, with real files and real processes."""
