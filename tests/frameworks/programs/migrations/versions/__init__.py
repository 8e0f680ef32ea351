"""The migrations, one after the other."""
