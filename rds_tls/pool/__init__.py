"""Pools whose every new connection is one of ours: fresh secrets, the newest roots, checked, and healed."""
