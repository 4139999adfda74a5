"""Which way requests go: directly or through a proxy, and what is said when the environment's settings cannot be used."""

from pathlib import Path

import pytest

from ninefold import Client, NinefoldError
from ninefold.errors import UnreachableError
from tests.ninefold.client.http_server import Reply, Request, scripted_server

WORKERS = Reply(body={"object": "list", "data": [], "has_more": False})
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _no_proxy_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def forbid(_: Request) -> Reply:
    return Reply(403, b"<html>blocked by policy</html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
        ("NO_PROXY", "[::1]"),
        ("NO_PROXY", "fd00::/8,10.0.0.0/8"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
    ],
)
def test_a_service_on_this_machine_is_asked_directly_whatever_the_environment_says(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with scripted_server(lambda _: WORKERS) as service:
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):  # noqa: S104 - what a person copies from --host
            with Client(service.url.replace("127.0.0.1", host)) as client:
                assert client.workers() == []


def test_another_host_is_asked_through_the_proxy_and_errors_name_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with scripted_server(forbid) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:secret@"))
        with Client("http://gpu.example:8000") as client, pytest.raises(NinefoldError) as caught:
            client.workers()
        assert proxy.requests == [Request("GET", "http://gpu.example:8000/workers", b"")]
    assert "answered 403" in caught.value.detail
    assert f"through the proxy {proxy.url}" in caught.value.detail
    assert "NO_PROXY=gpu.example" in caught.value.detail
    assert "secret" not in caught.value.detail


def test_a_proxy_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "127.0.0.1:1")
    with (
        Client("http://gpu.example:8000") as client,
        pytest.raises(UnreachableError, match="proxy http://127"),
    ):
        client.workers()


@pytest.mark.parametrize(
    ("host", "no_proxy"),
    [
        ("gpu.example", "gpu.example"),
        ("gpu.example", ".example"),
        ("gpu.example", "gpu.example:8000"),
        ("gpu.example", "*"),
        ("192.0.2.7", "[::1],192.0.2.0/24"),
        ("[2001:db8::7]", "2001:db8::/32"),
    ],
)
def test_no_proxy_names_hosts_domains_ports_and_networks(
    host: str, no_proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", no_proxy)
    with Client(f"http://{host}:8000") as client:
        assert client._transport._route.proxy is None
    with Client("http://other.invalid:8000") as client:
        assert (client._transport._route.proxy is None) == (no_proxy == "*")


def test_a_socks_proxy_and_missing_certificates_are_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(NinefoldError, match=r"socks5://127.0.0.1:1 cannot be used.*NO_PROXY=gpu.example"):
        Client("http://gpu.example:8000")
    monkeypatch.delenv("all_proxy")
    (tmp_path / "empty.pem").write_text("")
    for path in (tmp_path / "gone.pem", tmp_path / "empty.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(NinefoldError, match=r"SSL_CERT_FILE=.* cannot be used"):
            Client("https://gpu.example")


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "localhost:8000", "http://", "http://[::1", "ftp://gpu", "http://gpu:99999", ""]
)
def test_an_address_that_is_none_is_refused_with_the_form(url: str) -> None:
    with pytest.raises(NinefoldError, match=r"has the form http://127.0.0.1:8000"):
        Client(url)


def test_a_key_that_no_header_can_hold_is_named_and_space_around_a_key_is_left_out() -> None:
    for key in ("schlüssel-0123456789", "key\nof-alice"):
        with pytest.raises(NinefoldError, match="The API key holds"):
            Client("http://127.0.0.1:8000", key)
    with scripted_server(lambda _: WORKERS) as service, Client(service.url, " key-of-alice\n") as client:
        assert client.workers() == []


def test_a_refused_request_is_sent_again_after_the_time_that_the_service_names() -> None:
    busy = Reply(503, {"code": "overloaded", "detail": "Busy."}, {"Retry-After": "1"})
    answers = [busy, busy, WORKERS]
    with scripted_server(lambda _: answers.pop(0)) as service, Client(service.url) as client:
        assert client.workers() == []


@pytest.mark.parametrize("retry_after", ["60", "soon", None])
def test_a_refusal_for_longer_than_the_patience_or_without_a_time_is_an_error(
    retry_after: str | None,
) -> None:
    headers = {"Retry-After": retry_after} if retry_after else {}
    full = Reply(503, {"code": "queue_full", "detail": "Full."}, headers)
    with scripted_server(lambda _: full) as service:
        with Client(service.url) as client, pytest.raises(NinefoldError, match="Full"):
            client.workers()
        assert len(service.requests) == 1


def test_a_change_that_may_have_happened_is_not_repeated_after_a_refusal() -> None:
    lost = Reply(503, {"code": "redis_unavailable", "detail": "Redis is away."}, {"Retry-After": "1"})
    with scripted_server(lambda _: lost) as service:
        with Client(service.url) as client, pytest.raises(NinefoldError):
            client.delete("job_1")
        assert len(service.requests) == 1
