"""Clients that never finish the head of a request hold no connection, over real sockets."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from api.process.connection import Connection
from tests.api.problems import problem_in
from tests.api.serving import running_server
from tests.worker.processes import wait_until

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
ROOM = 40


class _Impatient(Connection):
    HEAD_TIMEOUT_S = 0.6


class _Narrow(Connection):
    MOST_CONNECTIONS = ROOM


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without reading the body."""
    await PlainTextResponse("ok")(scope, receive, send)


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body."""
    await PlainTextResponse(await Request(scope, receive).body())(scope, receive, send)


class _Waiting:
    """Answers no request, and counts those whose client has left."""

    begun = left = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, send
        self.begun += 1
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left += 1


@contextmanager
def _serving(
    connection: type[Connection], app: ASGIApp = _app
) -> Iterator[tuple[uvicorn.Server, tuple[str, int]]]:
    config = uvicorn.Config(app, http=connection, ws="none", lifespan="off", log_level="warning")
    with running_server(config) as (server, port):
        yield server, ("127.0.0.1", port)


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with _serving(_Impatient) as (_, address):
        yield address


def _rest(client: socket.socket) -> bytes:
    """What the server still sends until it closes the connection."""
    received = b""
    try:
        while data := client.recv(65_536):
            received += data
    except ConnectionResetError:
        pass  # it closed while bytes were on their way
    return received


def _drip(client: socket.socket, data: bytes = b"x", pause_s: float = 0.1) -> None:
    """Send a byte now and then until the server closes the connection."""
    give_up_at = time.monotonic() + 30
    try:
        while time.monotonic() < give_up_at:
            client.sendall(data)
            time.sleep(pause_s)
    except OSError:
        return
    pytest.fail("the connection is still open")


@pytest.mark.parametrize(
    "before",
    [b"", HEAD + b"X-Slow: ", HEAD + b"\r\n" + HEAD + b"X-Slow: "],
    ids=["nothing", "first", "second"],
)
def test_a_request_whose_head_comes_byte_by_byte_is_ended(address: tuple[str, int], before: bytes) -> None:
    with socket.create_connection(address, 30) as client:
        client.sendall(before)
        _drip(client)


def test_a_client_that_sends_nothing_is_disconnected_and_one_that_stops_in_its_head_gets_408(
    address: tuple[str, int],
) -> None:
    with socket.create_connection(address, 30) as silent, socket.create_connection(address, 30) as stopped:
        stopped.sendall(HEAD)
        assert _rest(stopped).startswith(b"HTTP/1.1 408 ")
        assert _rest(silent) == b""


@pytest.mark.parametrize("drip", [b"\r\n", b"x"], ids=["empty lines", "the rest of a body"])
def test_what_drips_after_an_answer_is_ended(address: tuple[str, int], drip: bytes) -> None:
    body = b"Content-Length: 60000\r\n" if drip == b"x" else b""
    with socket.create_connection(address, 30) as client:
        client.sendall(HEAD + body + b"\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
        _drip(client, drip)


def test_a_head_of_any_size_is_not_taken_in(address: tuple[str, int]) -> None:
    with socket.create_connection(address, 30) as client:
        client.sendall(HEAD + b"X-Long: " + b"x" * 40_000)
        assert _rest(client).startswith(b"HTTP/1.1 431 ")
    with socket.create_connection(address, 30) as client:
        client.sendall(HEAD + b"X-Long: " + b"x" * 30_000 + b"\r\n\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_keeps_its_connection_is_answered_again_and_again(address: tuple[str, int]) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{address[1]}", timeout=30) as client:
        for _ in range(8):
            assert client.post("/", content=b"x" * 100_000).text == "ok"
            time.sleep(0.1)


def test_connections_above_the_maximum_are_refused_and_those_before_are_served() -> None:
    with _serving(_Narrow) as (server, address), httpx.Client(timeout=30) as early:
        url = f"http://127.0.0.1:{address[1]}"
        connections = server.server_state.connections
        assert early.get(url).text == "ok"
        with ExitStack() as stack:
            for _ in range(ROOM - 1):
                stack.enter_context(socket.create_connection(address, 30))
            wait_until(lambda: len(connections) == ROOM)
            refused = httpx.get(url, timeout=30)
            assert problem_in(refused, 503, "too_many_connections")
            assert refused.headers["retry-after"] == "2"
            assert early.get(url).text == "ok"
        wait_until(lambda: len(connections) < ROOM)
        assert httpx.get(url, timeout=30).text == "ok"


def test_a_client_that_offers_http_2_is_answered_in_http_1_1() -> None:
    offer = HEAD.replace(b"GET", b"POST") + (
        b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
    )
    kept = offer.replace(b", close", b"")
    of_length, in_chunks = b"Content-Length: 5\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"
    with _serving(Connection, _echo) as (_, address), socket.create_connection(address, 30) as client:
        for head, body in ((of_length, b"first"), (in_chunks, b"6\r\nsecond\r\n0\r\n\r\n")):
            client.sendall(kept + head)
            time.sleep(0.05)  # Java's client sends head and body one after the other
            client.sendall(body)
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
        client.sendall((kept + of_length + b"third") * 100 + offer + of_length + b"final")
        answers = _rest(client)
        assert answers.count(b"third") == 100
        assert answers.endswith(b"final")


def test_a_request_is_given_up_with_its_client_also_when_others_follow_on_the_connection() -> None:
    app = _Waiting()
    with _serving(Connection, app) as (_, address):
        with socket.create_connection(address, 30) as client:
            client.sendall((HEAD + b"\r\n") * 3)
            wait_until(lambda: app.begun == 1)
        wait_until(lambda: app.left == 1)
        assert app.begun == 1
