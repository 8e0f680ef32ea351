"""Hostile database servers on loopback: each plays one attack and records every byte that a client sends.

A new driver is a row in `drivers.DRIVERS`, a new attack a row in `attacks.ATTACKS`; docs/attacks.md follows from both.
"""
