"""Sends a large zip in parts, by the tus protocol: a lost connection or a restart of the service repeats one part."""

import base64
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress

import httpx

from ninefold.client.datasets.upload_progress import OnProgress, ReportedBody
from ninefold.client.transport import Json, Transport
from ninefold.errors import NinefoldError, UnreachableError

PART_BYTES = 16 << 20
MAX_INTERRUPTIONS = 5
"""What was interrupted this often is given up: a proxy between client and service may limit its size or time."""
_CHUNK_BYTES = 1 << 16
_TUS = {"Tus-Resumable": "1.0.0"}


class PartsUnknownError(NinefoldError):
    """Raised when the service takes no uploads in parts: it is an earlier release."""

    def __init__(self) -> None:
        super().__init__("This service takes no uploads in parts: update it.", code="parts_unknown")


class PartUpload:
    """One upload. The parts are cut from the source as it is read, so that memory holds two at most."""

    def __init__(
        self,
        transport: Transport,
        metadata: dict[str, str | int],
        timeout: httpx.Timeout,
        on_progress: OnProgress,
    ) -> None:
        """`metadata` holds the `name` of a new dataset, or the `parent` that gets the images, and the options of the import."""
        self._transport = transport
        self._metadata = metadata
        self._timeout = timeout
        self._on_progress = on_progress
        self._path = ""

    def send(self, source: Iterable[bytes], size: int) -> Json:
        """Send the bytes of the source, about `size`, and return the dataset, whose import may not have ended.

        Raises:
            PartsUnknownError: the service takes no parts.
            UnreachableError: the service stays away.
            NinefoldError: the service refuses the upload, of which nothing is kept then.
        """
        self._begin()
        try:
            dataset_path, offset = "", 0
            for data, is_last in _parts(source):
                end = offset + len(data)
                dataset_path = self._send_part(data, offset, size, length=end if is_last else None)
                offset = end
        except BaseException:
            with suppress(NinefoldError):
                self._transport.request("DELETE", self._path, headers=_TUS, is_repeatable=False)
            raise
        return self._transport.request_object("GET", f"/datasets/{dataset_path.rpartition('/')[2]}")

    def _begin(self) -> None:
        encoded = {
            key: base64.b64encode(str(value).encode()).decode() for key, value in self._metadata.items()
        }
        headers = {
            **_TUS,
            "Upload-Defer-Length": "1",
            "Upload-Metadata": ",".join(f"{key} {value}" for key, value in encoded.items()),
            "Idempotency-Key": str(uuid.uuid4()),
        }
        try:
            upload = self._transport.request_object("POST", "/uploads", headers=headers)
        except NinefoldError as error:
            if error.status in (404, 405) and error.code != "dataset_not_found":
                raise PartsUnknownError from error
            if any(
                entry["param"] == "parent" for entry in error.errors
            ):  # it only takes new datasets in parts
                raise PartsUnknownError from error
            raise
        self._path = f"/uploads/{upload['id']}"

    def _send_part(self, data: bytes, start: int, size: int, *, length: int | None) -> str:
        """Send a part, again from where an interruption left it; return the path of the dataset after the last one."""
        offset, interruptions = start, 0
        while True:
            try:
                answer = self._patch(data[offset - start :], offset, size, length)
            except NinefoldError as error:
                before, offset = offset, self._offset_after(error)
                interruptions = interruptions + 1 if offset == before else 0
                if interruptions == MAX_INTERRUPTIONS or not start <= offset <= start + len(data):
                    raise
                if offset < start + len(data) or length is not None:
                    continue
                return ""
            return str(answer.headers.get("Location", ""))

    def _patch(self, data: bytes, offset: int, size: int, length: int | None) -> httpx.Response:
        headers = {
            **_TUS,
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(len(data)),
            "Upload-Offset": str(offset),
            # The service knows a part by its offset. The key tells the transport that a refused part may be sent again.
            "Idempotency-Key": str(uuid.uuid4()),
            **({} if length is None else {"Upload-Length": str(length)}),
        }
        body = ReportedBody(_Chunks(data), size, self._on_progress, sent_before=offset)
        return self._transport.request(
            "PATCH", self._path, content=body, headers=headers, timeout=self._timeout, is_repeatable=False
        )

    def _offset_after(self, error: NinefoldError) -> int:
        """Return how much has arrived after an interruption; raise any other error again."""
        if isinstance(error, UnreachableError):
            if not self._transport.wait_until_back():
                raise error
        elif error.code not in ("wrong_offset", "upload_timeout"):
            raise error
        return int(self._transport.request("HEAD", self._path, headers=_TUS).headers["Upload-Offset"])


class _Chunks:
    """The bytes of a part in small pieces, each time they are iterated."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), _CHUNK_BYTES):
            yield self._data[start : start + _CHUNK_BYTES]


def _parts(source: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield the source in parts, and whether each is the last one."""
    buffer = bytearray()
    for chunk in source:
        if len(buffer) >= PART_BYTES:  # more follows, so this part is not the last one
            yield bytes(buffer[:PART_BYTES]), False
            del buffer[:PART_BYTES]
        buffer += chunk
    yield bytes(buffer), True
