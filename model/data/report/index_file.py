"""The SQLite file that lists the images of a dataset: its tables, and how it is opened. Imports no decoder.

Images are numbered in the order of `images.zip`, from 0.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

INDEX_FILE = "index.sqlite"
THUMBNAILS_PATTERN = "thumbnails-*.pack"
"""The file of thumbnails has the hash of its bytes in its name, so that an index never meets those of another import."""
SCHEMA_VERSION = 1
TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE images (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, split TEXT NOT NULL, class TEXT NOT NULL,
  width INTEGER NOT NULL, height INTEGER NOT NULL, mode TEXT NOT NULL, format TEXT NOT NULL,
  size_bytes INTEGER NOT NULL, path TEXT NOT NULL, group_id TEXT, offset INTEGER NOT NULL, length INTEGER NOT NULL,
  thumbnail_offset INTEGER NOT NULL, thumbnail_length INTEGER NOT NULL, hash INTEGER
);
CREATE TABLE findings (
  code TEXT NOT NULL, rank INTEGER NOT NULL, number INTEGER NOT NULL, note TEXT NOT NULL, PRIMARY KEY (code, rank)
) WITHOUT ROWID;
CREATE TABLE skipped (number INTEGER PRIMARY KEY, path TEXT NOT NULL, reason TEXT NOT NULL);
"""
INDEXES = """
CREATE INDEX images_by_class ON images (class);
CREATE INDEX images_by_split ON images (split, class);
CREATE INDEX images_by_group ON images (group_id) WHERE group_id IS NOT NULL;
CREATE UNIQUE INDEX findings_by_image ON findings (number, code);
"""
_STEPS_PER_CHECK = 10_000
_MAX_CHECKS = 5_000
"""A query that takes more steps is ended: no query on an intact index of 200,000 images needs a hundredth of them."""


def create(path: Path) -> sqlite3.Connection:
    """Create an index with empty tables. A process that dies leaves no file that anybody reads, so nothing is synced."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN; {TABLES}")
    return connection


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open an index that never changes. The file is not trusted: its schema runs no function, and a query ends in time."""
    checks = iter(range(_MAX_CHECKS))
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.set_progress_handler(lambda: next(checks, None) is None, _STEPS_PER_CHECK)
        yield connection
