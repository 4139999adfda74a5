"""Checks the form of error responses."""

from typing import Any

import httpx


def problem_in(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the problem of a response after checking its status, code and form."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(problem)
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    return problem
