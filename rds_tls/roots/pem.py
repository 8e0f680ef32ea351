"""What is known of a file of roots before it is parsed: how large it may be, and how PEM marks a certificate."""

# AWS's global bundle of 2026, the largest published file, is 165 KB: anything near this size is something else.
MAX_BYTES = 1_048_576

# RFC 7468, 5.1.
BEGIN_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
END_CERTIFICATE = b"-----END CERTIFICATE-----"


def read_bounded(path: str) -> bytes:
    """Read a file; of one that is too large for a bundle no more than shows that."""
    with open(path, "rb") as file:
        return file.read(MAX_BYTES + 1)
