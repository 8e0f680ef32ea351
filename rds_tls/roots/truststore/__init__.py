"""What AWS publishes: where it is, how it is fetched, and whether it is to be believed."""
