"""The query fields of an upload that say where its classes are."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import StringConstraints

from api.http.errors import invalid_field
from model.data.import_options import Column, ImportOptions, MinImages, TablePath

NOTE_CHARACTERS = 1000
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NOTE_CHARACTERS)]
"""What a person says of a version."""


def _described(field: str) -> object:
    return Query(description=ImportOptions.model_fields[field].description)


def import_options(
    *,
    labels: Annotated[TablePath | None, _described("labels")] = None,
    path_column: Annotated[Column | None, _described("path_column")] = None,
    label_column: Annotated[Column | None, _described("label_column")] = None,
    split_column: Annotated[Column | None, _described("split_column")] = None,
    class_folder: Annotated[Literal["outer", "inner"] | None, _described("class_folder")] = None,
    min_images: Annotated[MinImages | None, _described("min_images")] = None,
) -> ImportOptions:
    """Return the options of an import."""
    return ImportOptions(
        labels=labels,
        path_column=path_column,
        label_column=label_column,
        split_column=split_column,
        class_folder=class_folder,
        min_images=min_images,
    )


def require_name(name: str | None) -> str:
    """Return the name of an upload's dataset; raises InvalidRequestError when none was given."""
    if name is None:
        raise invalid_field("name", "Give the dataset a name.")
    return name
