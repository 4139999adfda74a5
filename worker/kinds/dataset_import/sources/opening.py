"""Provides the source of an import as a local zip or folder, whatever the source is."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.data.archive import ImportLimits
from model.data.sources.published_files import fetch_built_in
from model.errors import DatasetUnavailableError, StorageError
from model.host.cache_folder import default_cache_dir
from model.storage.interface import Storage
from worker.kinds.dataset_import.sources.errors import SourceRejectedError, SourceUnavailableError
from worker.queue.import_source import ImportSource, SourceKind, SourceRules, parse_repository, parse_source

if TYPE_CHECKING:
    from worker.kinds.dataset_import.sources.downloads import Downloads

MakeDownloads = Callable[..., "Downloads"]


def make_downloads(**options: Any) -> "Downloads":
    """Return connections to other hosts, with the options of `Downloads`."""
    from worker.kinds.dataset_import.sources.downloads import (  # noqa: PLC0415  # imports httpcore, which uploads do not need
        Downloads,
    )

    return Downloads(**options)


@dataclass(frozen=True)
class OpenedSource:
    """A local zip or folder, or the files of a built-in dataset in the host's cache."""

    path: Path
    within: Sequence[Path] = ()
    """The folders in which every file must lie, links followed; none where the files are our own copies."""
    built_in: str | None = None
    """The name of the built-in dataset, whose files are in the cache folder `path`."""

    def options(self) -> list[str]:
        """Return the options of the import process that name the source."""
        if self.built_in is not None:
            return ["--source", str(self.path), "--built-in", self.built_in]
        within = [option for folder in self.within for option in ("--within", str(folder))]
        return ["--source", str(self.path), *within]


@dataclass(frozen=True)
class SourceAccess:
    """What one worker may read, and how."""

    rules: SourceRules = field(default_factory=SourceRules)
    make_downloads: MakeDownloads = make_downloads
    limits: ImportLimits = field(default_factory=ImportLimits)
    cache_dir: Path = field(default_factory=default_cache_dir)
    """Keeps the downloads of built-in datasets, as for trainings."""

    @contextmanager
    def open(
        self, address: str, storage: Storage, check_wanted: Callable[[], None]
    ) -> Iterator[OpenedSource]:
        """Provide a source.

        Args:
            address: the source, as the record has it; this worker's own rules apply, too.
            storage: provides the folder for copies.
            check_wanted: is called often; may raise to end the work.

        Raises:
            SourceRefusedError: the operator of this worker does not allow the source.
            SourceRejectedError: there is nothing to read.
            SourceUnavailableError: another attempt may succeed.
            StorageError: the worker's disk failed.
        """
        source = parse_source(address, self.rules)
        if source.kind is SourceKind.FILE:
            yield self._local(Path(source.path))
            return
        if source.kind is SourceKind.BUILT_IN:
            yield self._built_in(source.path)
            return
        with storage.working_folder() as folder:
            yield OpenedSource(self._copy(source, folder, check_wanted))

    def _built_in(self, name: str) -> OpenedSource:
        """Download the files here: the process that reads them has no access to the network."""
        try:
            fetch_built_in(name, self.cache_dir)
        except DatasetUnavailableError as error:
            raise SourceUnavailableError(str(error).rstrip(".")) from error
        return OpenedSource(self.cache_dir, built_in=name)

    def _local(self, path: Path) -> OpenedSource:
        try:
            resolved = path.resolve(strict=True)
            roots = [Path(root).resolve(strict=True) for root in self.rules.folders if Path(root).exists()]
        except (OSError, RuntimeError) as error:
            raise SourceRejectedError(
                "The worker's host has nothing at this path: the light workers read it, so it must exist where they run."
            ) from error
        if not any(resolved.is_relative_to(root) for root in roots):
            raise SourceRejectedError(
                "The path leads out of the folders that the operator allows: give the path of the images themselves."
            )
        return OpenedSource(resolved, roots)

    def _copy(self, source: ImportSource, folder: Path, check_wanted: Callable[[], None]) -> Path:
        """Copy a source into a folder, and return the path of the zip or folder there."""
        try:
            if source.kind is SourceKind.S3:
                from worker.kinds.dataset_import.sources.bucket import (  # noqa: PLC0415  # imports obstore, which file:// storage does not need
                    copy_from_bucket,
                )

                return copy_from_bucket(source.path, folder, check_wanted, self.limits)
            with closing(self.make_downloads(check_wanted=check_wanted)) as downloads:
                if source.kind is SourceKind.HUGGING_FACE:
                    from worker.kinds.dataset_import.sources.hugging_face import (  # noqa: PLC0415  # imports httpcore, too
                        copy_repository,
                    )

                    return copy_repository(*parse_repository(source.path), folder, downloads, self.limits)
                target = folder / "source.zip"
                downloads.to_file(source.address, target, self.limits.max_total_bytes)
                return target
        except OSError as error:
            raise StorageError(
                f"the worker's disk cannot keep the source: {error.strerror or error}"
            ) from error


def source_access(roots: str, proxy: str, cache_dir: Path, *, egress: bool) -> SourceAccess:
    """Return what the settings of a worker allow.

    Raises:
        SourceRefusedError: `roots` is malformed.
    """
    rules = SourceRules.parse(roots, egress=egress)
    return SourceAccess(rules, partial(make_downloads, proxy=proxy), cache_dir=cache_dir)
