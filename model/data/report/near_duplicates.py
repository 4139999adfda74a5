"""Reads from the index of a dataset which of its images are nearly the same."""
# ruff: noqa: N803 - shapes in names: ids_N

import logging
import sqlite3
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.data.record import RECORD_FILE, dataset_key
from model.data.report.index_file import INDEX_FILE, open_read_only
from model.storage.interface import Storage

_log = logging.getLogger(__name__)


def read_groups(index: Path) -> dict[str, list[str]]:
    """Return the ids of the images of each group of near-duplicates, from the index of the dataset."""
    groups: dict[str, list[str]] = {}
    with open_read_only(index) as connection:
        rows = connection.execute(
            "SELECT group_id, id FROM images WHERE group_id IS NOT NULL ORDER BY number"
        )
        for group, image_id in rows:
            groups.setdefault(group, []).append(image_id)
    return groups


def number_groups(dataset: str, ids_N: NDArray[np.str_], storage: Storage) -> NDArray[np.int32]:
    """Return the number of the group of each of these images, int32 [N]; -1 of an image without a near-duplicate here.

    All images are alone in datasets that an earlier release imported, which have no index, and in built-in ones, which have no
    record: their index is stored when somebody asks for it.

    Args:
        dataset: a built-in name or `ds_…`.
        ids_N: the images, such as those of one split.
        storage: contains the dataset.
    """
    numbers_N = np.full(len(ids_N), -1, np.int32)
    key = dataset_key(dataset, INDEX_FILE)
    if not (storage.exists(key) and storage.exists(dataset_key(dataset, RECORD_FILE))):
        return numbers_N
    try:
        with storage.as_file(key) as index:
            groups = read_groups(index)
    except sqlite3.Error as error:
        _log.warning("%s is damaged (%s): images count as different, also near-duplicates", key, error)
        return numbers_N
    place_of = {image_id: place for place, image_id in enumerate(ids_N.tolist())}
    places = ([place_of[one] for one in members if one in place_of] for members in groups.values())
    for number, group in enumerate(group for group in places if len(group) > 1):
        numbers_N[group] = number
    return numbers_N
