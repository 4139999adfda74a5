"""`python -m model`: the commands that need no service: train, import-dataset and export-images."""

import argparse
import sys
from collections.abc import Callable

from model.commands import export_images, import_dataset, train
from model.host.installation import installed_version

DESCRIPTION = """\
Train image classifiers, import datasets and export images, without any service.
`python -m model COMMAND --help` explains the options of a command."""

Run = Callable[[argparse.Namespace], int]


def main() -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m model",
        description=DESCRIPTION,
        epilog=_examples(train.EXAMPLE, train.FOLDER_EXAMPLE, import_dataset.EXAMPLE, export_images.EXAMPLE),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ninefold {installed_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")

    def add_command(name: str, run: Run, help_text: str, *examples: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=help_text,
            description=f"{help_text[0].upper()}{help_text[1:]}.",
            epilog=_examples(*examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        return command

    train.add_train_arguments(
        add_command(
            "train",
            train.run_train,
            "train a network and write its weights and manifest to a folder",
            train.EXAMPLE,
            train.FOLDER_EXAMPLE,
        )
    )
    import_dataset.add_import_arguments(
        add_command(
            "import-dataset",
            import_dataset.run_import,
            "import a folder or zip of labelled images into storage",
            import_dataset.EXAMPLE,
        )
    )
    export_images.add_export_arguments(
        add_command(
            "export-images",
            export_images.run_export,
            "write some images of a dataset as PNG files",
            export_images.EXAMPLE,
        )
    )
    arguments = parser.parse_args()
    status: int = arguments.run(arguments)
    return status


def _examples(*commands: str) -> str:
    return "\n  ".join(("examples:" if len(commands) > 1 else "example:", *commands))


if __name__ == "__main__":
    sys.exit(main())
