"""From a host name to a verified connection."""
