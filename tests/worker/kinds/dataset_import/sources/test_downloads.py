"""Downloads over TLS from a server on this host."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.kinds.dataset_import.sources.tls_server import Internet, Reply, running_internet
from worker.kinds.dataset_import.sources.downloads import Downloads
from worker.kinds.dataset_import.sources.errors import SourceRejectedError, SourceUnavailableError

URL = "https://images.example/cats.zip"
HERE = "images.example/cats.zip"


@pytest.fixture
def internet(tmp_path: Path) -> Iterator[Internet]:
    with running_internet(tmp_path) as internet:
        yield internet


@pytest.fixture
def downloads(internet: Internet) -> Iterator[Downloads]:
    downloads = internet.make_downloads()
    yield downloads
    downloads.close()


def test_a_file_arrives_through_a_redirect(internet: Internet, downloads: Downloads, tmp_path: Path) -> None:
    internet.server.replies = {
        HERE: Reply(302, headers={"Location": "https://cdn.example/x?key=k"}),
        "cdn.example/x?key=k": Reply(body=b"zip" * 100_000),
    }
    assert downloads.to_file(URL, tmp_path / "a", 1 << 20) == 300_000
    assert (tmp_path / "a").read_bytes() == b"zip" * 100_000
    assert internet.resolved == ["images.example", "cdn.example"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://cdn.example/x", "not https"),
        ("https://10.0.0.1/x", "not public"),
        ("https://169.254.169.254/latest/meta-data", "not public"),
        ("https://[::1]/x", "not public"),
        ("https://user:secret@cdn.example/x", "not https"),
        ("file:///etc/passwd", "not https"),
        ("/cats.zip", "redirects again and again"),
    ],
)
def test_a_redirect_to_an_address_that_is_not_allowed_is_refused(
    internet: Internet, downloads: Downloads, tmp_path: Path, target: str, said: str
) -> None:
    internet.server.replies = {HERE: Reply(302, headers={"Location": target})}
    with pytest.raises(SourceRejectedError, match=said) as caught:
        downloads.to_file(URL, tmp_path / "a", 1000)
    assert "secret" not in str(caught.value)


def test_a_name_with_one_private_address_is_refused_before_anything_is_sent(
    internet: Internet, tmp_path: Path
) -> None:
    downloads = Downloads(resolve=internet.resolve, certificates=internet.certificates)
    with pytest.raises(SourceRejectedError, match="not public"):
        downloads.to_file(URL, tmp_path / "a", 1000)
    assert internet.server.asked == []
    assert internet.resolved == ["images.example"]


def test_the_certificate_must_be_that_of_the_name(downloads: Downloads, tmp_path: Path) -> None:
    with pytest.raises(SourceRejectedError, match="no valid certificate"):
        downloads.to_file("https://wrong-name.example/x", tmp_path / "a", 1000)


def test_a_file_that_is_too_large_is_refused(
    internet: Internet, downloads: Downloads, tmp_path: Path
) -> None:
    internet.server.replies = {HERE: Reply(body=bytes(2000))}
    with pytest.raises(SourceRejectedError, match="more than 1000 bytes"):
        downloads.to_file(URL, tmp_path / "a", 1000)


def test_a_failure_of_the_other_side_is_repeated_and_a_missing_file_is_not(
    internet: Internet, downloads: Downloads, tmp_path: Path
) -> None:
    internet.server.replies = {HERE: [Reply(503), Reply(429), Reply(body=b"at last")]}
    assert downloads.to_file(URL, tmp_path / "a", 1000) == 7
    with pytest.raises(SourceRejectedError, match="nothing at this address"):
        downloads.to_file("https://images.example/none.zip", tmp_path / "a", 1000)
    assert internet.server.asked.count("images.example/none.zip") == 1
    internet.server.replies = {HERE: Reply(500)}
    with pytest.raises(SourceUnavailableError, match=r"images\.example could not be read: .*500"):
        downloads.to_file(URL, tmp_path / "a", 1000)
    internet.server.shutdown()
    internet.server.server_close()
    with pytest.raises(SourceUnavailableError):
        downloads.to_file("https://cdn.example/x", tmp_path / "a", 1000)


def test_a_proxy_is_used_only_when_it_is_configured(
    internet: Internet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    internet.server.replies = {HERE: Reply(body=b"direct")}
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    downloads = internet.make_downloads()
    assert downloads.to_file(URL, tmp_path / "a", 1000) == 6
    downloads.close()
    configured = internet.make_downloads(proxy="http://user:secret@127.0.0.1:1")
    with pytest.raises(SourceUnavailableError) as caught:
        configured.to_file(URL, tmp_path / "a", 1000)
    assert "secret" not in str(caught.value)
