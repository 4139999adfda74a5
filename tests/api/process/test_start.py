"""`python -m api` starts, or prints one line that says why not; it stops promptly with event streams open."""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest
import redis
from pydantic import SecretStr

from api.__main__ import main
from api.process.start_checks import check
from api.settings import ApiSettings
from model.storage.opening import open_storage
from tests.api.problems import problem_in
from tests.api.published import publish_model
from tests.api.serving import running_api
from tests.conftest import running_valkey
from tests.ports import free_port
from tests.worker.processes import children_of, wait_until
from worker.redis_server import keys as redis_keys
from worker.registry.model_registry import ModelRegistry


def _environment(redis_url: str, folder: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "REDIS_URL": redis_url,
        "NINEFOLD_STORAGE": (folder / "storage").as_uri(),
        "NINEFOLD_CACHE_DIR": str(folder / "cache"),
        "NINEFOLD_PREDICTOR": "unix:/tmp/nf-none.sock",
        **more,
    }


def _refusal(environment: dict[str, str], *arguments: str) -> str:
    """Start an API that must refuse to start; returns its one line of error."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("NINEFOLD_", "REDIS_"))]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr("sys.argv", ["api", *arguments])
        with pytest.raises(SystemExit) as refused:
            main()
    line = refused.value.code
    assert isinstance(line, str)
    assert "\n" not in line
    return line


@contextmanager
def _running(
    environment: dict[str, str],
    *arguments: str,
    before: tuple[str, ...] = (),
    stderr: IO[bytes] | None = None,
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "api", "--port", str(port), *arguments],
        env=environment,
        stderr=stderr,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/healthz")
                break
            except httpx.TransportError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield process, url
    finally:
        process.kill()
        process.wait()


def test_unreachable_redis_is_refused_with_one_line_and_a_status(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api"],
        env=_environment("redis://127.0.0.1:1/0", tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "cannot be reached" in line


def test_a_wrong_redis_password_is_refused(tmp_path: Path) -> None:
    with running_valkey("--requirepass", "right") as url:
        assert "password" in _refusal(_environment(url, tmp_path))


def test_a_port_in_use_is_refused(redis_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert port in _refusal(_environment(redis_url, tmp_path), "--port", port)


@pytest.mark.parametrize("storage", ["ftp://host/folder", "s3://"])
def test_storage_of_an_unknown_kind_is_refused(redis_url: str, tmp_path: Path, storage: str) -> None:
    environment = _environment(redis_url, tmp_path, NINEFOLD_STORAGE=storage)
    assert "NINEFOLD_STORAGE" in _refusal(environment)


def test_storage_that_cannot_be_written_is_refused(redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("a file where the folder should be")
    assert "NINEFOLD_STORAGE" in _refusal(_environment(redis_url, tmp_path))


@pytest.mark.parametrize("arguments", [("--host", "0.0.0.0"), ("--host", "::"), ("--host", "lab.example")])  # noqa: S104
def test_without_keys_any_address_but_loopback_is_refused(
    redis_url: str, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    assert "NINEFOLD_API_KEYS" in _refusal(_environment(redis_url, tmp_path), *arguments)


def test_invalid_settings_are_refused(redis_url: str, tmp_path: Path) -> None:
    secret = "alice;hunter2"
    message = _refusal(_environment(redis_url, tmp_path, NINEFOLD_API_KEYS=secret))
    assert "NINEFOLD_API_KEYS" in message
    assert "hunter2" not in message
    assert "port" in _refusal(_environment(redis_url, tmp_path), "--port", "99999")
    assert "predictor_device" in _refusal(_environment(redis_url, tmp_path, NINEFOLD_PREDICTOR_DEVICE="gpu"))
    assert "CORS" in _refusal(_environment(redis_url, tmp_path, NINEFOLD_CORS_ORIGINS="lab.example"))


@pytest.mark.parametrize(
    ("workers", "stop_signal"), [("1", signal.SIGTERM), ("2", signal.SIGTERM), ("1", signal.SIGINT)]
)
def test_it_stops_promptly_with_streams_open(
    redis_url: str, tmp_path: Path, workers: str, stop_signal: signal.Signals
) -> None:
    """It ends the streams itself. Else uvicorn would wait five seconds for them, and cancel them with a message."""
    log = tmp_path / "api.log"
    with (
        log.open("wb") as stderr,
        _running(_environment(redis_url, tmp_path), "--workers", workers, stderr=stderr) as (process, url),
    ):
        with httpx.Client(base_url=url, timeout=60) as client, client.stream("GET", "/events") as response:
            lines = response.iter_lines()
            assert next(lines) == "event: snapshot"
            process.send_signal(stop_signal)
            for _ in lines:
                pass
        assert process.wait(60) == 0
    assert "timeout graceful shutdown exceeded" not in log.read_text()


def test_the_predictor_starts_with_the_given_settings(redis_url: str, tmp_path: Path) -> None:
    # A short path, because the length of a Unix socket's path is limited.
    with tempfile.TemporaryDirectory(prefix="nf-") as runtime:
        environment = _environment(
            redis_url,
            tmp_path,
            NINEFOLD_PREDICTOR="",
            NINEFOLD_RUNTIME_DIR=runtime,
            NINEFOLD_PREDICTOR_DEVICE="cpu",
            NINEFOLD_PREDICTOR_CACHE_BYTES="123456",
            NINEFOLD_PREDICT_PRECISION="float32",
        )
        with _running(environment) as (process, _):
            wait_until(lambda: children_of(process.pid, "api.predictor"))
            (predictor,) = children_of(process.pid, "api.predictor")
            arguments = Path(f"/proc/{predictor}/cmdline").read_text().split("\0")
            assert arguments[arguments.index("--device") + 1] == "cpu"
            assert arguments[arguments.index("--cache-bytes") + 1] == "123456"
            assert arguments[arguments.index("--precision") + 1] == "float32"
            process.terminate()
            assert process.wait(60) == 0


def test_the_limits_of_images_can_be_set(redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    manifest = publish_model(open_storage(tmp_path.as_uri()))
    ModelRegistry(redis_client).register(manifest.model_dump_json())
    settings = ApiSettings(
        redis_url=redis_url,
        storage=tmp_path.as_uri(),
        predictor="unix:/tmp/nf-none.sock",
        max_image_bytes=1000,
        max_images=2,
    )
    with running_api(settings) as url:
        ask = f"{url}/predict?model=shapes:1"
        large = problem_in(httpx.post(ask, content=bytes(1001)), 413, "file_too_large")
        assert "1000 bytes" in large["detail"]
        three = [("files", (f"{index}.png", b"x", "image/png")) for index in range(3)]
        many = problem_in(httpx.post(ask, files=three), 413, "too_many_images")
        assert "2 images" in many["detail"]


def _with_open_files(limit: str) -> tuple[str, ...]:
    return ("sh", "-c", f'ulimit {limit} && exec "$@"', "sh")


def test_addresses_have_the_prefix_of_a_proxy_the_log_is_json_and_limits_of_connections_are_set(
    redis_url: str, tmp_path: Path
) -> None:
    environment = _environment(redis_url, tmp_path, NINEFOLD_ACCESS_LOG="true")
    log = tmp_path / "log"
    few_files = _with_open_files("-Sn 64")
    with (
        log.open("wb") as file,
        _running(environment, "--root-path", "/nine", before=few_files, stderr=file) as (process, url),
        httpx.Client(timeout=60) as client,
    ):
        for prefix in ("", "/nine"):  # some proxies strip the prefix
            response = client.post(f"{url}{prefix}/jobs", json={"dataset": "digits"})
            assert response.headers["location"] == f"/nine/jobs/{response.json()['id']}"
            assert client.get(f"{url}{prefix}/openapi.json").json()["servers"] == [{"url": "/nine"}]

        assert client.get(f"{url}/jobs", headers={"X-Long": "x" * 40_000}).status_code == 431
        client.get(f"{url}/jobs?limit=1", headers={"X-Request-ID": "seen"})
        wait_until(lambda: '"seen"' in log.read_text())  # the line is written once the answer was sent
        limits = Path(f"/proc/{process.pid}/limits").read_text()
    [line] = [json.loads(line) for line in log.read_text().splitlines() if '"seen"' in line]
    assert line["route"] == "/jobs"
    soft, hard = next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    assert soft == hard


def test_the_api_imports_no_torch() -> None:
    code = "import sys, api.app, api.__main__; print(sorted({'torch', 'torchvision', 'sklearn', 'numpy', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_event_streams_over_the_maximum_are_refused_and_other_requests_succeed(
    redis_url: str, tmp_path: Path
) -> None:
    environment = _environment(redis_url, tmp_path)
    with (
        _running(environment, before=_with_open_files("-n 128")) as (_, url),
        httpx.Client(base_url=url, timeout=30, limits=httpx.Limits(max_connections=None)) as client,
        ExitStack() as streams,
    ):
        answers = [streams.enter_context(client.stream("GET", "/events")) for _ in range(70)]
        assert [answer.status_code for answer in answers] == [200] * 64 + [503] * 6
        problem = json.loads(answers[-1].read())
        assert (problem["code"], answers[-1].headers["Retry-After"]) == ("too_many_watchers", "10")
        assert client.get("/jobs").status_code == 200


def test_an_api_that_has_stopped_has_closed_its_connections_to_redis(
    redis_client: redis.Redis, valkey_url: str, tmp_path: Path
) -> None:
    before = _clients_of(redis_client)
    settings = ApiSettings(
        redis_url=valkey_url,
        storage=tmp_path.as_uri(),
        cache_dir=tmp_path,
        runtime_dir=Path("/tmp/nf-none"),  # noqa: S108  # no predictor listens there
    )
    with running_api(settings) as url:
        assert httpx.get(f"{url}/jobs").status_code == 200
        wait_until(lambda: redis_client.hlen(redis_keys.UPKEEP_ROLES) > 0)
        assert _clients_of(redis_client) > before
        gc.disable()  # what is closed only when its owner is collected stays open in a process with few cycles
    try:
        wait_until(lambda: _clients_of(redis_client) <= before)
    finally:
        gc.enable()


def _clients_of(client: redis.Redis) -> set[str]:
    clients: list[dict[str, str]] = client.client_list()
    return {one["id"] for one in clients}


def test_a_short_key_is_refused_where_other_machines_may_send_it(redis_url: str, tmp_path: Path) -> None:
    short = _environment(redis_url, tmp_path, NINEFOLD_API_KEYS="alice:hunter2")
    message = _refusal(short, "--host", "0.0.0.0")  # noqa: S104
    assert "16 characters (alice)" in message
    assert "hunter2" not in message


def test_a_short_key_is_warned_of_on_loopback(settings: ApiSettings, redis_url: str) -> None:
    short = settings.model_copy(update={"api_keys": SecretStr("alice:hunter2,app:a-key-of-enough-length")})
    assert [warning for warning in check(short) if "(alice)" in warning]
