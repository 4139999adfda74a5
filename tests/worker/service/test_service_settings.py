"""Settings are read from the environment and the command line."""

import pytest
from pydantic import ValidationError

from worker.settings import ServiceSettings, WorkerSettings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "NINEFOLD_REDIS_URL", "NINEFOLD_LEASE_S", "NINEFOLD_RENEW_EVERY_S"):
        monkeypatch.delenv(name, raising=False)


def test_redis_url_is_read_under_its_usual_name_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ServiceSettings().redis_url == "redis://127.0.0.1:6379/0"
    monkeypatch.setenv("REDIS_URL", "redis://one:1/0")
    assert ServiceSettings().redis_url == "redis://one:1/0"
    monkeypatch.setenv("NINEFOLD_REDIS_URL", "redis://two:2/0")
    assert WorkerSettings().redis_url == "redis://two:2/0"


def test_the_command_line_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NINEFOLD_DEVICES", "0")
    monkeypatch.setenv("REDIS_URL", "redis://one:1/0")
    settings = WorkerSettings(devices="cpu", redis_url="redis://two:2/0")
    assert (settings.devices, settings.redis_url) == ("cpu", "redis://two:2/0")


def test_a_lease_lasts_at_least_three_renewals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NINEFOLD_LEASE_S", "2")
    with pytest.raises(ValidationError, match="at most a third of lease_s"):
        ServiceSettings()


def test_api_keys_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NINEFOLD_API_KEYS", "alice:secret")
    assert "secret" not in repr(ServiceSettings())
