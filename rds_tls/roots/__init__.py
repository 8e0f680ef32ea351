"""The trust anchors of an endpoint, and where they come from."""
