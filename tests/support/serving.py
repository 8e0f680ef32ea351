"""A server of the tests' own for the length of a ``with`` block."""

import threading
from typing import Any, Self


class Served:
    """What stands before a class of ``socketserver``: it serves in a thread of its own, and leaves none behind."""

    def __enter__(self) -> Self:
        server: Any = self
        self._serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        server: Any = self
        server.shutdown()
        self._serving.join()
        server.server_close()
