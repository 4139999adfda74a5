"""The options of commands that import images: which table holds the classes, and which classes are too small."""

import argparse

from model.data.import_options import ImportOptions

_METAVARS = {"labels": "FILE", "class_folder": "outer|inner", "min_images": "N"}


def add_import_options(parser: argparse.ArgumentParser) -> None:
    """Declare an option for each field of `ImportOptions`."""
    group = parser.add_argument_group(
        "options for images", "Where the classes are, if folders or a labels.csv do not say it."
    )
    for name, field in ImportOptions.model_fields.items():
        kind = int if name == "min_images" else str
        metavar = _METAVARS.get(name, "COLUMN")
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=metavar, help=field.description)


def read_import_options(arguments: argparse.Namespace) -> ImportOptions:
    """Return the options; raises ValidationError when one is out of range."""
    return ImportOptions.model_validate(
        {name: getattr(arguments, name) for name in ImportOptions.model_fields}
    )
