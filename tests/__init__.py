"""Tests for rds_tls: real servers, real handshakes, loopback only."""
