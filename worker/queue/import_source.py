"""Where an import reads images from, other than an upload: addresses as users write them, and what the operator allows. Opens nothing."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Self
from urllib.parse import unquote, urlsplit

from model.data.built_in.facts import BUILT_IN
from worker.errors import SourceRefusedError

_MAX_CHARACTERS = 1000
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_HUGGING_FACE = re.compile(rf"(?:datasets/)?({_PART})/({_PART})(?:@({_PART}))?")
_KINDS = (
    "file:///folder, s3://bucket/prefix, https://host/photos.zip, hf://owner/dataset or built-in://digits"
)


class SourceKind(StrEnum):
    """Who keeps the images: the scheme of the address."""

    FILE = "file"
    S3 = "s3"
    HTTPS = "https"
    HUGGING_FACE = "hf"
    BUILT_IN = "built-in"


@dataclass(frozen=True)
class SourceRules:
    """What the operator allows."""

    folders: tuple[PurePosixPath, ...] = ()
    buckets: tuple[str, ...] = ()
    """Each is `bucket` or `bucket/prefix`."""
    egress: bool = False
    """Whether the workers may read from the internet."""

    @classmethod
    def parse(cls, roots: str, *, egress: bool) -> Self:
        """Read a comma-separated list of folders (`/data/photos` or `file:///data/photos`) and `s3://bucket/prefix`.

        Raises:
            SourceRefusedError: an entry is neither.
        """
        folders, buckets = [], []
        for root in filter(None, map(str.strip, roots.split(","))):
            parts = urlsplit(root)
            if parts.scheme == SourceKind.S3 and parts.netloc:
                buckets.append(f"{parts.netloc}/{parts.path.strip('/')}".rstrip("/"))
            elif parts.scheme in ("", SourceKind.FILE) and parts.path.startswith("/"):
                folders.append(PurePosixPath(unquote(parts.path)))
            else:
                raise SourceRefusedError(
                    "NINEFOLD_SOURCE_ROOTS must list folders such as /data/photos, and s3://bucket/prefix."
                )
        return cls(tuple(folders), tuple(buckets), egress)


@dataclass(frozen=True)
class ImportSource:
    """A source that the operator allows. It holds no secret."""

    kind: SourceKind
    address: str
    """As the record shows it."""

    @property
    def path(self) -> str:
        """What follows the scheme: a path, `bucket/prefix`, or `owner/dataset@revision`."""
        return (
            unquote(urlsplit(self.address).path)
            if self.kind is SourceKind.FILE
            else self.address.split("://")[1]
        )


def parse_source(text: str, rules: SourceRules) -> ImportSource:
    """Read the address of a source.

    Raises:
        SourceRefusedError: the address is invalid, or the operator does not allow it. The message does not repeat it.
    """
    try:
        parts = urlsplit(text)
        kind = SourceKind(parts.scheme)
        has_secrets = bool(parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:
        raise SourceRefusedError(f"This is no address of images: write {_KINDS}.") from None
    if len(text) > _MAX_CHARACTERS or not text.isprintable() or text != text.strip():
        raise SourceRefusedError(f"This is no address of images: write {_KINDS}.")
    if has_secrets:
        raise SourceRefusedError(
            "Write the address without a user name, a key, `?` and `#`: it is stored and shown. Download the file and "
            "upload it instead, if it needs a key."
        )
    checks = {
        SourceKind.FILE: _check_file,
        SourceKind.S3: _check_bucket,
        SourceKind.HTTPS: _check_https,
        SourceKind.HUGGING_FACE: _check_hugging_face,
        SourceKind.BUILT_IN: _check_built_in,
    }
    checks[kind](text, rules)
    return ImportSource(kind, text)


def _check_file(text: str, rules: SourceRules) -> None:
    parts = urlsplit(text)
    path = PurePosixPath(unquote(parts.path))
    if (
        parts.netloc not in ("", "localhost")
        or not path.is_absolute()
        or ".." in path.parts
        or "\0" in str(path)
    ):
        raise SourceRefusedError("A file:// address has three slashes and a whole path: file:///data/photos.")
    if not any(path.is_relative_to(root) for root in rules.folders):
        raise SourceRefusedError(
            "The operator allows no folder that contains this path: upload the images, or let NINEFOLD_SOURCE_ROOTS list "
            "the folder."
        )


def _check_bucket(text: str, rules: SourceRules) -> None:
    path = text.removeprefix("s3://").rstrip("/")
    if not path or any(part in ("", ".", "..") for part in path.split("/")):
        raise SourceRefusedError("An s3:// address is a bucket and a prefix, or a zip: s3://bucket/photos.")
    if not any(path == root or path.startswith(f"{root}/") for root in rules.buckets):
        raise SourceRefusedError(
            "The operator allows no prefix that contains this address: upload the images, or let NINEFOLD_SOURCE_ROOTS "
            "list s3://bucket/prefix."
        )


def _check_https(text: str, rules: SourceRules) -> None:
    _check_egress(rules)
    parts = urlsplit(text)
    if not _HOST.fullmatch(parts.netloc) or not parts.path.strip("/"):
        raise SourceRefusedError("An https:// address names a host and a zip: https://host/photos.zip.")


def _check_hugging_face(text: str, rules: SourceRules) -> None:
    _check_egress(rules)
    if not _HUGGING_FACE.fullmatch(text.removeprefix("hf://")):
        raise SourceRefusedError("An hf:// address is the owner and the dataset: hf://owner/dataset.")


def _check_built_in(text: str, rules: SourceRules) -> None:  # noqa: ARG001 - a check of a source
    if text.removeprefix("built-in://") not in BUILT_IN:
        raise SourceRefusedError(f"The built-in datasets are {', '.join(BUILT_IN)}.")


def _check_egress(rules: SourceRules) -> None:
    if not rules.egress:
        raise SourceRefusedError(
            "The operator does not let this service read from the internet: download the images and upload them, or set "
            "NINEFOLD_ALLOW_EGRESS=1."
        )


def parse_repository(path: str) -> tuple[str, str]:
    """Return `owner/dataset` and the revision of a path that `parse_source` has accepted."""
    match = _HUGGING_FACE.fullmatch(path)
    assert match  # noqa: S101 - it was accepted
    owner, dataset, revision = match.groups()
    return f"{owner}/{dataset}", revision or "main"
