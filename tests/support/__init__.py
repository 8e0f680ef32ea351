"""What the tests stand on: servers, certificates, and where to look for a leak."""

from pathlib import Path

# The checkout that the tests belong to.
ROOT = Path(__file__).parents[2]
