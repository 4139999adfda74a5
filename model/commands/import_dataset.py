"""`python -m model import-dataset`: imports a folder or zip of images into storage; the API runs it for uploads."""

import argparse
import json
from pathlib import Path

from pydantic import ValidationError

from model.commands.import_options import add_import_options, read_import_options
from model.data.importing import import_dataset
from model.errors import DatasetRejectedError, ModelError
from model.host.parent import end_with_parent
from model.storage.opening import open_storage

EXAMPLE = "python -m model import-dataset --source photos.zip --storage file:///var/lib/ninefold/storage --name pets"


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--source",
        type=Path,
        required=True,
        metavar="PATH",
        help="a folder or zip with one folder of images per class (optionally below train/ and test/), or with a "
        "labels.csv",
    )
    parser.add_argument(
        "--storage",
        required=True,
        metavar="URL",
        help="where the dataset is stored: file:///path/to/storage or s3://bucket/prefix",
    )
    parser.add_argument(
        "--name",
        required=True,
        help="name of the dataset: 1 to 64 lower-case letters, digits, dots, dashes or underscores",
    )
    parser.add_argument(
        "--expect", metavar="ID", help="fail, and store nothing, unless the dataset has this id (ds_…)"
    )
    add_import_options(parser)
    parser.add_argument(
        "--parent",
        type=int,
        metavar="PID",
        help="end when this process, which started the command, ends or closes standard input",
    )


def run_import(arguments: argparse.Namespace) -> int:
    """Import the source and print one line of JSON: `{"dataset": …}`, or `{"error": {"code": …, "message": …}}`."""
    if arguments.parent:
        end_with_parent(arguments.parent)
    try:
        storage = open_storage(arguments.storage)
        record = import_dataset(
            arguments.source,
            storage,
            arguments.name,
            options=read_import_options(arguments),
            expected_id=arguments.expect,
        )
    except ModelError as error:
        return _print_error(error.code, str(error))
    except ValidationError as error:
        first = error.errors()[0]
        return _print_error("invalid_option", f"{first['loc'][0]}: {first['msg']}.")
    except MemoryError:
        return _print_error(
            DatasetRejectedError.code,
            "Reading the images needs more memory than is allowed: use smaller images, or fewer in one zip.",
        )
    _print_json({"dataset": record.model_dump(mode="json")})
    return 0


def _print_error(code: str, message: str) -> int:
    _print_json({"error": {"code": code, "message": message}})
    return 1


def _print_json(answer: dict[str, object]) -> None:
    print(json.dumps(answer))  # noqa: T201 - the command's output
