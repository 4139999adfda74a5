"""What the command line says: the first command after a start, and errors of the service in the words of commands."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from api.datasets.contents.errors import ImageNotFoundError
from api.datasets.upload_places import HINT
from api.jobs.errors import UnknownDatasetError, UnknownInitModelError
from api.models.errors import NoShadowError
from api.models.imports.imports import HINT as BUNDLE_HINT
from api.records.errors import ANSWERS, DatasetNotReadyError
from ninefold.cli.app import app
from ninefold.cli.hints import as_commands
from ninefold.cli.up import _welcome
from worker.registry.errors import ModelRequiredError, NoModelError


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        (str(NoModelError()), "ninefold submit digits"),
        (f"These bytes are not a zip. {HINT}", "Give a folder, or a zip of one."),
        (str(ModelRequiredError("cats", "dogs")), "name one with --model, of cats, dogs"),
        (str(DatasetNotReadyError("pets", "imp_1")), "ninefold datasets list, then try again"),
        (str(NoShadowError()), "ninefold models promote NAME:VERSION --alias shadow"),
        (f"The body is empty. {BUNDLE_HINT}", "ninefold models export"),
        (str(ImageNotFoundError()), "ninefold datasets images NAME lists its images"),
        (str(UnknownDatasetError(["digits"])), "ninefold datasets add FOLDER"),
        (str(UnknownInitModelError("starter")), "--random-weights starts from random weights"),
        *(
            (answer.detail, "ninefold")
            for answer in ANSWERS.values()
            if re.search("lists all|PUT", answer.detail or "")
        ),
    ],
)
def test_errors_of_the_service_name_commands(detail: str, said: str) -> None:
    text = as_commands(detail)
    assert said in text
    assert not any(call in text for call in ("GET /", "POST /", "PUT /", "?", "curl"))


def test_the_first_command_has_the_address_and_the_key_that_it_needs() -> None:
    plain = _welcome("http://127.0.0.1:8000", Path("data"), {})
    assert "--url" not in plain
    assert "Authorization" not in plain
    other = _welcome("http://127.0.0.1:9000", Path("data"), {"NINEFOLD_API_KEYS": "alice:secret-of-alice"})
    assert "ninefold submit digits --watch --url http://127.0.0.1:9000" in other
    assert '-H "Authorization: Bearer $NINEFOLD_API_KEY" http://127.0.0.1:9000/jobs' in other
    assert "secret-of-alice" not in other


SERVICES = ("api", "worker", "predictor")
"""Their options are read by their own processes."""


def commands_in_texts() -> Iterator[str]:
    """Yield the commands of `ninefold` in the strings of the sources, each as far as it is fixed."""
    for package in ("model", "worker", "api", "ninefold"):
        for path in Path(package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                parts = node.values if isinstance(node, ast.JoinedStr) else [node]
                text = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
                yield from re.findall(
                    r"(?:`|: |    )ninefold ((?:datasets |jobs |models )?[a-z]+ [^`\n]*)", text
                )


def test_the_commands_that_texts_advise_exist_with_their_options() -> None:
    commands = {command for command in commands_in_texts() if not command.startswith(SERVICES)}
    assert "datasets correct NAME --keep-one GROUP" in commands
    for command in commands:
        found: Any = typer.main.get_command(app)
        for word in command.split():
            if not hasattr(found, "commands"):
                break
            assert word in found.commands, command
            found = found.commands[word]
        options = {option for parameter in found.params for option in parameter.opts}
        assert set(re.findall(r" (--[a-z-]+)", command)) <= options, command
