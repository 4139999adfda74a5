import inspect
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import get_type_hints

import pytest
from typer.testing import CliRunner

from model.spec import JobSpec, RecipeName
from ninefold.cli.app import app
from ninefold.cli.jobs import submit

EXAMPLES = [
    "up",
    "demo",
    "submit",
    "watch",
    "stop",
    "pause",
    "resume",
    "cancel",
    "compare",
    "predict",
    "datasets add",
    "datasets list",
    "datasets cancel",
    "jobs list",
    "jobs get",
    "jobs logs",
    "models list",
    "models get",
    "models promote",
    "models compare",
    "models shadow",
    "models review",
    "models rollback",
    "models history",
    "models download",
    "models delete",
    "workers list",
    "datasets delete",
    "datasets correct",
    "datasets download",
    "datasets report",
    "datasets images",
    "backup",
    "restore",
    "gc",
    "reindex",
]
SUBMIT_OPTIONS_THAT_ARE_NO_FIELD = {"option", "watch", "url", "api_key", "rerun_of", "extend"}


@pytest.mark.parametrize("command", EXAMPLES)
def test_the_help_shows_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert f"ninefold {command}" in result.output


@pytest.mark.parametrize("command", ["api", "worker", "predictor"])
def test_the_help_of_a_service_process_shows_an_example(command: str) -> None:
    help_text = subprocess.check_output([sys.executable, "-m", "ninefold", command, "--help"], text=True)
    assert re.search(rf"Examples?: ninefold {command} --", help_text)


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"ninefold {version('ninefold')}\n")


@pytest.mark.parametrize("command", ["backup out.tar", "gc", "reindex"])
def test_without_a_service_upkeep_says_how_to_name_one(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("REDIS_URL", "NINEFOLD_REDIS_URL", "NINEFOLD_STORAGE"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(app, command.split())
    assert result.exit_code == 1
    assert f"There is no service in {tmp_path / 'data'}" in result.output
    assert "--data-dir" in result.output


@pytest.mark.parametrize("command", ["api", "worker"])
def test_a_service_process_that_cannot_start_leaves_no_files(command: str, tmp_path: Path) -> None:
    environment = {**os.environ, "REDIS_URL": "redis://127.0.0.1:1/0", "PYTHONPATH": str(Path.cwd())}
    ended = subprocess.run(
        [sys.executable, "-m", "ninefold", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=tmp_path,
        env=environment,
    )
    assert ended.returncode == 1
    assert "Redis cannot be reached" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_each_option_of_submit_is_a_field_of_the_job_spec() -> None:
    options = set(inspect.signature(submit).parameters) - SUBMIT_OPTIONS_THAT_ARE_NO_FIELD
    assert options - JobSpec.model_fields.keys() == {"tag", "random_weights"}  # `tags`; `init_from: null`


def test_the_recipes_in_the_help_are_the_recipes_of_the_spec() -> None:
    help_text = get_type_hints(submit, include_extras=True)["recipe"].__metadata__[0].help
    assert all(recipe in help_text for recipe in RecipeName)


def test_an_unreachable_service_is_one_line_on_stderr() -> None:
    result = CliRunner().invoke(app, ["submit", "digits", "--url", "http://127.0.0.1:1"])
    assert result.exit_code == 3
    assert result.stderr.strip() == (
        "ninefold: No Ninefold service answers at http://127.0.0.1:1. Start one with: ninefold up"
    )


def test_the_error_for_a_malformed_field_names_the_expected_form() -> None:
    result = CliRunner().invoke(app, ["submit", "digits", "--set", "batch_size"])
    assert result.exit_code == 2
    assert "FIELD=VALUE" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        "submit digits --init-from pets:2 --random-weights",
        "submit digits --random-weights --set init_from=pets:2",
        "submit digits --epochs 3 --set epochs=4",
        "submit digits --set epochs=3 --set epochs=4",
        "models starter build --minutes 5 --set time_budget_s=60",
        "models starter build --set name=other",
        "models evaluation pets --split all",
        "models review pets --save folder",
        "models review pets --note why",
        "models review pets --label rev_1=cat --discard rev_1",
        "predictions create pets --zip photos.zip --split all",
    ],
)
def test_options_that_contradict_each_other_are_refused_before_anything_is_sent(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--url", "http://127.0.0.1:1"])
    assert result.exit_code in (1, 2), result.output  # 3: the service does not answer


def test_the_command_line_imports_no_slow_module() -> None:
    code = "import ninefold.cli.app, sys; print([m for m in ('torch', 'httpx', 'redis', 'celery', 'filelock') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize(("cause", "status"), [(KeyboardInterrupt(), 130), (ValueError(), 1)])
def test_ctrl_c_during_an_import_exits_as_ctrl_c(
    cause: BaseException, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise RuntimeError("Error calling __set_name__") from cause

    monkeypatch.setattr("ninefold.cli.demo._own_service", interrupted)
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == status
    assert isinstance(result.exception, SystemExit) == (status == 130)
