"""Which addresses of images are accepted."""

import pytest

from worker.errors import SourceRefusedError
from worker.queue.import_source import SourceKind, SourceRules, parse_repository, parse_source

RULES = SourceRules.parse("/data/photos, file:///more%20data,s3://bucket/photos/", egress=True)


@pytest.mark.parametrize(
    ("address", "kind", "path"),
    [
        ("file:///data/photos", SourceKind.FILE, "/data/photos"),
        ("file:///data/photos/a%20b.zip", SourceKind.FILE, "/data/photos/a b.zip"),
        ("file://localhost/more%20data/x", SourceKind.FILE, "/more data/x"),
        ("s3://bucket/photos", SourceKind.S3, "bucket/photos"),
        ("s3://bucket/photos/cats.zip", SourceKind.S3, "bucket/photos/cats.zip"),
        ("https://images.example/cats.zip", SourceKind.HTTPS, "images.example/cats.zip"),
        ("https://images.example:8443/cats.zip", SourceKind.HTTPS, "images.example:8443/cats.zip"),
        ("hf://microsoft/cats_vs_dogs", SourceKind.HUGGING_FACE, "microsoft/cats_vs_dogs"),
    ],
)
def test_an_allowed_address_is_read(address: str, kind: SourceKind, path: str) -> None:
    source = parse_source(address, RULES)
    assert (source.kind, source.path) == (kind, path)


@pytest.mark.parametrize(
    "address",
    [
        *("", "photos", "/data/photos", "ftp://host/a.zip", "http://host/a.zip", "FILE", "file:data/photos"),
        *(
            "file:///",
            "file:///etc",
            "file:///data/photosx",
            "file:///data/photos/../../etc",
            "file://host/data/photos",
        ),
        *("file:///data/photos/%2e%2e/%2e%2e/etc", "file:///data/photos/a%00b", "file:///data/photos\n"),
        *(
            "s3://",
            "s3://bucket",
            "s3://bucket/photosx",
            "s3://bucket/photos/../secrets",
            "s3://other/photos",
        ),
        *(
            "https://",
            "https://host",
            "https://host/",
            "https://user:pass@host/a.zip",
            "https://host/a.zip?key=secret",
        ),
        *(
            "https://host/a.zip#x",
            "https://ho st/a.zip",
            "https://höst/a.zip",
            "https://host:x/a.zip",
            "https://[::1/a",
        ),
        *(
            "hf://cats",
            "hf://a/b/c",
            "hf://../etc",
            "hf://a/..",
            "hf://a/b?x=1",
            "https://host/" + "a" * 2000,
        ),
    ],
)
def test_any_other_address_is_refused_and_never_repeated(address: str) -> None:
    with pytest.raises(SourceRefusedError) as caught:
        parse_source(address, RULES)
    assert not any(part in str(caught.value) for part in ("secret", "pass", "etc", "other"))


def test_nothing_is_allowed_unless_the_operator_says_so() -> None:
    rules = SourceRules.parse("", egress=False)
    for address, advice in (
        ("file:///data", "NINEFOLD_SOURCE_ROOTS"),
        ("s3://bucket/photos", "NINEFOLD_SOURCE_ROOTS"),
        ("https://host/a.zip", "NINEFOLD_ALLOW_EGRESS"),
        ("hf://owner/dataset", "NINEFOLD_ALLOW_EGRESS"),
    ):
        with pytest.raises(SourceRefusedError, match=advice):
            parse_source(address, rules)


def test_a_malformed_list_of_roots_is_refused() -> None:
    for roots in ("photos", "s3://", "https://host/a"):
        with pytest.raises(SourceRefusedError, match="NINEFOLD_SOURCE_ROOTS"):
            SourceRules.parse(roots, egress=False)


def test_a_repository_may_have_a_revision() -> None:
    assert parse_repository("owner/dataset") == ("owner/dataset", "main")
    assert parse_repository("datasets/owner/dataset@v2.0") == ("owner/dataset", "v2.0")
