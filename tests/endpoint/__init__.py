"""What a host name means."""
