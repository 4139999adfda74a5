import pytest

from model.data.opening import find_facts
from model.errors import DatasetUnavailableError
from model.storage.interface import Storage


def test_the_error_for_an_unknown_dataset_says_what_to_do(storage: Storage) -> None:
    with pytest.raises(DatasetUnavailableError, match="ninefold datasets add"):
        find_facts("ds_nothing", storage)
