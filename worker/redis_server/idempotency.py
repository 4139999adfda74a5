"""The ids under which requests with an Idempotency-Key are remembered."""

import hashlib
import json

IDEMPOTENCY_KEPT_S = 24 * 60 * 60


def idempotency_id(created_by: str | None, key: str | None) -> str:
    """Hash a caller and the caller's key, so that equal keys of two callers never collide; "" without a key."""
    return hashlib.sha256(json.dumps([created_by, key]).encode()).hexdigest() if key else ""
