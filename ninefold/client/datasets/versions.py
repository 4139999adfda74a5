"""Makes the next version of a dataset."""

import json
import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from ninefold.client.datasets.folder_zip import find_table, open_file, zip_folder
from ninefold.client.datasets.import_options import ImportOptions
from ninefold.client.datasets.imports import UPLOAD_TIMEOUT, FileChunks, send_whole
from ninefold.client.datasets.part_upload import PART_BYTES, PartsUnknownError, PartUpload
from ninefold.client.datasets.upload_progress import DatasetProgress, OnProgress, ReportedBody
from ninefold.client.transport import Json, Transport
from ninefold.errors import NinefoldError

CORRECTIONS_FILE = "ninefold-corrections.json"


def corrections_of(
    relabel: Mapping[str, str], remove: Iterable[str], keep_one: Iterable[str | Sequence[str]]
) -> Json:
    """Return corrections as the service reads them; empty when there are none."""
    corrections: Json = {
        "relabel": [{"image": image, "class": label} for image, label in relabel.items()],
        "remove": list(remove),
        "keep_one": [group if isinstance(group, str) else list(group) for group in keep_one],
    }
    return {name: items for name, items in corrections.items() if items}


def send_version(
    transport: Transport,
    ref: str,
    corrections: Json,
    *,
    note: str | None,
    add: Path | None,
    options: ImportOptions,
    on_progress: OnProgress,
    on_not_sent: Callable[[list[str]], None],
) -> Json:
    """Send corrections and images to add; return the dataset that is being made."""
    path = f"/datasets/{ref}/versions"
    params: dict[str, str | int] = {**options.params(), **({"note": note} if note else {})}
    if add is None:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return transport.request_object("POST", path, params=params, json=corrections, headers=headers)
    texts = {CORRECTIONS_FILE: json.dumps(corrections)} if corrections else {}
    source: Iterable[bytes]
    with ExitStack() as stack:
        if add.is_dir():
            on_progress(DatasetProgress("packing"))
            table = None
            if options.labels is not None:
                params["labels"], table = find_table(add, options.labels)
            folder = zip_folder(add, table, texts)
            on_not_sent(folder.not_sent)
            size, source, length = folder.size, folder, None
        elif texts:
            raise NinefoldError(
                "A zip cannot be added together with corrections: unpack it into a folder, or make two versions.",
                code="zip_with_corrections",
            )
        else:
            file = stack.enter_context(open_file(add))
            size = length = file.seek(0, os.SEEK_END)
            source = FileChunks(file)
        if size > PART_BYTES:
            parts = PartUpload(transport, {"parent": ref, **params}, UPLOAD_TIMEOUT, on_progress)
            with suppress(PartsUnknownError):
                return parts.send(source, size)
        return send_whole(transport, path, params, ReportedBody(source, size, on_progress), length)
