"""Tests of rds_tls.roots.healing, and of the background work that it shares with renewal."""
