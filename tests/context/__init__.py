"""Sealed contexts."""
