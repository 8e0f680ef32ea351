"""What surrounds a handshake."""
