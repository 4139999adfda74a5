"""Logs one JSON line for each request: who asked for which route, and how it was answered."""

import json
import logging

from starlette.types import Scope

from api.http.callers import CALLER
from api.http.problem import REQUEST_ID
from worker.redis_server.timestamps import now

_log = logging.getLogger(__name__)


def log_request(scope: Scope, status: int, duration_s: float) -> None:
    """Log request id, method, route, status, duration and key id: no address, query, header or body."""
    _log.info("%s", _line(scope, status, duration_s))


def _line(scope: Scope, status: int, duration_s: float) -> str:
    caller = scope.get(CALLER)
    return json.dumps(
        {
            "at": now(),
            "request_id": scope.get(REQUEST_ID),
            "method": scope["method"],
            "route": getattr(scope.get("route"), "path", None),
            "status": status,
            "duration_ms": round(1000 * duration_s, 1),
            "key_id": caller.key_id if caller else None,
        }
    )


def write_to_stderr() -> None:
    """Write the lines to stderr as they are, without the prefix of other log lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False
