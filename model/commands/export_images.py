"""`python -m model export-images`: writes some images of a dataset as PNG files, to look at or to classify."""

import argparse
import sys
from pathlib import Path

from model.data.built_in.facts import BUILT_IN
from model.data.exporting import export_images
from model.errors import ModelError
from model.host.cache_folder import default_cache_dir
from model.storage.opening import open_storage

EXAMPLE = "python -m model export-images --dataset digits --count 10 --out digits"


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--dataset",
        required=True,
        help="a built-in dataset (" + ", ".join(BUILT_IN) + ") or the id of an imported one (ds_…)",
    )
    parser.add_argument("--split", choices=("train", "test"), default="test", help="default: %(default)s")
    parser.add_argument(
        "--count",
        type=int,
        default=10,
        help="number of images, spread evenly over the classes; default: %(default)s",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the files, which are named <class>_<n>.png",
    )
    parser.add_argument(
        "--storage",
        default=Path("data/storage").absolute().as_uri(),
        metavar="URL",
        help="storage with the imported datasets; default: %(default)s",
    )
    parser.add_argument(
        "--cache-dir",
        type=Path,
        default=default_cache_dir(),
        metavar="DIR",
        help="folder for the downloads of built-in datasets; default: %(default)s",
    )


def run_export(arguments: argparse.Namespace) -> int:
    """Write the images and print the path of each file on a line."""
    try:
        written = export_images(
            arguments.dataset,
            arguments.split,
            arguments.count,
            arguments.out,
            storage=open_storage(arguments.storage),
            cache_dir=arguments.cache_dir,
        )
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's output
        return 1
    for path in written:
        print(path)  # noqa: T201 - the command's output
    return 0
