"""The Python client: one method for each call of the HTTP API."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from ninefold.client.address import DEFAULT_URL
from ninefold.client.batches import BatchCalls
from ninefold.client.datasets.contents import ImageSize, list_images, read_image, read_report
from ninefold.client.datasets.downloads import download
from ninefold.client.datasets.import_options import ImportOptions
from ninefold.client.datasets.imports import (
    add_from_source,
    cancel_import,
    delete_dataset,
    follow_import,
    is_source,
    upload,
)
from ninefold.client.datasets.upload_progress import DatasetProgress
from ninefold.client.datasets.versions import corrections_of, send_version
from ninefold.client.events import Event, follow_events
from ninefold.client.image_files import ImageFile, find_images
from ninefold.client.models import ModelCalls
from ninefold.client.predictions import classify
from ninefold.client.reviews import ReviewCalls
from ninefold.client.transport import Json, Transport
from ninefold.errors import JobFailedError

RETRY_FOR_S = 30.0


class Client(ModelCalls, ReviewCalls, BatchCalls):
    """Calls one Ninefold service. Use the client as a context manager, or call `close`.

    Calls that are safe to repeat are retried for `patience_s` seconds while the service restarts.
    """

    def __init__(
        self, url: str = DEFAULT_URL, api_key: str | None = None, *, patience_s: float = RETRY_FOR_S
    ) -> None:
        self.url = url.rstrip("/")
        self._transport = Transport(self.url, api_key, retry_for_s=patience_s)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, dataset: str, **spec: Any) -> Json:
        """Submit a training job. A lost response is retried with the same key, so only one job is made.

        A job on a dataset that is being imported waits until the dataset is ready; until then its spec is what was
        posted, with `None` for what is left open. `init_from=None` starts from random weights, also where a small set
        would start from the starter.
        """
        return self._post_job({"dataset": dataset, **spec})

    def build_starter(self, dataset: str = "cifar10", **spec: Any) -> Json:
        """Submit the job that trains the starter: the first one is what small sets start from, once it has succeeded.

        A later one must be promoted: `client.promote("starter:2")`.
        """
        return self._post_job({"dataset": dataset, "name": "starter", "init_from": None, **spec})

    def rerun(self, job_id: str, **own: Any) -> Json:
        """Submit a job that repeats another one with its spec and recipe; `own` may give name, promote, priority and tags.

        When it has succeeded, `result["rerun"]` says whether its weights are equal (`reproduced`), and what differed.
        """
        return self._post_job({"rerun_of": job_id, **own})

    def extend(self, job_id: str, **own: Any) -> Json:
        """Submit a job that trains a succeeded job longer: `epochs` says how many more, or `time_budget_s` how long.

        `own` may give patience, name, promote, priority and tags too. All else is as in the job that is continued.
        """
        return self._post_job({"extend": job_id, **own})

    def _post_job(self, body: Json) -> Json:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._transport.request_object("POST", "/jobs", json=body, headers=headers)

    def job(self, job_id: str) -> Json:
        """Return the current record of a job."""
        return self._transport.request_object("GET", f"/jobs/{job_id}")

    def jobs(self, **filters: str) -> Iterator[Json]:
        """Yield every job, newest first. Filters: `status`, `name`, `dataset`, `tag`."""
        return self._transport.list_pages("/jobs", filters)

    def cancel(self, job_id: str) -> Json:
        """End a job without publishing a model."""
        return self._change_job(job_id, "cancel")

    def stop(self, job_id: str) -> Json:
        """End a job early and publish the model of its best epoch."""
        return self._change_job(job_id, "stop")

    def pause(self, job_id: str) -> Json:
        """Save a checkpoint of a job and free its device."""
        return self._change_job(job_id, "pause")

    def resume(self, job_id: str) -> Json:
        """Queue a paused job again."""
        return self._change_job(job_id, "resume")

    def _change_job(self, job_id: str, action: str) -> Json:
        return self._transport.request_object("POST", f"/jobs/{job_id}/{action}", is_repeatable=False)

    def delete(self, job_id: str) -> None:
        """Delete the record of a finished job; the job's model stays."""
        self._transport.request("DELETE", f"/jobs/{job_id}", is_repeatable=False)

    def metrics(self, job_id: str) -> list[Json]:
        """Return the metrics of a job: one row for each epoch, oldest first."""
        return list(self._transport.list_pages(f"/jobs/{job_id}/metrics", {}, cursor="epoch"))

    def logs(self, job_id: str, tail: int = 500) -> list[str]:
        """Return the newest lines of a job's log, oldest first; at most `tail` of them."""
        answer = self._transport.request_object("GET", f"/jobs/{job_id}/logs", params={"tail": tail})
        return list(answer["lines"])

    def compare_jobs(self, job_id: str, *others: str) -> Json:
        """Compare a job with others: the settings that differ, and the metrics of every epoch of each."""
        params = {"with": list(others)}
        return self._transport.request_object("GET", f"/jobs/{job_id}/comparison", params=params)

    def events(self, job_id: str, last_event_id: str | None = None) -> Iterator[Event]:
        """Yield the past events of a job, then new events as they happen, until the job ends.

        A lost connection is reopened after the last event received; raises UnreachableError when the service stays
        away. With `last_event_id`, only later events are sent.
        """
        return follow_events(self._transport, f"/jobs/{job_id}/events", last_event_id)

    def wait(self, job_id: str, on_progress: Callable[[Json], None] | None = None) -> Json:
        """Wait until a job ends and return its record; raises JobFailedError unless the job succeeded.

        `on_progress` receives `{epoch, epochs, fraction, images_per_s, eta_s}` about once a second.
        """
        for event in self.events(job_id):
            if on_progress and event.kind == "progress":
                on_progress(event.data)
        return require_success(self.job(job_id))

    def predict(
        self,
        files: Iterable[str | Path | ImageFile],
        model: str | None = None,
        top_k: int = 5,
        on_progress: Callable[[int, int], None] | None = None,
        *,
        explain: bool = False,
        min_score: float | None = None,
        tta: bool = False,
        coverage: float | None = None,
    ) -> Json:
        """Classify any number of image files with one version of a model; the files are sent in several requests at once.

        A folder or a zip stands for the images in it, sorted by their paths; `filename` is the path within it then.

        `model` may be left out when exactly one model has the alias `production`. `on_progress` receives the number of
        images that were answered and of all. With `explain`, each prediction has an `explanation`: where in the image the
        network found its evidence for the label. A prediction whose score is below `min_score`, or without one below
        the least score that the alias has for its class, has `abstained: True`. With `tta`, the
        scores are those of each image and its mirror image together. With `coverage=0.95`, each prediction has a
        `label_set`, and 95 % of the sets have the image's label. Raises NinefoldError if a file cannot be read, or none can be classified.
        """
        params: dict[str, str | int] = {"top_k": top_k} | ({"model": model} if model else {})
        params |= {name: "true" for name, is_on in (("explain", explain), ("tta", tta)) if is_on}
        given = {"min_score": min_score, "coverage": coverage}
        params |= {name: str(number) for name, number in given.items() if number is not None}
        with ExitStack() as stack:
            images = find_images(files, stack)
            return classify(self._transport, images, params, on_progress or _ignore)

    def add_dataset(
        self,
        path: str | Path,
        name: str,
        on_progress: Callable[[DatasetProgress], None] | None = None,
        *,
        labels: str | Path | None = None,
        path_column: str | None = None,
        label_column: str | None = None,
        split_column: str | None = None,
        class_folder: str | None = None,
        min_images: int | None = None,
        on_not_sent: Callable[[list[str]], None] | None = None,
    ) -> Json:
        """Upload a folder with one subfolder for each class, or a zip of one; return the dataset once it is ready.

        `path` may also be an address that the service reads itself, as a string: `file:///folder` on its workers' host,
        `s3://bucket/prefix`, `https://host/photos.zip` or `hf://owner/dataset`, as far as its operator allows it, or `built-in://digits`.

        The dataset's record counts the images and names the files that were skipped, and its `warnings` say what may
        have been read wrongly. Classes that folders do not name come from a table: `labels` is its path, the columns
        hold the names of the images, their classes and their splits. With `class_folder="inner"` the
        innermost folder names the class. Classes with fewer than `min_images` usable images
        are left out. `on_not_sent` receives the files that cannot be read and so are not sent, each with the reason. The import does not need this
        client: it continues when the client goes away after the upload. Raises DatasetRejectedError if it fails.
        """
        report = on_progress or _ignore
        options = ImportOptions(labels, path_column, label_column, split_column, class_folder, min_images)
        if is_source(path):
            dataset = add_from_source(self._transport, str(path), name, options)
        else:
            dataset = upload(
                self._transport, Path(path), name, report, options, on_not_sent=on_not_sent or _ignore
            )
        return follow_import(self._transport, dataset, report)

    def wait_for_dataset(
        self, ref: str, on_progress: Callable[[DatasetProgress], None] | None = None
    ) -> Json:
        """Wait until a dataset is ready and return it; raises DatasetRejectedError if it was rejected or cancelled."""
        return follow_import(self._transport, self.dataset(ref), on_progress or _ignore)

    def cancel_dataset(self, ref: str) -> Json:
        """Cancel the import of a dataset; one that a worker runs ends within seconds. May be repeated."""
        return cancel_import(self._transport, self.dataset(ref))

    def delete_dataset(self, ref: str) -> None:
        """Delete a dataset, or an import that made none; one that has not ended is cancelled before.

        The name finds its latest other version afterwards. Raises NinefoldError while a job or a version in the making
        needs the dataset; models that were trained on it stay.
        """
        delete_dataset(self._transport, self.dataset(ref))

    def create_dataset_version(
        self,
        ref: str,
        *,
        relabel: Mapping[str, str] | None = None,
        remove: Iterable[str] = (),
        keep_one: Iterable[str | Sequence[str]] = (),
        add: str | Path | None = None,
        note: str | None = None,
        options: ImportOptions | None = None,
        on_progress: Callable[[DatasetProgress], None] | None = None,
        on_not_sent: Callable[[list[str]], None] | None = None,
    ) -> Json:
        """Make the next version of a dataset and return it once it is ready.

        `relabel` gives images another class, `remove` leaves images out, `keep_one` keeps one image of each group; `add`
        is a folder or zip of images. Every image stays in its split, and the dataset itself stays as it is. Raises
        DatasetRejectedError if the version cannot be made.
        """
        report = on_progress or _ignore
        dataset = send_version(
            self._transport,
            ref,
            corrections_of(relabel or {}, remove, keep_one),
            note=note,
            add=Path(add) if add is not None else None,
            options=options or ImportOptions(),
            on_progress=report,
            on_not_sent=on_not_sent or _ignore,
        )
        return follow_import(self._transport, dataset, report)

    def dataset_versions(self, ref: str) -> Iterator[Json]:
        """Yield the versions of a dataset, the latest first."""
        return self._transport.list_pages(f"/datasets/{ref}/versions", {})

    def download_dataset(self, ref: str, path: str | Path) -> None:
        """Write a dataset to a new file: a zip with its splits and a Croissant description."""
        download(self._transport, f"/datasets/{ref}/archive", Path(path))

    def dataset_report(self, ref: str) -> Json:
        """Return what is wrong with a dataset (`findings`, what costs a model most first), and tables of what is in it."""
        return read_report(self._transport, ref)

    def download_skipped_files(self, ref: str, path: str | Path) -> None:
        """Write every file that the import of a dataset skipped, with the reason, to a new CSV file."""
        download(self._transport, f"/datasets/{ref}/report?format=csv", Path(path))

    def dataset_images(
        self,
        ref: str,
        *,
        class_: str | None = None,
        split: str | None = None,
        finding: str | None = None,
        group: str | None = None,
    ) -> Iterator[Json]:
        """Yield the images of a dataset; those of a finding in its order, others by split, class and content."""
        filters = {"class": class_, "split": split, "finding": finding, "group": group}
        given = {field: value for field, value in filters.items() if value is not None}
        return list_images(self._transport, ref, given)

    def dataset_image(self, ref: str, image_id: str, size: ImageSize = "original") -> bytes:
        """Return the file of an image as it was uploaded, or its thumbnail: a WebP file of at most 160 pixels a side."""
        return read_image(self._transport, ref, image_id, size)

    def dataset_events(self, ref: str, last_event_id: str | None = None) -> Iterator[Event]:
        """Yield the past events of a dataset's import, then new events as they happen, until the import ends."""
        return follow_events(self._transport, f"/datasets/{ref}/events", last_event_id)

    def datasets(self) -> Iterator[Json]:
        """Yield the imports that made no dataset (yet), then the datasets, each newest first, then the built-in ones."""
        return self._transport.list_pages("/datasets", {})

    def dataset(self, ref: str) -> Json:
        """Return one dataset by id or name; while its `status` is `processing`, its classes and counts are `None`."""
        return self._transport.request_object("GET", f"/datasets/{ref}")

    def workers(self) -> list[Json]:
        """Return every live worker, the lanes that it serves and what it runs."""
        return list(self._transport.request_object("GET", "/workers")["data"])


def require_success(job: Json) -> Json:
    """Return the record of a job that has ended; raises JobFailedError unless the job succeeded."""
    if job["status"] != "succeeded":
        error = job.get("error") or {"code": job["status"], "message": f"The job was {job['status']}."}
        raise JobFailedError(job["id"], error["message"], error["code"])
    return job


def _ignore(*_: object) -> None:
    return
