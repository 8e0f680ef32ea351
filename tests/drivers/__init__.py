"""One driver beside the other: options, leftovers, attacks."""
