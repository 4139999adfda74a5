"""`python -m model`: train without any service, import a dataset, export some of its images."""

import argparse
import json
import sys
from pathlib import Path

from model.commands.export_images import add_export_arguments, export
from model.commands.train import add_train_arguments, train
from model.data.importing import import_dataset
from model.errors import DatasetRejectedError, ModelError
from model.host.parent import end_with_parent
from model.storage.opening import open_storage


def main() -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m model", description=__doc__)
    commands = parser.add_subparsers(required=True)
    train_parser = commands.add_parser("train", help="train a network and write it to a folder")
    add_train_arguments(train_parser)
    train_parser.set_defaults(run=train)
    import_parser = commands.add_parser("import-dataset", help="freeze a folder or zip of images in storage")
    import_parser.add_argument("--source", type=Path, required=True, help="folder or zip")
    import_parser.add_argument("--storage", required=True, help="for example file:///var/lib/ninefold")
    import_parser.add_argument("--name", required=True, help="how people will call the dataset")
    import_parser.add_argument("--expect", metavar="ID", help="store it only if it is this dataset")
    import_parser.add_argument("--parent", type=int, help="end with this process, whose child this one is")
    import_parser.set_defaults(run=_import_dataset)
    export_parser = commands.add_parser("export-images", help="write some images of a dataset as PNG files")
    add_export_arguments(export_parser)
    export_parser.set_defaults(run=export)
    arguments = parser.parse_args()
    status: int = arguments.run(arguments)
    return status


def _import_dataset(arguments: argparse.Namespace) -> int:
    """Answer with one JSON line: the dataset, or why it was rejected."""
    if arguments.parent:
        end_with_parent(arguments.parent)
    try:
        storage = open_storage(arguments.storage)
        record = import_dataset(arguments.source, storage, arguments.name, expected_id=arguments.expect)
    except ModelError as error:
        print(json.dumps({"error": {"code": error.code, "message": str(error)}}))  # noqa: T201 - the answer
        return 1
    except MemoryError:
        message = "Reading it needs more memory than is allowed: use smaller images, or fewer in one zip."
        print(json.dumps({"error": {"code": DatasetRejectedError.code, "message": message}}))  # noqa: T201
        return 1
    print(json.dumps({"dataset": record.model_dump(mode="json")}))  # noqa: T201 - the answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
