from ninefold.client.events import Event, read_events


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
    ]
    assert list(read_events(lines)) == [
        Event("snapshot", {"status": "running"}),
        Event("epoch", {"epoch": 1}, id="7-0"),
    ]


def test_an_event_cut_off_by_a_lost_connection_is_not_half_read() -> None:
    assert list(read_events(["event: epoch", 'data: {"epoch": 1}'])) == []
