"""A process that lives on: for each line of its input, a number, so many threads make a request each.

The threads and, by ``CONN_MAX_AGE``, their connections stay. A line of output is what they were answered, as JSON; None
stands for an error, which Django puts on the console.
"""

import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.core.wsgi import get_wsgi_application

THREADS = 3


def answer(application: Any) -> Any:  # noqa: ANN401 - Django has no types
    """Make a request, as a server does."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    statuses: list[str] = []
    response = application(environ, lambda status, _headers: statuses.append(status))
    body = b"".join(response)
    response.close()
    return json.loads(body) if statuses == ["200 OK"] else None


def main() -> None:
    """Serve until the input ends."""
    socket.getaddrinfo("localhost", None)  # libnss-wrapper, where it is in use, breaks where two threads ask it first
    application = get_wsgi_application()
    workers = [ThreadPoolExecutor(1) for _ in range(THREADS)]
    for line in sys.stdin:
        answers = [worker.submit(answer, application) for worker in workers[: int(line)]]
        sys.stdout.write(json.dumps([each.result() for each in answers]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
