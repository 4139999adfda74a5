"""What the command line says: the first command after a start, and errors of the service in the words of commands."""

from pathlib import Path

import pytest

from api.datasets.zip_body import HINT
from api.jobs.errors import UnknownDatasetError
from api.predict.errors import ModelRequiredError, NoModelError
from api.records.errors import ANSWERS
from ninefold.cli.hints import as_commands
from ninefold.cli.up import _welcome


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        (str(NoModelError()), "ninefold submit digits"),
        (f"These bytes are not a zip. {HINT}", "Give a folder, or a zip of one."),
        (str(ModelRequiredError(["cats", "dogs"])), "name one with --model, of cats, dogs"),
        (str(UnknownDatasetError(["digits"])), "ninefold datasets add FOLDER"),
        *((answer.detail, "ninefold") for answer in ANSWERS.values() if "lists all" in (answer.detail or "")),
    ],
)
def test_errors_of_the_service_name_commands(detail: str, said: str) -> None:
    text = as_commands(detail)
    assert said in text
    assert not any(call in text for call in ("GET /", "POST /", "?", "curl"))


def test_the_first_command_has_the_address_and_the_key_that_it_needs() -> None:
    plain = _welcome("http://127.0.0.1:8000", Path("data"), {})
    assert "--url" not in plain
    assert "Authorization" not in plain
    other = _welcome("http://127.0.0.1:9000", Path("data"), {"NINEFOLD_API_KEYS": "alice:secret-of-alice"})
    assert "ninefold submit digits --watch --url http://127.0.0.1:9000" in other
    assert '-H "Authorization: Bearer $NINEFOLD_API_KEY" http://127.0.0.1:9000/jobs' in other
    assert "secret-of-alice" not in other
