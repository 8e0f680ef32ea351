"""AWS Lambda on this machine: AWS's own runtime client, in a process of its own, against a runtime API on loopback.

The API is that of docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, and of runtimes-walkthrough.html there.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Self

from tests.support.serving import Served

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
RUNTIME = "/2018-06-01/runtime"

# A failsafe: nothing here waits for as long.
PATIENCE = 60


class Answer(NamedTuple):
    """What the client posts: where to, and the JSON in it."""

    path: str
    body: Any


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the client keeps its connection
    server: "RuntimeApi"

    def do_GET(self) -> None:
        """Hand out the next invocation, once there is one; the way back from a snapshot is free."""
        if self.path == f"{RUNTIME}/restore/next":
            self._reply(200)
            return
        event = self.server.events.get()
        if event is None:
            self.close_connection = True
            return
        self.server.invocations += 1
        self._reply(
            200,
            json.dumps(event).encode(),
            **{
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": f"request-{self.server.invocations}",
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + PATIENCE) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": ARN,
                "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
            },
        )

    def do_POST(self) -> None:
        """Take an answer, or an error."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._reply(202)
        self.server.answers.put(Answer(self.path, json.loads(body)))

    def _reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it
        """Keep quiet: the tests look at ``answers``."""


class RuntimeApi(Served, ThreadingHTTPServer):
    """The API that a runtime asks for its next invocation.

    Attributes:
        events: what is to be handed out; None hangs up.
        answers: what was posted and is still to be looked at.
        invocations: how many were handed out.
    """

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: SimpleQueue[object] = SimpleQueue()
        self.answers: SimpleQueue[Answer] = SimpleQueue()
        self.invocations = 0


class Sandbox:
    """One execution environment, as a context manager: it starts the client, and ends it.

    Args:
        handler: the handler, as Lambda's configuration names it.
        task: the folder of the function's code.
        folder: where the log goes, and the only folder that the function may write to: Lambda's /tmp.
        environ: what the function's configuration adds to the environment, or takes away where it is empty.

    Attributes:
        writable: Lambda's /tmp.
    """

    def __init__(self, handler: str, task: Path, folder: Path, environ: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-m", "awslambdaric", handler]
        self._task = task
        self._log = folder / "log"
        self.writable = folder / "tmp"
        self.writable.mkdir()
        self._environ = environ
        self._api = RuntimeApi()

    def __enter__(self) -> Self:
        self._api.__enter__()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._task, env=self._variables(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._api.events.put(None)  # whoever asked for the next invocation
        self._api.__exit__()

    def _variables(self) -> dict[str, str]:
        """Give what Lambda sets (docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html), and no HOME."""
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
        version = "{}.{}".format(*sys.version_info)
        variables = {
            **kept,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "orders",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orders",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/26/[$LATEST]0123456789abcdef",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
            "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEXAMPLE",
            "AWS_EC2_METADATA_DISABLED": "true",
            "LAMBDA_TASK_ROOT": str(self._task),
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "TZ": ":UTC",
            "LANG": "en_US.UTF-8",
            "TMPDIR": str(self.writable),
            # The code's folder is read-only there, and Python's attempts to write to it fail in silence.
            "PYTHONDONTWRITEBYTECODE": "1",
            **self._environ,
        }
        return {name: value for name, value in variables.items() if value}

    def invoke(self, event: object = None) -> Any:  # noqa: ANN401 - what the handler returns
        """Invoke the function, which has to succeed, and give what it returns."""
        path, body = self.outcome(event)
        assert path.endswith("/response"), (body, self.log())
        return body

    def fail(self, event: object = None) -> dict[str, Any]:
        """Invoke the function, which has to fail, and give the error that the client posts."""
        path, body = self.outcome(event)
        assert path.endswith("/error"), (body, self.log())
        error: dict[str, Any] = body
        return error

    def outcome(self, event: object) -> Answer:
        """Invoke the function, and give what the client posts, whatever it is."""
        self.hand_out(event)
        return self.answer()

    def hand_out(self, event: object = None) -> None:
        """Hand out an invocation to the client that asks for one, awake or not."""
        self._api.events.put({} if event is None else event)

    def answer(self) -> Answer:
        """Wait for what the client posts."""
        try:
            return self._api.answers.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError(f"there is no answer; the log says:\n{self.log()}") from None

    def freeze(self) -> None:
        """Stop the process as Lambda does between invocations, and return when it stands."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def thaw(self) -> None:
        """Let the process go on."""
        self._process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        """Give what Lambda would put into the log: all that was written to stdout and stderr."""
        return self._log.read_text("utf-8")
