"""The memory that the images of a request take."""

import tracemalloc

import pytest

from api.predict.body import ImageBody, RawBody
from api.predict.limits import UploadLimits
from api.predict.multipart_body import MultipartBody

SIZE = 10_000_000
CHUNK = 1 << 16


@pytest.mark.parametrize("is_form", [False, True], ids=["raw", "form"])
def test_an_image_is_held_once(is_form: bool) -> None:
    limits = UploadLimits()
    body: ImageBody = MultipartBody(b"b", limits) if is_form else RawBody(limits)
    head = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n' if is_form else b""
    tracemalloc.start()
    try:
        for chunk in (head, *([bytes(CHUNK)] * (SIZE // CHUNK)), b"\r\n--b--\r\n" if is_form else b""):
            body.feed(chunk)
        images = body.images()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(images[0].data or b"") == SIZE // CHUNK * CHUNK
    assert held < 1.3 * SIZE  # a bytearray that grew is up to an eighth larger than its contents
