"""Reads what is in a dataset: its report, its images and its skipped files."""

from collections.abc import Iterator
from typing import Literal
from urllib.parse import quote

from ninefold.client.transport import Json, Transport

ImageSize = Literal["thumbnail", "original"]


def read_report(transport: Transport, ref: str) -> Json:
    """Return the report of a dataset."""
    return transport.request_object("GET", f"/datasets/{ref}/report")


def list_images(transport: Transport, ref: str, filters: dict[str, str]) -> Iterator[Json]:
    """Yield the images of a dataset, page by page; all of one version, even if another one becomes the latest meanwhile."""
    dataset = transport.request_object("GET", f"/datasets/{ref}")
    yield from transport.list_pages(f"/datasets/{dataset['id']}/images", filters)


def read_image(transport: Transport, ref: str, image_id: str, size: ImageSize) -> bytes:
    """Return the file of an image."""
    path = f"/datasets/{ref}/images/{quote(image_id, safe='')}"
    return transport.request("GET", path, params={"size": size}).content
