"""Hostile and malformed uploads over real HTTP: each gets a problem response, and the predictor keeps running."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.pictures import encoded, form_of, picture, png, png_header
from tests.api.problems import problem_in
from tests.api.serving import Service, running_service
from tests.worker.processes import wait_until


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service() as service:
        service.publish("shapes")
        yield service


@pytest.fixture(autouse=True)
def same_predictor(service: Service) -> Iterator[None]:
    """After each test, the same predictor process still runs and classifies an image."""
    pid = service.predictor.pid
    yield
    assert service.client.post("/predict", content=png()).status_code == 200
    assert service.predictor.pid == pid


def _post(service: Service, data: bytes, content_type: str = "image/png") -> httpx.Response:
    return service.client.post("/predict", content=data, headers={"Content-Type": content_type})


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)

BODIES: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 422, "empty_upload"),
    "text": (b"I am a picture of a cat, honestly.", 415, "not_an_image"),
    "zeros": (bytes(1000), 415, "not_an_image"),
    "truncated JPEG": (encoded(picture(), "JPEG")[:400], 415, "not_an_image"),
    "JPEG of two bytes": (b"\xff\xd8", 415, "not_an_image"),
    "truncated PNG": (png()[:200], 415, "not_an_image"),
    "HEIC": (HEIC, 415, "unsupported_format"),
    "TIFF": (encoded(picture(), "TIFF"), 415, "unsupported_format"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_format"),
    "PNG of 50,000 by 50,000": (png_header(50_000, 50_000), 413, "image_too_large"),
    "PNG of 10,000 by 10,000": (png_header(10_000, 10_000), 413, "image_too_large"),
    "a strip of a million by one": (png_header(1_000_000, 1), 413, "image_too_large"),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_is_not_an_image_is_refused(service: Service, kind: str) -> None:
    data, status, code = BODIES[kind]
    problem_in(_post(service, data), status, code)


@pytest.mark.parametrize("kind", BODIES)
def test_a_form_part_that_is_not_an_image_fails_alone(service: Service, kind: str) -> None:
    data, _, code = BODIES[kind]
    response = service.client.post("/predict", files=form_of(png(), data))
    assert response.status_code == 200
    assert response.json()["predictions"][1]["error"]["code"] == code


def test_a_form_without_a_valid_image_lists_the_error_of_each_image(service: Service) -> None:
    response = service.client.post("/predict", files=form_of(BODIES["text"][0], b"", BODIES["zeros"][0]))
    errors = problem_in(response, 422, "no_valid_image")["errors"]
    assert [error["param"] for error in errors] == ["image 0", "image 1", "image 2"]
    assert [error["message"].partition(":")[0] for error in errors] == [
        "not_an_image",
        "empty_upload",
        "not_an_image",
    ]


def test_the_error_for_heic_says_what_to_do(service: Service) -> None:
    assert "convert it to JPEG" in problem_in(_post(service, HEIC), 415, "unsupported_format")["detail"]


def test_the_error_for_a_web_page_says_what_happened(service: Service) -> None:
    page = b"<!DOCTYPE html><html><body>403 Forbidden</body></html>"
    assert (
        "a web page: the download failed" in problem_in(_post(service, page), 415, "not_an_image")["detail"]
    )


@pytest.mark.parametrize("content_type", ["text/plain", "application/pdf", "multipart/mixed; boundary=x"])
def test_a_content_type_that_is_not_an_image_is_refused(service: Service, content_type: str) -> None:
    detail = problem_in(_post(service, png(), content_type), 415, "unsupported_media_type")["detail"]
    assert "curl" in detail


def test_a_compressed_body_is_told_from_a_bad_image(service: Service) -> None:
    response = service.client.post("/predict", content=png(), headers={"Content-Encoding": "gzip"})
    assert "without Content-Encoding" in problem_in(response, 415, "unsupported_media_type")["detail"]


def test_a_request_with_too_many_images_is_refused(service: Service) -> None:
    problem = problem_in(
        service.client.post("/predict", files=form_of(*[png()] * 200)), 413, "too_many_images"
    )
    assert "64" in problem["detail"]


def test_a_request_with_the_largest_number_of_images_is_answered(service: Service) -> None:
    response = service.client.post("/predict", files=form_of(*[png()] * 64))
    assert {item["status"] for item in response.json()["predictions"]} == {"ok"}


def test_a_file_above_the_size_limit_fails_alone(service: Service) -> None:
    large = bytes(21_000_000)
    problem_in(_post(service, large), 413, "file_too_large")
    response = service.client.post("/predict", files=form_of(large, png()))
    assert response.status_code == 200, response.text
    assert [item["status"] for item in response.json()["predictions"]] == ["error", "ok"]
    assert "20000000 bytes" in response.json()["predictions"][0]["error"]["message"]


FORM = "multipart/form-data; boundary=xyz"


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("multipart/form-data", b"--xyz--\r\n", "malformed_upload"),
        (f"multipart/form-data; boundary={'x' * 5000}", b"", "malformed_upload"),
        (FORM, b"", "malformed_upload"),
        (FORM, b"not a form at all", "malformed_upload"),
        (FORM, b"--xyz--\r\n", "empty_upload"),
        (FORM, b'--xyz\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf', "malformed_upload"),
        (FORM, b"--xyz\r\n\r\nno headers\r\n--xyz--\r\n", "malformed_upload"),
        (FORM, b'--xyz\r\nContent-Disposition: form-data; name="top_k"\r\n\r\n3\r\n--xyz--\r\n', "malformed_upload"),
        (FORM, b"--xyz\r\n" + b"X-Filler: y\r\n" * 100 + b"\r\n\r\n--xyz--\r\n", "malformed_upload"),
        (FORM, b"--xyz\r\nX-Long: " + b"y" * 100_000 + b"\r\n\r\n\r\n--xyz--\r\n", "malformed_upload"),
        (FORM, b'--xyz\r\nContent-Disposition: form-data; name="file"\r\n\r\n\r\n--xyz--\r\n', "empty_upload"),
    ],
)  # fmt: skip
def test_a_malformed_form_is_refused(service: Service, content_type: str, body: bytes, code: str) -> None:
    problem_in(_post(service, body, content_type), 422, code)


def test_a_filename_that_is_not_utf8_is_returned_as_text(service: Service) -> None:
    head = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="'
    body = head + b"\xff\xfe\x01<b>" + b"n" * 1000 + b'"\r\n\r\n' + png() + b"\r\n--xyz--\r\n"
    filename = _post(service, body, FORM).json()["predictions"][0]["filename"]
    assert len(filename) == 255


def _api_memory_bytes() -> int:
    """Resident memory of this process, which serves the API."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024


def _send_endlessly(url: str, content_type: str, first: bytes = b"") -> tuple[float, dict[str, Any], int]:
    """Send a chunked body without end; return the seconds until the answer, the problem and the number of sent bytes."""
    address = urlsplit(url)
    started = time.monotonic()
    with socket.create_connection((address.hostname, address.port or 80)) as connection:
        connection.settimeout(30)
        head = f"POST /predict HTTP/1.1\r\nHost: {address.netloc}\r\nTransfer-Encoding: chunked\r\n"
        connection.sendall(f"{head}Content-Type: {content_type}\r\n\r\n".encode())
        if first:
            connection.sendall(b"%x\r\n%b\r\n" % (len(first), first))
        sent = 0
        chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        connection.setblocking(False)
        answer = b""
        unsent = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
            try:
                unsent = unsent or chunk
                count = connection.send(unsent)
                unsent = unsent[count:]
                sent += count
            except BlockingIOError:
                time.sleep(0.001)
            try:
                received = connection.recv(65536)
                assert received, "closed without an answer"
                answer += received
            except BlockingIOError:
                pass
            assert time.monotonic() - started < 60
    assert answer.startswith(b"HTTP/1.1 413"), answer[:100]
    problem: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return time.monotonic() - started, problem, sent


def test_an_endless_body_is_refused_and_memory_stays_flat(service: Service) -> None:
    before = _api_memory_bytes()
    for _ in range(3):
        duration_s, problem, sent = _send_endlessly(str(service.client.base_url), "image/png")
        assert problem["code"] == "file_too_large"
        assert duration_s < 30
        assert sent < 60_000_000
    assert _api_memory_bytes() - before < 100_000_000


def test_an_endless_form_part_is_refused_and_memory_stays_flat(service: Service) -> None:
    before = _api_memory_bytes()
    first = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    _, problem, sent = _send_endlessly(str(service.client.base_url), FORM, first)
    assert problem["code"] == "request_too_large"
    assert sent < 150_000_000
    assert _api_memory_bytes() - before < 100_000_000


def test_a_content_length_above_the_limit_is_refused_before_the_body_is_sent(service: Service) -> None:
    address = urlsplit(str(service.client.base_url))
    with socket.create_connection((address.hostname, address.port or 80)) as connection:
        connection.settimeout(60)
        head = f"POST /predict HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: image/png\r\n"
        connection.sendall(f"{head}Content-Length: 99000000000\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_client_may_close_the_connection_in_the_middle_of_its_body(service: Service) -> None:
    address = urlsplit(str(service.client.base_url))
    for _ in range(5):
        with socket.create_connection((address.hostname, address.port or 80)) as connection:
            head = f"POST /predict HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: image/png\r\n"
            connection.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode() + os.urandom(1000))


def _of_predictor(service: Service, name: str) -> float:
    """Read a number of the predictor."""
    lines = (line.split() for line in service.client.get("/metrics").text.splitlines())
    return next(float(words[1]) for words in lines if words[0] == f"ninefold_predictor_{name}")


def test_images_of_clients_that_closed_their_connection_are_left_out(service: Service) -> None:
    photo = encoded(picture(size=(2500, 2000)))
    address = urlsplit(str(service.client.base_url))
    before = _of_predictor(service, "batched_images_total")
    head = f"POST /predict HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: {FORM}\r\n"
    part = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + photo + b"\r\n"
    body = part * 6 + b"--xyz--\r\n"
    for _ in range(10):
        with socket.create_connection((address.hostname, address.port or 80)) as connection:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert service.client.post("/predict", content=png()).status_code == 200
    wait_until(lambda: _of_predictor(service, "waiting_images") == 0)
    assert _of_predictor(service, "batched_images_total") - before < 40  # 60 photos were sent
