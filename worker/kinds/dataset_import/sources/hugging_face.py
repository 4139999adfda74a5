"""Copies a dataset of the Hugging Face Hub: a repository with image folders, or with one zip."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from model.data.archive import ImportLimits
from model.data.files.file_endings import is_image_name
from worker.kinds.dataset_import.sources.downloads import CONNECTIONS, Downloads
from worker.kinds.dataset_import.sources.errors import SourceRejectedError, SourceUnavailableError
from worker.kinds.dataset_import.sources.local_copies import RemoteFile, copy_files

HOST = "https://huggingface.co"
_TABLES = (".csv", ".tsv")


def copy_repository(
    repository: str, revision: str, folder: Path, downloads: Downloads, limits: ImportLimits
) -> Path:
    """Copy the images and tables, or the zip, of a repository; return the path of the zip, or of the folder.

    Raises:
        SourceRejectedError: there is no such repository, or none with image files or one zip.
        SourceUnavailableError: the Hub cannot be reached.
    """
    files = list(_list(repository, revision, downloads, limits))
    zips = [file for file in files if file.path.lower().endswith(".zip")]
    images = [file for file in files if is_image_name(file.path)]
    if not images and len(zips) == 1:
        target = folder / "source.zip"
        downloads.to_file(_address(repository, revision, zips[0].path), target, limits.max_total_bytes)
        return target
    if not images:
        raise SourceRejectedError(_advice(files, len(zips)))
    tables = [file for file in files if file.path.lower().endswith(_TABLES)]
    target = folder / "source"
    target.mkdir()
    copy_files(
        [*images, *tables],
        target,
        lambda file, path: downloads.to_file(
            _address(repository, revision, file.path), path, limits.max_file_bytes
        ),
        threads=CONNECTIONS,
        limits=limits,
    )
    return target


def _list(repository: str, revision: str, downloads: Downloads, limits: ImportLimits) -> Iterator[RemoteFile]:
    page: str | None = f"{HOST}/api/datasets/{repository}/tree/{quote(revision, safe='')}?recursive=true"
    listed = 0
    while page is not None:
        entries, page = downloads.read_json(page)
        try:
            files = [
                RemoteFile(str(entry["path"]), int(entry["size"]))
                for entry in entries
                if entry["type"] == "file"
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise SourceUnavailableError("huggingface.co sent a list that cannot be read") from error
        listed += len(files)
        if listed > 2 * limits.max_files:
            raise SourceRejectedError(f"The repository has more than {limits.max_files} files.")
        yield from files


def _address(repository: str, revision: str, path: str) -> str:
    return f"{HOST}/datasets/{repository}/resolve/{quote(revision, safe='')}/{quote(path)}"


def _advice(files: list[RemoteFile], zips: int) -> str:
    if any(file.path.lower().endswith((".parquet", ".arrow")) for file in files):
        return (
            "The repository keeps its images in parquet files, which are not read: save them as files, in a folder for each "
            "class, with the Python package datasets, and add that folder. The documentation of datasets has the few lines."
        )
    if zips > 1:
        return f"The repository has {zips} zips and no image files: download the right one and upload it."
    return "The repository has no image files and no zip: choose another one."
