"""The trust anchors, and where they come from."""
