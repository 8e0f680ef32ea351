"""Pools that live for months."""
