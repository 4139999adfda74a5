"""Waits until the service that `ninefold up` starts is ready to take requests."""

import time

import httpx

from ninefold.errors import StartError
from ninefold.local.stack import Stack

CHECK_EVERY_S = 0.2
START_TIMEOUT_S = 180.0
"""Generous: the predictor imports torch, which is slow from a cold disk."""


def wait_until_ready(stack: Stack) -> bool:
    """Wait until the service is ready; return False if the stack ended or was stopped before that."""
    deadline = time.monotonic() + START_TIMEOUT_S
    # No proxy of the environment: it does not reach this machine's loopback addresses.
    with httpx.Client(timeout=5.0, trust_env=False) as client:
        while stack.is_running and not stack.is_stopping:
            reason = _why_not_ready(client, stack.url) if stack.has_api else "Valkey is starting"
            if not reason:
                stack.mark_ready()
                return True
            if time.monotonic() > deadline:
                stack.stop()
                raise StartError(f"The service is not ready after {START_TIMEOUT_S:.0f} s: {reason}")
            time.sleep(CHECK_EVERY_S)
    return False


def _why_not_ready(client: httpx.Client, url: str) -> str:
    """Return the reason why the service is not ready, or an empty string if it is ready."""
    try:
        response = client.get(f"{url}/readyz")
    except httpx.TransportError as error:
        return str(error)
    return "" if response.is_success else response.text
