"""The Accept header chooses between two media types by quality, then by how precisely it names them."""

import pytest

from api.http.accept import prefers


@pytest.mark.parametrize(
    ("accept", "wants_csv"),
    [
        ("", False),
        ("*/*", False),
        ("text/csv", True),
        ("TEXT/CSV", True),
        ("text/*", True),
        ("text/csv, */*", True),
        ("text/csv, application/json", False),
        ("text/csv;q=0.5, application/json", False),
        ("application/json;q=0.5, text/csv", True),
        ("application/json;q=0.9, text/csv;header=present;q=0.8", False),
        ("text/csv;q=0", False),
        ("text/csv;q=0, */*", False),
        ("text/html, application/xhtml+xml", False),
        ("application/vnd.text/csv-like", False),
        ("text/csv;q=x", True),
        (";;,,=", False),
    ],
)
def test_csv_is_sent_to_those_who_prefer_it(accept: str, wants_csv: bool) -> None:
    assert prefers(accept, "text/csv", "application/json") is wants_csv
