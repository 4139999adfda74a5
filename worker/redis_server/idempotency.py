"""The ids under which requests with an Idempotency-Key are remembered."""

import hashlib
import json

from worker.redis_server.projects import DEFAULT_PROJECT

IDEMPOTENCY_KEPT_S = 24 * 60 * 60


def idempotency_id(kind: str, project: str, created_by: str | None, key: str | None) -> str:
    """Hash a caller and the caller's key, so that equal keys of two callers or kinds never collide; "" without a key.

    The hash of a job of the default project has neither kind nor project, as in earlier releases.
    """
    if not key:
        return ""
    parts = [created_by, key]
    if (kind, project) != ("training", DEFAULT_PROJECT):
        parts += [kind, project]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
