"""Over `rediss://` the client of the store, the sender of wake-ups and the worker's consumer check the same certificate."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from kombu.exceptions import OperationalError

from tests.worker.redis_server.tls_valkey import (
    Authority,
    make_authority,
    make_server_context,
    tls_in_front_of,
)
from worker.queue.wake_ups import WakeUpSender
from worker.redis_server.connection import connect
from worker.redis_server.keys import WAKE_UPS
from worker.service.celery_app import make_app


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path)


@pytest.fixture
def url(authority: Authority, tmp_path: Path, redis_url: str) -> Iterator[str]:
    with tls_in_front_of(redis_url, make_server_context(authority, tmp_path)) as url:
        yield url


@pytest.fixture
def url_of_another_host(authority: Authority, tmp_path: Path, redis_url: str) -> Iterator[str]:
    with tls_in_front_of(redis_url, make_server_context(authority, tmp_path, "10.1.2.3")) as url:
        yield url


def store_accepts(url: str) -> bool:
    with connect(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def consumer_accepts(url: str) -> bool:
    with make_app(url).connection_for_read() as connection:
        try:
            connection.ensure_connection(max_retries=1, interval_start=0)
            connection.default_channel.client.ping()
        except (OperationalError, redis.ConnectionError):
            return False
        return True


def wake_ups_arrive(url: str, redis_client: redis.Redis) -> bool:
    redis_client.delete(WAKE_UPS)
    with closing(WakeUpSender(url)) as wake_ups:
        wake_ups.send()
    return redis_client.llen(WAKE_UPS) == 1


Check = Callable[[str], bool]


@pytest.fixture(params=["store", "wake-ups", "consumer"])
def accepts(request: pytest.FixtureRequest, redis_client: redis.Redis) -> Check:
    checks: dict[str, Check] = {
        "store": store_accepts,
        "wake-ups": lambda url: wake_ups_arrive(url, redis_client),
        "consumer": consumer_accepts,
    }
    return checks[request.param]


def test_a_certificate_of_an_unknown_authority_is_refused(url: str, accepts: Check) -> None:
    assert not accepts(url)


def test_a_certificate_of_the_given_authority_is_accepted(
    url: str, authority: Authority, accepts: Check
) -> None:
    assert accepts(f"{url}?ssl_ca_certs={authority.file}")


def test_a_certificate_of_another_host_is_refused(
    url_of_another_host: str, authority: Authority, accepts: Check
) -> None:
    assert not accepts(f"{url_of_another_host}?ssl_ca_certs={authority.file}")


@pytest.mark.parametrize("option", ["ssl_cert_reqs=none", "ssl_check_hostname=no"])
def test_the_checks_can_be_switched_off(
    url_of_another_host: str, authority: Authority, accepts: Check, option: str
) -> None:
    assert accepts(f"{url_of_another_host}?ssl_ca_certs={authority.file}&{option}")
