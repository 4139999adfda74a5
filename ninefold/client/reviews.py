"""What the client does with the uncertain answers of a model that wait for a person's review."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx

from ninefold.client.transport import Json, Transport

ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
}
"""Programs that show images need an ending."""


class ReviewCalls:
    """The calls of a client that are about reviews."""

    _transport: Transport

    def review(self, name: str) -> Json:
        """Return the settings of a name's review, None while nothing is kept, and how many images wait or have a label."""
        return self._transport.request_object("GET", f"/models/{name}/review")

    def set_review(self, name: str, **settings: float) -> Json:
        """Keep uncertain answers of the model in production: `below`, `fraction`, `max_images`, `max_days`."""
        return self._transport.request_object("PUT", f"/models/{name}/review", json=settings)

    def end_review(self, name: str) -> None:
        """Keep no more answers, and delete the images and labels that are kept. Dataset versions stay."""
        self._transport.request("DELETE", f"/models/{name}/review", is_repeatable=False)

    def review_images(self, name: str, state: str = "waiting") -> Iterator[Json]:
        """Yield the images that are `waiting` for a label, `labelled`, or `taken` by the version in the making, newest first."""
        return self._transport.list_pages(f"/models/{name}/review/images", {"state": state})

    def review_image(self, name: str, image_id: str) -> bytes:
        """Return an image file, without its metadata."""
        return self._read_image(name, image_id).content

    def save_review_image(self, name: str, image_id: str, folder: str | Path) -> Path:
        """Write an image file into a folder, with the ending of its format, and return its path."""
        answer = self._read_image(name, image_id)
        path = Path(folder) / (image_id + ENDINGS.get(answer.headers["Content-Type"], ""))
        path.write_bytes(answer.content)
        return path

    def _read_image(self, name: str, image_id: str) -> httpx.Response:
        return self._transport.request("GET", f"/models/{name}/review/images/{image_id}/image")

    def label_review_image(self, name: str, image_id: str, label: str | None) -> Json | None:
        """Say which class an image has, and return the image; None throws the image away."""
        path = f"/models/{name}/review/images/{image_id}"
        answer = self._transport.request("POST", path, json={"label": label}, is_repeatable=label is not None)
        labelled: Json | None = answer.json() if answer.content else None
        return labelled

    def make_review_dataset(self, name: str, *, note: str | None = None, train: bool = False) -> Json:
        """Make the next version of the model's dataset with the labelled images; `train` also trains on it.

        The new model goes into production only if it is better. A lost answer is asked for again: it is one version.
        """
        body = {"train": train} | ({"note": note} if note else {})
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._transport.request_object(
            "POST", f"/models/{name}/review/dataset", json=body, headers=headers
        )
