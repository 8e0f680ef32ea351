"""The programs in examples/, each run for real in a process of its own against a server on loopback."""
