"""Puts the files of a remote folder under their names into a local folder, within limits of number and size."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from model.data.archive import ImportLimits
from worker.kinds.dataset_import.sources.errors import SourceRejectedError

_MAX_NAME_BYTES = 255


@dataclass(frozen=True)
class RemoteFile:
    """A file of a remote folder."""

    path: str
    """Below the folder, with forward slashes."""
    size_bytes: int


def copy_files(
    files: Iterable[RemoteFile],
    folder: Path,
    fetch: Callable[[RemoteFile, Path], object],
    *,
    threads: int,
    limits: ImportLimits,
) -> None:
    """Call `fetch` for each file with the path that it shall have.

    A file that is too large for an import is not fetched. An empty (sparse) file of the same size stands for it, and the
    import lists that file as skipped.

    Raises:
        SourceRejectedError: the files are too many or too large together, or a name is not that of a file.
    """
    listed = []
    total_bytes = 0
    for file in files:
        listed.append(file)
        total_bytes += file.size_bytes if file.size_bytes <= limits.max_file_bytes else 0
        if len(listed) > limits.max_files or total_bytes > limits.max_total_bytes:
            raise SourceRejectedError(
                f"The source has more than {limits.max_files} files or {limits.max_total_bytes >> 30} GiB: choose a folder of it."
            )
    with ThreadPoolExecutor(threads) as pool:
        fetched = [pool.submit(_place, file, folder, fetch, limits) for file in listed]
        try:
            for one in fetched:
                one.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _place(
    file: RemoteFile, folder: Path, fetch: Callable[[RemoteFile, Path], object], limits: ImportLimits
) -> None:
    path = folder / safe_path(file.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.size_bytes > limits.max_file_bytes:
        with path.open("xb") as hole:
            hole.truncate(file.size_bytes)
        return
    fetch(file, path)


def safe_path(path: str) -> str:
    """Return a path that stays below its folder; raises SourceRejectedError for any other."""
    parts = path.split("/")
    too_long = any(len(part.encode(errors="surrogatepass")) > _MAX_NAME_BYTES for part in parts)
    if too_long or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise SourceRejectedError(f"The source has a file with an unusable name, {path[:80]!r}: rename it.")
    return path
