"""The Python client: the HTTP API as methods, with a job's events as an iterator that survives restarts."""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx

from ninefold.client.events import Event, read_events
from ninefold.client.folder_zip import as_zip
from ninefold.errors import JobFailedError, NinefoldError, UnreachableError

DEFAULT_URL = "http://127.0.0.1:8000"
PATIENCE_S = 30.0
"""How long a call that may be repeated waits for a service that restarts; one never reached fails at once."""
SILENCE_S = 60.0
"""A stream of events without even a heartbeat for this long is opened again."""
ENDED = ("succeeded", "failed", "cancelled")

Json = dict[str, Any]
"""An object as docs and `/docs` describe it."""


class Client:
    """Talks to one Ninefold service; use it as a context manager, or `close` it."""

    def __init__(
        self, url: str = DEFAULT_URL, api_key: str | None = None, *, patience_s: float = PATIENCE_S
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self.url = url.rstrip("/")
        self._patience_s = patience_s
        self._has_answered = False
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=httpx.Timeout(30.0))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, dataset: str, **spec: Any) -> Json:
        """Post a training job; repeated by itself, without making a second job, when the answer is lost."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._object("POST", "/jobs", json={"dataset": dataset, **spec}, headers=headers)

    def job(self, job_id: str) -> Json:
        """One job as it stands."""
        return self._object("GET", f"/jobs/{job_id}")

    def jobs(self, **filters: str) -> Iterator[Json]:
        """Every job, newest first; filters: `status`, `name`, `dataset`, `tag`."""
        return self._pages("/jobs", filters)

    def cancel(self, job_id: str) -> Json:
        """End a job without a model."""
        return self._object("POST", f"/jobs/{job_id}/cancel", repeats=False)

    def stop(self, job_id: str) -> Json:
        """End a job early and publish its best epoch so far."""
        return self._object("POST", f"/jobs/{job_id}/stop", repeats=False)

    def pause(self, job_id: str) -> Json:
        """Save a checkpoint and free the device."""
        return self._object("POST", f"/jobs/{job_id}/pause", repeats=False)

    def resume(self, job_id: str) -> Json:
        """Queue a paused job again."""
        return self._object("POST", f"/jobs/{job_id}/resume", repeats=False)

    def delete(self, job_id: str) -> None:
        """Forget a finished job; its model stays."""
        self._request("DELETE", f"/jobs/{job_id}", repeats=False)

    def metrics(self, job_id: str) -> list[Json]:
        """One row an epoch, oldest first."""
        return list(self._pages(f"/jobs/{job_id}/metrics", {}, cursor="epoch"))

    def events(self, job_id: str, last_event_id: str | None = None) -> Iterator[Event]:
        """Everything that happened to a job, then everything that does, until its end.

        A lost connection is opened again where it broke off; gives up when the service stays away.
        """
        seen, since = last_event_id, time.monotonic()
        while True:
            try:
                for event in self._stream(job_id, seen):
                    seen, since = event.id or seen, time.monotonic()
                    yield event
                    if event.kind == "end":
                        return
            except httpx.TransportError as error:
                if not self._may_repeat(since):
                    raise UnreachableError(self.url) from error
            except NinefoldError as error:
                if error.status != 503 or not self._may_repeat(since):
                    raise
            time.sleep(0.5)

    def _stream(self, job_id: str, last_event_id: str | None) -> Iterator[Event]:
        headers = {"Accept": "text/event-stream"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        timeout = httpx.Timeout(10.0, read=SILENCE_S)
        with self._http.stream("GET", f"/jobs/{job_id}/events", headers=headers, timeout=timeout) as response:
            self._has_answered = True
            if response.is_error:
                response.read()
                raise _problem(response)
            yield from read_events(response.iter_lines())

    def wait(self, job_id: str, on_progress: Callable[[Json], None] | None = None) -> Json:
        """Wait for a job's end and return it; raises JobFailedError unless it succeeded.

        `on_progress` hears `{epoch, epochs, fraction, images_per_s, eta_s}` about twice a second.
        """
        for event in self.events(job_id):
            if on_progress and event.kind == "progress":
                on_progress(event.data)
        job = self.job(job_id)
        if job["status"] != "succeeded":
            error = job.get("error") or {"code": job["status"], "message": f"The job was {job['status']}."}
            raise JobFailedError(job_id, error["message"], error["code"])
        return job

    def predict(self, files: Iterable[str | Path], model: str | None = None, top_k: int = 5) -> Json:
        """Classify image files; without a model the only production model answers."""
        params: dict[str, str | int] = {"top_k": top_k} | ({"model": model} if model else {})
        with ExitStack() as stack:
            parts = [("files", (Path(file).name, stack.enter_context(_open(Path(file))))) for file in files]
            return self._object("POST", "/predict", params=params, files=parts, repeats=False)

    def add_dataset(self, path: str | Path, name: str) -> Json:
        """Upload a folder (a folder per class) or a zip of one; the answer says what was found in it."""
        with as_zip(Path(path)) as archive:
            return self._object(
                "POST",
                "/datasets",
                params={"name": name},
                content=archive,
                headers={"Content-Type": "application/octet-stream"},
                timeout=httpx.Timeout(30.0, read=None, write=None),
                repeats=False,
            )

    def datasets(self) -> Iterator[Json]:
        """Every dataset, newest first."""
        return self._pages("/datasets", {})

    def dataset(self, ref: str) -> Json:
        """One dataset by id or name."""
        return self._object("GET", f"/datasets/{ref}")

    def models(self, **filters: str) -> Iterator[Json]:
        """Every model, newest first; filter: `name`."""
        return self._pages("/models", filters)

    def model(self, ref: str) -> Json:
        """One model: `mdl_…`, `name`, `name:3`, `name:latest` or `name@alias`."""
        return self._object("GET", f"/models/{ref}")

    def workers(self) -> list[Json]:
        """Every worker that lives, and what it does."""
        return list(self._object("GET", "/workers")["data"])

    def _pages(self, path: str, filters: dict[str, str], cursor: str = "id") -> Iterator[Json]:
        params: dict[str, str | int] = {"limit": 100, **filters}
        while True:
            page = self._object("GET", path, params=params)
            yield from page["data"]
            if not page["has_more"]:
                return
            params["after"] = page["data"][-1][cursor]

    def _object(self, method: str, path: str, **request: Any) -> Json:
        body = self._request(method, path, **request).json()
        assert isinstance(body, dict)  # noqa: S101 - every answer of the API is an object
        return body

    def _request(self, method: str, path: str, *, repeats: bool = True, **request: Any) -> httpx.Response:
        since = time.monotonic()
        while True:
            try:
                response = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                if not repeats or not self._may_repeat(since):
                    raise UnreachableError(self.url) from error
                time.sleep(0.3)
                continue
            self._has_answered = True
            if response.is_error:
                raise _problem(response)
            return response

    def _may_repeat(self, since: float) -> bool:
        return self._has_answered and time.monotonic() - since < self._patience_s


def _open(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise NinefoldError(f"{path}: {error.strerror}", code="unreadable_file") from error


def _problem(response: httpx.Response) -> NinefoldError:
    """The error that an answer describes, or one made of its status."""
    try:
        body = response.json()
        detail, code = str(body["detail"]), str(body["code"])
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        return NinefoldError(
            f"The service answered {response.status_code}.",
            code="unexpected_answer",
            status=response.status_code,
        )
    for field in body.get("errors") or []:
        detail += f"\n  {field.get('param')}: {field.get('message')}"
    return NinefoldError(detail, code=code, status=response.status_code)
