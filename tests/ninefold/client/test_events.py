import time

import httpx
import pytest

from ninefold import Client
from ninefold.client.events import Event, read_events
from ninefold.errors import NinefoldError
from tests.ninefold.client.http_server import Reply, Request, scripted_server


def events_in(body: str) -> list[Event]:
    headers = {"Content-Type": "text/event-stream; charset=utf-8"}
    return list(read_events(httpx.Response(200, headers=headers, content=body.encode())))


def test_events_are_read_with_and_without_ids() -> None:
    lines = [
        "event: snapshot",
        'data: {"status": "running"}',
        "",
        ": heartbeat",
        "",
        "id: 7-0",
        "event: epoch",
        'data: {"epoch":',
        "data: 1}",
        "",
        "",
    ]
    assert events_in("\n".join(lines)) == [
        Event("snapshot", {"status": "running"}),
        Event("epoch", {"epoch": 1}, id="7-0"),
    ]


def test_neither_a_heartbeat_nor_an_event_without_an_id_repeats_the_id_before_it() -> None:
    body = 'id: 7-0\nevent: epoch\ndata: {"epoch": 1}\n\n: still here\n\nevent: end\ndata: {"status": "failed"}\n\n'
    assert events_in(body) == [
        Event("epoch", {"epoch": 1}, id="7-0"),
        Event("end", {"status": "failed"}),
    ]


def test_an_event_cut_off_by_a_lost_connection_is_dropped() -> None:
    assert events_in('event: epoch\ndata: {"epoch": 1}') == []
    assert events_in('event: epoch\ndata: {"epoch": 1}\n') == []


def test_only_newlines_end_a_line() -> None:
    assert events_in('event: log\ndata: {"line": "a\u2028b\u0085c"}\n\n') == [
        Event("log", {"line": "a\u2028b\u0085c"})
    ]


def test_data_that_is_no_json_object_is_an_error_that_shows_it() -> None:
    for data in ("<html>", "[1]"):
        with pytest.raises(NinefoldError, match="not a JSON object") as caught:
            events_in(f"event: log\ndata: {data}\n\n")
        assert caught.value.code == "unexpected_answer"


def test_a_stream_that_was_open_is_opened_again_however_long_it_was_quiet() -> None:
    """The stream tells nothing but heartbeats for longer than the client's patience, and then is cut."""
    quiet = b'id: 1-0\nevent: state\ndata: {"status": "running"}\n\n'
    end = b'id: 2-0\nevent: end\ndata: {"status": "succeeded"}\n\n'
    headers = {"Content-Type": "text/event-stream"}

    def answer(request: Request) -> Reply:
        if len(server.requests) == 2:  # longer than the patience, after which the server is gone for a moment
            time.sleep(3.2)
            return Reply(200, b": still here\n\n", headers | {"Content-Length": "100"})
        if len(server.requests) == 3:
            return Reply(503, {"code": "redis_unavailable", "detail": "Redis is away."})
        return Reply(200, quiet if len(server.requests) == 1 else end, headers)

    with scripted_server(answer) as server, Client(server.url, patience_s=3) as client:
        assert [event.kind for event in client.events("job_1")] == ["state", "end"]
        assert len(server.requests) == 4
