"""The address of Redis in the form that Celery understands."""

import pytest

from worker.redis_server.connection import broker_url, connect


@pytest.mark.parametrize(
    ("redis_url", "expected"),
    [
        ("redis://:pw@host:1/2", "redis://:pw@host:1/2"),
        ("redis://host:1?db=3", "redis://host:1/3"),
        ("rediss://u:p%40@host:1/2?ssl_cert_reqs=none", "rediss://u:p%40@host:1/2"),
        ("unix:///run/valkey.sock?db=3", "redis+socket:///run/valkey.sock?virtual_host=3"),
        (
            "sentinel://:pw@one:1,two/main/3",
            "sentinel://:pw@one:1/3;sentinel://:pw@two:26379/3",
        ),
        ("unix://:pw@/run/valkey.sock", "redis+socket://:pw@/run/valkey.sock?virtual_host=0"),
    ],
)
def test_celery_gets_the_url_of_the_same_server(redis_url: str, expected: str) -> None:
    assert broker_url(redis_url) == expected


@pytest.mark.parametrize("url", ["sentinel://host:26379", "sentinel:///main/0", "sentinel://host/main/first"])
def test_a_sentinel_address_without_host_or_service_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"sentinel://HOST:PORT|invalid literal"):
        connect(url)
