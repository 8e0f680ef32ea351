"""An address that takes no connection and refuses none, as a security group drops what it does not let in."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

# Linux takes one connection more than it is told to hold; others are generous.
_FILLS = 64


@contextmanager
def blackhole(address: str = "127.0.0.1", port: int = 0) -> Iterator[tuple[str, int]]:
    """Listen where nobody accepts, and fill the queue: whoever dials next waits for an answer to its first packet."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(_FILLS):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)  # noqa: FBT003 - the socket's own
            with suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield listener.getsockname()
