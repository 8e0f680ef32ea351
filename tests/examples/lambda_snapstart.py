"""The example's handler with the hook of SnapStart that docs/lambda.md has, and what happened when."""

from importlib import import_module
from typing import Any

from snapshot_restore_py import register_after_restore, register_before_snapshot

example: Any = import_module("handler")

when: dict[str, int] = {}

register_before_snapshot(lambda: when.update(at_snapshot=example.kept_connection.cache_info().currsize))
register_after_restore(example.connection)
register_after_restore(lambda: when.update(after_restore=example.kept_connection().info.backend_pid))


def handler(event: object, context: object) -> dict[str, Any]:
    """Answer as the example does."""
    return {**example.handler(event, context), **when}
